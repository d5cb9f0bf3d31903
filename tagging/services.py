"""What may be done to a corpus: opening one, annotating its photos, verdicts."""

import logging
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError
from django.db.models import F
from django.utils.translation import gettext as _

from magicroll.models import Photo, User
from tagging import outstanding, own_heads, seeing
from tagging.keywords import keywords_on, say_keywords
from tagging.local_names import called
from tagging.ml.encoder import InferenceError
from tagging.ml.install import InstallError
from tagging.ml.session import ProviderError
from tagging.models import Corpus, Outstanding, Stream, Tag, Verdict
from tagging.naming import TagRefused, known_tags, read_name
from tagging.overlap import run_overlapped
from tagging.releases import default_release, register_release
from tagging.taggers import WrongEncoder
from tagging.wishes import wishes_of
from tagging.writer import Change, corpus_change, store_annotations

__all__ = ["Change", "TagRefused", "corpus_change", "keywords_on", "register_release", "say_keywords"]

logger = logging.getLogger(__name__)

MICRO_BATCH = 32  # at most about half a second of work, so that a fresh upload never waits longer
# Storage, model files, device, database: no photo is to blame, so no attempt counts.
FAULTS_OF_THE_MACHINE = (
    OSError, MemoryError, DatabaseError, InstallError, ProviderError, InferenceError, WrongEncoder,
)  # fmt: skip


def open_corpus(user: User) -> Corpus:
    """Make the corpus of a new account, inside the caller's transaction. Raises releases.NoRelease."""
    release = default_release()
    corpus, _ = Corpus.objects.get_or_create(owner=user, defaults={"active": release, "told": release})
    return corpus


def told(user: User, release_id: int) -> bool:
    """Remember that a person knows which release tags their photos; False if it is another one by now."""
    return Corpus.objects.filter(owner=user, active=release_id).update(told=F("active")) == 1


def needs_tags(change: Change, photo_ids: Collection[int]) -> None:
    """Note that photos have new pixels to be annotated, inside the change that brought them."""
    outstanding.needs(change.corpus, photo_ids)


def annotate_some(owner_id: int, limit: int = MICRO_BATCH, *, until: float = 0.0) -> int:
    """Annotate outstanding photos of a corpus, newest first, in micro-batches; return how many were claimed.

    until: of the monotonic clock, in seconds; one micro-batch is begun in any case. Each photo ends annotated,
    set aside with its reason, or free for another try; 0 = nothing to do now.
    """
    with seeing.open_pool() as pool:
        return run_overlapped(
            # A suspect is tried with nothing beside it, so that only a culprit's attempts count.
            begin=lambda beside: _begin(pool, owner_id, limit, suspects=not beside),
            finish=_finish,
            abandon=_abandon,
            until=until,
        )


@dataclass(frozen=True, slots=True)
class _Batch:
    owner_id: int
    claim: outstanding.Claim
    look: seeing.Look

    @property
    def size(self) -> int:
        return len(self.claim.work)

    @property
    def alone(self) -> bool:
        return self.claim.suspect

    def near_end(self) -> None:
        self.look.near_end()


def _begin(pool: Executor, owner_id: int, limit: int, *, suspects: bool) -> _Batch | None:
    corpus = Corpus.objects.filter(owner=owner_id).first()
    claim = corpus and outstanding.claim(corpus, limit, suspects=suspects)
    if not corpus or not claim:
        return None
    # Another release of the corpus may have the same network, and have looked already.
    stored = owner_id if claim.release_id != corpus.active_id else None
    with _answering_for(owner_id, claim):
        return _Batch(owner_id, claim, seeing.look_at(pool, claim.release_id, claim.work, stored_of=stored))


def _finish(batch: _Batch) -> None:
    owner_id, claim = batch.owner_id, batch.claim
    try:
        with _answering_for(owner_id, claim):
            seen = batch.look.seen()
            store_annotations(owner_id, claim.release_id, Stream.REALTIME, seen.annotations)
    except Corpus.DoesNotExist:  # the account was deleted meanwhile, with all that was to do
        return
    for photo_id, reason in seen.failures.items():
        outstanding.set_aside(owner_id, claim, photo_id, reason)
        logger.warning("photo set aside", extra={"photo": photo_id, "release": claim.release_id})


def _abandon(batch: _Batch) -> None:
    batch.look.cancel()
    outstanding.release_claims(batch.owner_id, batch.claim)


