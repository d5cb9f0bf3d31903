"""Work that is still to be done, and who is at it. The data is the ledger; broker messages are hints."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from magicroll.models import Photo
from tagging.models import Annotation, Corpus, Outstanding

LEASE = timedelta(seconds=60)  # far beyond one micro-batch; after it, a killed worker's photos are free again
MAX_ATTEMPTS = 3
NOTES_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Work:
    """A photo to annotate: where its pictures are and which pixels they show."""

    photo_id: int
    revision: int
    width: int
    height: int
    preview_file: str
    thumbnail_file: str


def needs(corpus: Corpus, photo_ids: Iterable[int]) -> None:
    """Note that the corpus's releases have yet to annotate these photos; inside the caller's transaction."""
    releases = [release for release in (corpus.active_id, corpus.filling_id) if release is not None]
    Outstanding.objects.bulk_create(
        [
            Outstanding(owner_id=corpus.owner_id, release_id=release, photo_id=photo_id)
            for release in releases
            for photo_id in photo_ids
        ],
        update_conflicts=True,
        unique_fields=["owner", "release", "photo"],
        update_fields=["attempts", "claimed_until", "set_aside_reason"],
    )


def claimable(owner_id: int) -> Q:
    """Work that nobody is at and nobody gave up."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
    return Q(owner=owner_id, set_aside_reason="") & free


@dataclass(frozen=True, slots=True)
class Claim:
    """Leased photos that one release is to annotate; `until` tells this lease from every other."""

    release_id: int
    until: datetime
    work: list[Work]


@transaction.atomic
def claim(corpus: Corpus, limit: int) -> Claim | None:
    """Lease the newest outstanding photos of one release, the active one first; None if nothing is to do.

    The attempt is counted before the work begins, so that a photo which kills its worker is known. One that
    was tried before goes alone: a culprit must not take its neighbours with it.
    """
    queue = Outstanding.objects.filter(claimable(corpus.owner_id)).select_for_update(skip_locked=True)
    releases = [release for release in (corpus.active_id, corpus.filling_id) if release is not None]
    for release_id in releases:
        fresh = queue.filter(release=release_id, attempts=0).order_by("-photo_id")
        if ids := [row.photo_id for row in fresh[:limit]]:
            return _lease(corpus.owner_id, release_id, ids)
    _give_up(corpus.owner_id)
    again = queue.filter(release__in=releases, attempts__gt=0).order_by("attempts", "-photo_id").first()
    return _lease(corpus.owner_id, again.release_id, [again.photo_id]) if again else None


def _lease(owner_id: int, release_id: int, photo_ids: list[int]) -> Claim:
    until = timezone.now() + LEASE
    Outstanding.objects.filter(owner=owner_id, release=release_id, photo__in=photo_ids).update(
        attempts=F("attempts") + 1, claimed_until=until
    )
    photos = Photo.objects.owned_by(owner_id).filter(id__in=photo_ids).order_by("-id")
    return Claim(release_id, until, [_work(photo) for photo in photos])


def _work(photo: Photo) -> Work:
    return Work(photo.id, photo.revision, photo.width, photo.height, photo.preview_file, photo.thumbnail_file)


def _give_up(owner_id: int) -> None:
    tired = Outstanding.objects.filter(claimable(owner_id), attempts__gte=MAX_ATTEMPTS)
    tired.update(set_aside_reason=f"Tagging this photo failed {MAX_ATTEMPTS} times.")


def set_aside(owner_id: int, claim: Claim, photo_id: int, reason: str) -> None:
    """Stop trying a photo; its owner sees the reason and may ask again.

    Only where the lease still holds: pixels that are new meanwhile are somebody else's work.
    """
    _held(owner_id, claim).filter(photo=photo_id).update(set_aside_reason=reason[:200], claimed_until=None)


def release_claims(owner_id: int, claim: Claim, *, counted: bool = False) -> None:
    """Hand back work that was interrupted, where the lease still holds.

    `counted` keeps the attempt: these photos go alone from now on.
    """
    _held(owner_id, claim).update(claimed_until=None, attempts=F("attempts") - (0 if counted else 1))


def _held(owner_id: int, claim: Claim) -> QuerySet[Outstanding]:
    ids = [work.photo_id for work in claim.work]
    return Outstanding.objects.filter(
        owner=owner_id, release=claim.release_id, photo__in=ids, claimed_until=claim.until
    )


def reconcile(corpus: Corpus) -> int:
    """Hold the notes against the ledger: every ready photo without an annotation of its pixels is noted.

    Returns how many notes were missing. Only for the active release: a filling one has its refill.
    """
    mine = {"owner": corpus.owner_id, "release": corpus.active_id, "photo": OuterRef("id")}
    photos = Photo.objects.owned_by(corpus.owner_id).filter(
        ~Exists(Annotation.objects.filter(**mine, revision=OuterRef("revision"))),
        ~Exists(Outstanding.objects.filter(**mine)),
        state=Photo.State.READY,
    )
    noted = 0
    while ids := list(photos.order_by("-id").values_list("id", flat=True)[:NOTES_AT_ONCE]):
        rows = [
            Outstanding(owner_id=corpus.owner_id, release_id=corpus.active_id, photo_id=photo_id)
            for photo_id in ids
        ]
        Outstanding.objects.bulk_create(rows, ignore_conflicts=True)
        noted += len(ids)
    return noted
