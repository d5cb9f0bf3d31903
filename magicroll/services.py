"""What people may do with the photos in their roll. These functions open the transactions."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.utils import timezone

from magicroll import storage
from magicroll.models import Photo, User, search_text
from magicroll.querysets import LIVE, PhotoQuerySet
from tagging.services import corpus_change

PHOTOS_PER_CHANGE = 500  # bounds how long a large operation holds the corpus


def trash(user: User, photo_ids: Sequence[int]) -> int:
    """Move photos to the trash; return how many were moved."""
    return _in_changes(
        user, photo_ids, lambda mine: mine.filter(trashed_at=None).update(trashed_at=timezone.now())
    )


def restore(user: User, photo_ids: Sequence[int]) -> int:
    """Take photos out of the trash; return how many."""
    return _in_changes(user, photo_ids, lambda mine: mine.exclude(trashed_at=None).update(trashed_at=None))


def set_favourite(user: User, photo_id: int, favourite: bool) -> int:
    """Mark a photo as a favourite, or no longer."""
    return _in_changes(
        user, [photo_id], lambda mine: mine.exclude(favourite=favourite).update(favourite=favourite)
    )


def set_caption(user: User, photo_id: int, caption: str) -> int:
    """Write under a photo what its owner says of it (at most 2,000 characters); empty takes it away."""

    def write(mine: PhotoQuerySet) -> int:
        photo = mine.exclude(caption=caption).first()
        if photo is None:
            return 0
        return mine.update(caption=caption, name_folded=search_text(photo.name, caption))

    return _in_changes(user, [photo_id], write)


def set_date(user: User, photo_ids: Sequence[int], taken_at: datetime) -> int:
    """Say when photos were taken: the wall clock as if it were UTC. What their files say is kept."""
    return _in_changes(user, photo_ids, lambda mine: mine.set_date(taken_at))


def reset_date(user: User, photo_ids: Sequence[int]) -> int:
    """Go back to the date that the files of photos say; return how many had another one."""
    return _in_changes(user, photo_ids, lambda mine: mine.reset_date())


def purge(user: User, photo_ids: Sequence[int], *, trashed_before: datetime | None = None) -> int:
    """Delete for good what is trashed (before a moment) or set aside; files go after the commit.

    Returns how many. A photo that was restored since the ids were read is in the roll and stays.
    """

    def delete(photos: PhotoQuerySet) -> int:
        photos = photos.exclude(LIVE)
        return purge_rows(photos if trashed_before is None else photos.filter(trashed_at__lt=trashed_before))

    return _in_changes(user, photo_ids, delete)


def empty_trash(user: User, *, trashed_before: datetime | None = None) -> int:
    """Delete for good what is in the trash (since before a moment); return how many."""
    photos = Photo.objects.owned_by(user).exclude(trashed_at=None)
    if trashed_before is not None:
        photos = photos.filter(trashed_at__lt=trashed_before)
    return purge(user, list(photos.values_list("id", flat=True)), trashed_before=trashed_before)


def _in_changes(user: User, photo_ids: Sequence[int], act: Callable[[PhotoQuerySet], int]) -> int:
    """Do something to photos of one person, in changes of a bounded size."""
    done = 0
    for start in range(0, len(photo_ids), PHOTOS_PER_CHANGE):
        with corpus_change(user.pk) as change:
            ids = list(change.touch(photo_ids[start : start + PHOTOS_PER_CHANGE]))
            done += act(Photo.objects.owned_by(user).filter(id__in=ids))
    return done


def purge_rows(photos: PhotoQuerySet) -> int:
    """Delete photos that a corpus change has touched; their files go after its commit. Returns how many."""
    gone = list(photos)
    storage.release([name for photo in gone for name in (*photo.files, *storage.retired(photo))])
    # The database takes annotations and verdicts along: they refer to (owner, photo).
    return photos._raw_delete(photos.db)