@contextmanager
def _answering_for(owner_id: int, claim: outstanding.Claim) -> Iterator[None]:
    """Hand leased photos back when something goes wrong."""
    try:
        yield
    except Corpus.DoesNotExist:
        raise
    except FAULTS_OF_THE_MACHINE:
        outstanding.release_claims(owner_id, claim)
        raise
    except Exception:  # unforeseen: the attempt counts, so that a culprit is found alone and set aside
        outstanding.release_claims(owner_id, claim, counted=True)
        raise


def add_tag(user: User, photo: Photo, words: str) -> Tag:
    """Say that a tag is on a photo, by its name; any other word makes an own tag.

    Raises TagRefused.
    """
    tag = tag_to_add(user, words)
    _say(user, photo, tag, Verdict.Kind.ADDED)
    return tag


def tag_to_add(user: User, words: str) -> Tag:
    """Return the tag that a person means by a name; any other word makes an own tag. Raises TagRefused."""
    tag = _tag_named(user, words)
    if tag.kind == Tag.Kind.CATEGORY:
        raise TagRefused(_("“%(name)s” is a category. Add one of its tags instead.") % {"name": called(tag)})
    if wishes_of(user.pk).rules(Corpus.objects.get(owner=user).active_id).mutes(tag.pk):
        raise TagRefused(
            _("You muted “%(name)s”. Show it again under “Your tags” first.") % {"name": called(tag)}
        )
    return tag


def reject_tag(user: User, photo: Photo, tag_id: int) -> Tag:
    """Say that a tag is not on a photo. Raises TagRefused.

    An own tag that only its owner gives is taken back instead: there is nobody to contradict.
    """
    tag = tag_to_reject(user, tag_id)
    if tag.kind == Tag.Kind.OWN and not own_heads.is_taught(user.pk, tag_id):
        undo_verdict(user, photo, tag_id)
    else:
        _say(user, photo, tag, Verdict.Kind.REJECTED)
    return tag


def verdict_on(user: User, photo: Photo, tag_id: int) -> str:
    """Return what was said about a tag on a photo: a Verdict.Kind, or empty."""
    said = Verdict.objects.owned_by(user).filter(photo=photo, tag=tag_id)
    return said.values_list("kind", flat=True).first() or ""


def say_added(user: User, photo: Photo, tag: Tag) -> None:
    """Say again that a tag of this person's, or of everybody, is on a photo. Raises TagRefused."""
    if tag.kind == Tag.Kind.CATEGORY or tag.owner_id not in (None, user.pk):
        raise TagRefused(_("There is no such tag. Reload the page."))
    _say(user, photo, tag, Verdict.Kind.ADDED)


def tag_to_reject(user: User, tag_id: int) -> Tag:
    """Return a tag that this person may see. Raises TagRefused."""
    tag = Tag.objects.known_to(user).exclude(kind=Tag.Kind.CATEGORY).filter(pk=tag_id).first()
    if tag is None:
        raise TagRefused(_("There is no such tag. Reload the page."))
    return tag


def undo_verdict(user: User, photo: Photo, tag_id: int) -> None:
    """Take back what was said about a tag on a photo; saying nothing is fine too."""
    with corpus_change(user.pk) as change:
        change.touch([photo.id])
        Verdict.objects.owned_by(user).filter(photo=photo, tag=tag_id).delete()


def _say(user: User, photo: Photo, tag: Tag, kind: Verdict.Kind) -> None:
    with corpus_change(user.pk) as change:
        if change.touch([photo.id]):
            Verdict.objects.update_or_create(owner=user, photo=photo, tag=tag, defaults={"kind": kind})


def _tag_named(user: User, words: str) -> Tag:
    named = read_name(words)
    known = known_tags(Corpus.objects.get(owner=user), [named])
    if known:
        return known[named]
    defaults = {"name": named.name, "kind": Tag.Kind.OWN}
    tag, _ = Tag.objects.get_or_create(owner=user, slug=named.slug, defaults=defaults)
    return tag


def retry(owner_id: int, photo_ids: Iterable[int]) -> None:
    """Try again what was set aside while tagging, at its owner's or an administrator's request."""
    Outstanding.objects.filter(owner=owner_id, photo__in=list(photo_ids)).update(
        attempts=0, claimed_until=None, set_aside_reason=""
    )
