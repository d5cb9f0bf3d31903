"""What people do with own tags: make, judge, teach, rename, forget. These functions open the transactions."""

from collections.abc import Collection, Iterable

import numpy as np
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from magicroll.models import User
from tagging import local_names, own_heads
from tagging.ml.own_head import OwnHead as FittedHead
from tagging.ml.own_head import probabilities
from tagging.models import Corpus, Encoder, OwnHead, Release, Tag, Verdict
from tagging.own_tags.learning import Evidence, evidence_of, learn
from tagging.own_tags.settling import PHOTOS_PER_CHANGE, settle
from tagging.own_tags.space import open_space
from tagging.pointers import hold
from tagging.releases import release_tags
from tagging.words import typed
from tagging.writer import corpus_change

CUTS = (0.01, 0.99)
_NAME_CHARS = 80


class OwnTagRefused(ValueError):
    """Something that can't be done with an own tag; the message is for the person."""


def make(user: User, words: str) -> Tag:
    """Return the own tag of this name, new or not. Raises OwnTagRefused."""
    name, slug = _named(user, words)
    tag, _made = Tag.objects.get_or_create(
        owner=user, slug=slug, defaults={"name": name, "kind": Tag.Kind.OWN}
    )
    return tag


def rename(user: User, tag: Tag, words: str) -> None:
    """Give an own tag another name. Raises OwnTagRefused."""
    name, slug = _named(user, words)
    try:
        with corpus_change(user.pk):
            Tag.objects.filter(owner=user, pk=tag.pk).update(name=name, slug=slug)
    except IntegrityError as error:
        raise OwnTagRefused(
            _("You have a tag “%(name)s” already. Choose another name.") % {"name": name}
        ) from error


def _named(user: User, words: str) -> tuple[str, str]:
    """Check a name; return it with its slug."""
    name = " ".join(typed(words).split())
    slug = slugify(name, allow_unicode=True)
    if not name or len(name) > _NAME_CHARS or len(slug) > _NAME_CHARS:
        raise OwnTagRefused(_("Type a name of 1 to %(most)s characters.") % {"most": _NAME_CHARS})
    if not slug:
        raise OwnTagRefused(_("A name needs at least one letter or number."))
    vocabulary = release_tags(Corpus.objects.get(owner=user).active_id).vocabulary
    if local_names.named(vocabulary, name) or Tag.objects.filter(owner=None, slug=slug).exists():
        raise OwnTagRefused(
            _("“%(name)s” is found in your photos already. Choose another name.") % {"name": name}
        )
    return name, slug


def judge(user: User, tag: Tag, photo_ids: Collection[int], kind: Verdict.Kind | None) -> int:
    """Say that photos show what an own tag means, or don't (None: take back what was said); return how many.

    Photos that are not this person's are passed over.
    """
    done = 0
    ids = sorted(photo_ids)
    for start in range(0, len(ids), PHOTOS_PER_CHANGE):
        with corpus_change(user.pk) as change:
            there = list(change.touch(ids[start : start + PHOTOS_PER_CHANGE]))
            said = Verdict.objects.owned_by(user).filter(tag=tag, photo__in=there)
            if kind is None:
                said.delete()
            else:
                _say(user, tag, there, kind)
            done += len(there)
    return done


def _say(user: User, tag: Tag, photo_ids: Iterable[int], kind: Verdict.Kind) -> None:
    for photo_id in photo_ids:
        Verdict.objects.update_or_create(owner=user, photo_id=photo_id, tag=tag, defaults={"kind": kind})


def teach(user: User, tag: Tag, cut: float, *, until: float = 0.0) -> bool:
    """Give an own tag to all photos that reach the cut, and to new ones from now on.

    until: of the monotonic clock, in seconds; tells whether all photos have been held against it by then. What
    is left goes on in the background. Raises OwnTagRefused, IndexMissing.
    """
    if not CUTS[0] <= cut <= CUTS[1]:
        raise OwnTagRefused(_("Choose how sure a photo must be, from 1 to 99 %."))
    evidence = evidence_of(user.pk, tag)
    corpus = Corpus.objects.select_related("active__encoder", "previous__encoder").get(owner=user)
    active = corpus.active.encoder
    lesson = learn(open_space(corpus, active), evidence)
    if lesson is None:
        raise OwnTagRefused(_("Mark at least one photo that has been looked at first."))
    fitted = {active.pk: _row(lesson.head, cut, evidence)}
    if corpus.previous is not None and corpus.previous.encoder_id != active.pk:
        share = float((lesson.scores >= cut).mean())
        fitted[corpus.previous.encoder_id] = brought_along(corpus, corpus.previous.encoder, evidence, share)
    with transaction.atomic():
        now = hold(user.pk)
        if (now.active_id, now.previous_id) != (corpus.active_id, corpus.previous_id):
            raise OwnTagRefused(
                _("Another model tags your photos since just now. Look again, then try again.")
            )
        now.version += 1
        now.save(update_fields=["version"])
        for encoder_id, row in fitted.items():
            store(user.pk, encoder_id, tag.pk, row, now.version)
    return settle(user.pk, until)


