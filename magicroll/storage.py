"""Files before rows, deletions after commit: no row without its file, no file without a row to find it by."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone

from magicroll.models import Photo, UnclaimedFile

UNCLAIMED_FOR = timedelta(hours=1)  # nothing takes so long between storing a file and claiming it


class NameTaken(Exception):
    """A file's name belongs to somebody else's attempt, or to a row that was written since one looked."""


@contextmanager
def storing(files: dict[str, Path]) -> Iterator[None]:
    """Store local files under their names; the body claims them in its own transaction with `claim`.

    When the body fails they are deleted; when the process dies, the hourly tidying deletes them. Raises NameTaken,
    and leaves everything as it is, where somebody else stores under one of the names or a row has it.
    """
    with transaction.atomic():
        try:
            UnclaimedFile.objects.bulk_create([UnclaimedFile(name=name) for name in files])
        except IntegrityError as error:
            raise NameTaken from error
        if any(map(default_storage.exists, files)):  # of a row: whoever stores a file has noted its name
            raise NameTaken
    try:
        for name, path in files.items():
            with path.open("rb") as source:
                default_storage.save(name, File(source))
            _sync(name)
        yield
    except BaseException:
        discard(files)
        raise


def _sync(name: str) -> None:
    """Have a local file on the disk before its row is: an accepted photo survives a power cut."""
    try:
        path = default_storage.path(name)
    except NotImplementedError:  # a remote storage has it when save returns
        return
    for place in (path, Path(path).parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def claim(names: Iterable[str]) -> None:
    """Say, inside the transaction that writes the row, that these files belong to it."""
    UnclaimedFile.objects.filter(name__in=list(names)).delete()


def renew(photo: Photo) -> None:
    """Give a photo in memory the next revision, under whose names no file may lie.

    What an attempt that died has stored, or another one is storing now, keeps its names for itself.
    """
    photo.revision += 1
    while UnclaimedFile.objects.filter(name__in=photo.pictures).exists():
        photo.revision += 1


def retire(names: Iterable[str]) -> None:
    """Give up files inside the transaction that replaces them; the tidying deletes them.

    Not at once: a worker may be about to look at them. What it then sees is of older pixels and does not count.
    """
    UnclaimedFile.objects.bulk_create([UnclaimedFile(name=name) for name in names], ignore_conflicts=True)


def retired(photo: Photo) -> list[str]:
    """Name the files of a photo's earlier revisions that the tidying has yet to delete."""
    if photo.revision == 1:
        return []
    every_revision = photo.preview_file.rpartition(f"-{photo.revision}-")[0]
    mine = UnclaimedFile.objects.filter(name__startswith=f"{every_revision}-")
    return list(mine.values_list("name", flat=True))


def release(names: Iterable[str]) -> None:
    """Give up files inside the transaction that deletes their row; they go after its commit."""
    names = list(names)
    UnclaimedFile.objects.bulk_create([UnclaimedFile(name=name) for name in names], ignore_conflicts=True)
    transaction.on_commit(lambda: discard(names), robust=True)


def discard(names: Iterable[str]) -> None:
    """Delete those of these files that nothing claims, then the notes of them."""
    unclaimed = UnclaimedFile.objects.filter(name__in=list(names))
    names = list(unclaimed.values_list("name", flat=True))
    for name in names:
        default_storage.delete(name)
    UnclaimedFile.objects.filter(name__in=names).delete()


def discard_stale() -> int:
    """Delete the files that something which died left unclaimed; return how many."""
    stale = UnclaimedFile.objects.filter(since__lt=timezone.now() - UNCLAIMED_FOR)
    names = list(stale.values_list("name", flat=True)[:10_000])
    discard(names)
    return len(names)
