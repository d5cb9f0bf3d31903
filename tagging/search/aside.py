"""Photos that could not be read or tagged, for their owner to see."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from magicroll.models import Photo
from magicroll.querysets import PhotoQuerySet
from tagging.models import Corpus, Outstanding


@dataclass(frozen=True, slots=True)
class SetAside:
    photo: Photo
    reason: str


def set_aside(corpus: Corpus) -> list[SetAside]:
    """Return photos outside the trash that no decoder or tagger could finish, newest upload first."""
    reasons = dict(_untagged(corpus).values_list("photo_id", "set_aside_reason"))
    photos = _photos(corpus).order_by("-id")
    return [SetAside(photo, photo.set_aside_reason or reasons[photo.id]) for photo in photos]


def set_aside_count(corpus: Corpus) -> int:
    """Count what `set_aside` returns."""
    return _photos(corpus).count()


def _photos(corpus: Corpus) -> PhotoQuerySet:
    aside = Q(state=Photo.State.SET_ASIDE) | Q(
        id__in=list(_untagged(corpus).values_list("photo_id", flat=True))
    )
    return Photo.objects.owned_by(corpus.owner_id).filter(aside, trashed_at=None)


def _untagged(corpus: Corpus) -> QuerySet[Outstanding]:
    return Outstanding.objects.filter(owner=corpus.owner_id, release=corpus.active_id).exclude(
        set_aside_reason=""
    )
