"""What may be done to a corpus: opening one, annotating its photos, verdicts."""

import logging
from collections.abc import Collection, Iterable

from django.db import DatabaseError
from django.utils.text import slugify

from magicroll.models import Photo, User
from tagging import outstanding, seeing
from tagging.ml.encoder import InferenceError
from tagging.ml.install import InstallError
from tagging.ml.session import ProviderError
from tagging.models import Corpus, Outstanding, Stream, Tag, Verdict
from tagging.releases import default_release, register_release, release_tags
from tagging.taggers import WrongEncoder
from tagging.words import typed
from tagging.writer import Change, corpus_change, store_annotations

__all__ = ["Change", "corpus_change", "register_release"]

logger = logging.getLogger(__name__)

MICRO_BATCH = 32  # at most about half a second of work, so that a fresh upload never waits longer
# Storage, model files, device, database: no photo is to blame, so no attempt counts.
FAULTS_OF_THE_MACHINE = (
    OSError, MemoryError, DatabaseError, InstallError, ProviderError, InferenceError, WrongEncoder,
)  # fmt: skip


class TagRefused(ValueError):
    """A tag that can't be added; the message is for the person."""


def open_corpus(user: User) -> Corpus:
    """Make the corpus of a new account, inside the caller's transaction. Raises releases.NoRelease."""
    corpus, _ = Corpus.objects.get_or_create(owner=user, defaults={"active": default_release()})
    return corpus


def needs_tags(change: Change, photo_ids: Collection[int]) -> None:
    """Note that photos have new pixels to be annotated, inside the change that brought them."""
    outstanding.needs(change.corpus, photo_ids)


def annotate_some(owner_id: int, limit: int = MICRO_BATCH) -> int:
    """Annotate the newest outstanding photos of a corpus, one micro-batch; return how many were claimed.

    Each photo ends annotated, set aside with its reason, or free for another try; 0 = nothing to do now.
    """
    corpus = Corpus.objects.filter(owner=owner_id).first()
    claim = corpus and outstanding.claim(corpus, limit)
    if not claim:
        return 0
    try:
        seen = seeing.see(claim.release_id, claim.work)
        store_annotations(owner_id, claim.release_id, Stream.REALTIME, seen.annotations)
    except Corpus.DoesNotExist:  # the account was deleted meanwhile, with all that was to do
        return 0
    except FAULTS_OF_THE_MACHINE:
        outstanding.release_claims(owner_id, claim)
        raise
    except Exception:  # unforeseen: the attempt counts, so that a culprit is found alone and set aside
        outstanding.release_claims(owner_id, claim, counted=True)
        raise
    for photo_id, reason in seen.failures.items():
        outstanding.set_aside(owner_id, claim, photo_id, reason)
        logger.warning("photo set aside", extra={"photo": photo_id, "release": claim.release_id})
    return len(claim.work)


def add_tag(user: User, photo: Photo, words: str) -> Tag:
    """Say that a tag is on a photo, by its name; any other word makes an own tag.

    Raises TagRefused.
    """
    tag = _tag_named(user, words)
    if tag.kind == Tag.Kind.CATEGORY:
        raise TagRefused(f"“{tag.name}” is a category. Add one of its tags instead.")
    _say(user, photo, tag, Verdict.Kind.ADDED)
    return tag


def reject_tag(user: User, photo: Photo, tag_id: int) -> Tag:
    """Say that a tag is not on a photo. An own tag that was added is taken back. Raises TagRefused."""
    tags = Tag.objects.filter(owner=None) | Tag.objects.filter(owner=user)
    tag = tags.exclude(kind=Tag.Kind.CATEGORY).filter(pk=tag_id).first()
    if tag is None:
        raise TagRefused("There is no such tag. Reload the page.")
    if tag.kind == Tag.Kind.OWN:
        undo_verdict(user, photo, tag_id)
    else:
        _say(user, photo, tag, Verdict.Kind.REJECTED)
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
    name = " ".join(typed(words).split())
    if not name or len(name) > 80:
        raise TagRefused("Type a tag of 1 to 80 characters.")
    slug = slugify(name, allow_unicode=True)
    if not slug:
        raise TagRefused("A tag needs at least one letter or number.")
    if len(slug) > 80:
        raise TagRefused("This tag is too long. Use at most 80 letters.")
    own = Tag.objects.filter(owner=user, slug=slug).first()
    if own:
        return own
    vocabulary = release_tags(Corpus.objects.get(owner=user).active_id).vocabulary
    known = vocabulary.named(name)  # no synonyms: a person's word is not bent into another one
    if known:
        return Tag.objects.get(owner=None, slug=known)
    tag, _ = Tag.objects.get_or_create(owner=user, slug=slug, defaults={"name": name, "kind": Tag.Kind.OWN})
    return tag


def retry(owner_id: int, photo_ids: Iterable[int]) -> None:
    """Try again what was set aside while tagging, at its owner's or an administrator's request."""
    Outstanding.objects.filter(owner=owner_id, photo__in=list(photo_ids)).update(
        attempts=0, claimed_until=None, set_aside_reason=""
    )