def _row(head: FittedHead, cut: float, evidence: Evidence) -> OwnHead:
    return OwnHead(
        weights=head.weights.astype("<f4").tobytes(),
        bias=float(head.bias),
        cut=cut,
        confirmed=len(evidence.confirmed),
        rejected=len(evidence.rejected),
    )


def store(owner_id: int, encoder_id: int, tag_id: int, row: OwnHead, lesson: int) -> None:
    """Put a head in the place of the one that is there; the caller holds the whole corpus."""
    row.owner_id, row.encoder_id, row.tag_id, row.lesson = owner_id, encoder_id, tag_id, lesson
    row.settled = row.ending = False
    names = ["weights", "bias", "cut", "confirmed", "rejected", "lesson", "settled", "ending"]
    OwnHead.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["owner", "encoder", "tag"], update_fields=names
    )


def brought_along(corpus: Corpus, encoder: Encoder, evidence: Evidence, share: float) -> OwnHead:
    """Fit the head of a lesson for another network; its cut takes the same share (0..1) of the photos.

    Where that network has seen no confirmed photo, the head says nothing.
    """
    lesson = learn(open_space(corpus, encoder, patient=True), evidence)
    if lesson is None:
        nothing = np.zeros(0, np.float32)
        return _row(FittedHead(nothing, np.float32(-60)), 1.0, evidence)
    wanted = round(share * len(lesson.scores))
    in_order = np.sort(lesson.scores)[::-1]
    cut = float(in_order[wanted - 1]) if wanted else float(in_order[0]) + 0.0001
    return _row(lesson.head, min(max(cut, 0.0001), 1.0), evidence)


def bring_along(owner_id: int, release_id: int) -> None:
    """Let the heads of what a corpus sees now be there for a release that is filling, before the switch.

    Nothing of it is seen. Raises NotInstalled.
    """
    corpus = Corpus.objects.select_related("active__encoder").filter(owner=owner_id).first()
    if corpus is None:
        return
    release = Release.objects.select_related("encoder").defer("vocabulary_json").get(pk=release_id)
    if own_heads.are_ready(owner_id, corpus.active.encoder_id, release.encoder_id):
        return
    for head in _missing(owner_id, corpus.active.encoder_id, release.encoder_id):
        evidence = evidence_of(owner_id, head.tag)
        row = brought_along(corpus, release.encoder, evidence, _share(corpus, head))
        with transaction.atomic():
            hold(owner_id)
            if OwnHead.objects.filter(pk=head.pk, lesson=head.lesson, ending=False).exists():
                store(owner_id, release.encoder_id, head.tag_id, row, head.lesson)
    settle(owner_id, float("inf"))


def _missing(owner_id: int, from_encoder: int, to_encoder: int) -> list[OwnHead]:
    """Return heads whose lesson another network has not had."""
    if from_encoder == to_encoder:
        return []
    there = dict(OwnHead.objects.filter(owner=owner_id, encoder=to_encoder).values_list("tag_id", "lesson"))
    heads = OwnHead.objects.filter(owner=owner_id, encoder=from_encoder, ending=False).select_related("tag")
    return [head for head in heads if there.get(head.tag_id) != head.lesson]


def _share(corpus: Corpus, head: OwnHead) -> float:
    space = open_space(corpus, corpus.active.encoder, patient=True)
    weights = np.frombuffer(head.weights, "<f4")
    if not len(space.ids) or space.dimensions != len(weights):
        return 0.0
    return float((probabilities(space.products(weights), head.bias) >= head.cut).mean())


def stop(user: User, tag: Tag, *, until: float = 0.0) -> bool:
    """Give a tag by hand only, from now on; what a person said stays. Tells whether all photos are through."""
    with transaction.atomic():
        hold(user.pk)
        OwnHead.objects.filter(owner=user, tag=tag).update(ending=True, settled=False)
    return settle(user.pk, until)
