"""Work that is still to be done, and who is at it. The data is the ledger; broker messages are hints."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from magicroll.imaging.wording import N_
from magicroll.models import Photo, Pictured
from tagging.models import Annotation, Corpus, Outstanding

LEASE = timedelta(seconds=60)  # far beyond one micro-batch; after it, a killed worker's photos are free again
MAX_ATTEMPTS = 3
TIRED = N_("Tagging this photo failed 3 times.")
OF_WORK = (
    "id",
    "revision",
    "width",
    "height",
    "owner_id",
    "key",
)  # what of a photo `Work` holds, in its order
NOTES_AT_ONCE = 2000
LOOKED_AT_ONCE = 10_000  # photos, where most have been seen


@dataclass(frozen=True, slots=True)
class Work(Pictured):
    """A photo to annotate: where its pictures are and which pixels they show."""

    photo_id: int
    revision: int
    width: int
    height: int
    owner_id: int
    key: UUID


def needs(corpus: Corpus, photo_ids: Iterable[int]) -> None:
    """Note that the corpus's releases have yet to annotate these photos; inside the caller's transaction.

    Nothing where automatic tags are turned off.
    """
    if not corpus.is_automatic:
        return
    Outstanding.objects.bulk_create(
        [
            Outstanding(owner_id=corpus.owner_id, release_id=release, photo_id=photo_id)
            for release in corpus.releases
            for photo_id in photo_ids
        ],
        update_conflicts=True,
        unique_fields=["owner", "release", "photo"],
        update_fields=["attempts", "claimed_until", "set_aside_reason"],
    )


def free() -> Q:
    """Match work that nobody is at and nobody gave up."""
    unclaimed = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
    return Q(set_aside_reason="") & unclaimed


@dataclass(frozen=True, slots=True)
class Claim:
    """Leased photos that one release is to annotate; `until` tells this lease from every other.

    suspect: a single photo that was tried before.
    """

    release_id: int
    until: datetime
    work: list[Work]
    suspect: bool


@transaction.atomic
def claim(corpus: Corpus, limit: int, *, suspects: bool = True) -> Claim | None:
    """Lease the newest outstanding photos of one release; None if nothing is to do.

    The active release comes first, then the one that is filling, then the previous one, which is kept ready
    for a way back.

    The attempt is counted before the work begins, so that a photo which kills its worker is known. One that
    was tried before goes alone: a culprit must not take its neighbours with it. suspects: False leaves such
    photos for later.
    """
    if corpus.automatic != Corpus.Automatic.ON:
        return None
    queue = Outstanding.objects.filter(free(), owner=corpus.owner_id).select_for_update(skip_locked=True)
    releases = [r for r in (corpus.active_id, corpus.filling_id, corpus.previous_id) if r is not None]
    for release_id in releases:
        fresh = queue.filter(release=release_id, attempts=0).order_by("-photo_id")
        if ids := [row.photo_id for row in fresh[:limit]]:
            return _lease(corpus.owner_id, release_id, ids, suspect=False)
    if not suspects:
        return None
    _give_up(corpus.owner_id)
    again = queue.filter(release__in=releases, attempts__gt=0).order_by("attempts", "-photo_id").first()
    return _lease(corpus.owner_id, again.release_id, [again.photo_id], suspect=True) if again else None


def _lease(owner_id: int, release_id: int, photo_ids: list[int], *, suspect: bool) -> Claim:
    until = timezone.now() + LEASE
    Outstanding.objects.filter(owner=owner_id, release=release_id, photo__in=photo_ids).update(
        attempts=F("attempts") + 1, claimed_until=until
    )
    photos = Photo.objects.owned_by(owner_id).filter(id__in=photo_ids).order_by("-id")
    return Claim(release_id, until, [work_of(photo) for photo in photos], suspect)


def work_of(photo: Photo) -> Work:
    """Return what annotating a photo takes."""
    return Work(photo.id, photo.revision, photo.width, photo.height, photo.owner_id, photo.key)


def _give_up(owner_id: int) -> None:
    tired = Outstanding.objects.filter(free(), owner=owner_id, attempts__gte=MAX_ATTEMPTS)
    tired.update(set_aside_reason=TIRED)


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

    Returns how many notes were missing. Only for the active release: a filling one has its refill. None where
    automatic tags are turned off.
    """
    if corpus.automatic != Corpus.Automatic.ON:
        return 0
    noted = 0
    below: int | None = Photo.objects.owned_by(corpus.owner_id).beyond()
    while below is not None:
        missing, below = _unnoted(corpus, below, LOOKED_AT_ONCE)
        for at in range(0, len(missing), NOTES_AT_ONCE):
            with transaction.atomic():
                locked = Corpus.objects.select_for_update(no_key=True).filter(owner=corpus.owner_id)
                if locked.filter(automatic=Corpus.Automatic.ON).first() is None:  # turned off just now
                    return noted
                noted += note(corpus.owner_id, corpus.active_id, missing[at : at + NOTES_AT_ONCE])
    return noted


def note_below(corpus: Corpus, below: int) -> int | None:
    """Note what `reconcile` would, of the newest photos below an id; return from where on to go on, None at the end.

    The caller has the whole corpus.
    """
    missing, rest = _unnoted(corpus, below, NOTES_AT_ONCE)
    note(corpus.owner_id, corpus.active_id, missing)
    return rest


def _unnoted(corpus: Corpus, below: int, most: int) -> tuple[list[int], int | None]:
    """Look through the newest photos below an id: which want a note, and from where on to go on, None at the end.

    Three ranges of keys instead of one question: a database that has no statistics of this owner yet expects one
    row of each kind, and would hold every photo against every annotation.
    """
    photos = Photo.objects.owned_by(corpus.owner_id).filter(id__lt=below).order_by("-id")
    some = list(photos.values_list("id", "revision", "state")[:most])
    if not some:
        return [], None
    here = {
        "owner": corpus.owner_id,
        "release": corpus.active_id,
        "photo__gte": some[-1][0],
        "photo__lt": below,
    }
    seen = dict(Annotation.objects.filter(**here).values_list("photo_id", "revision"))
    noted = set(Outstanding.objects.filter(**here).values_list("photo_id", flat=True))
    missing = [
        one
        for one, revision, state in some
        if state == Photo.State.READY and seen.get(one) != revision and one not in noted
    ]
    return missing, some[-1][0] if len(some) == most else None


@transaction.atomic
def note(
    owner_id: int, release_id: int, photo_ids: Collection[int], *, attempts: int = 0, reason: str = ""
) -> int:
    """Note work that was not noted; return how many of the photos are there.

    They are kept from being deleted until the transaction ends, in the order in which everybody locks photos:
    what would only be found out at its end, a note of a photo that is gone, or two that wait for each other,
    would lose the rest of it.
    """
    photos = Photo.objects.owned_by(owner_id).filter(id__in=photo_ids).order_by("id")
    there = list(photos.select_for_update(no_key=True).values_list("id", flat=True))
    mine = {
        "owner_id": owner_id,
        "release_id": release_id,
        "attempts": attempts,
        "set_aside_reason": reason[:200],
    }
    Outstanding.objects.bulk_create(
        [Outstanding(photo_id=one, **mine) for one in there], ignore_conflicts=True
    )
    return len(there)
