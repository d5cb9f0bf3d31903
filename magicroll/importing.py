"""Bring folder trees of photos into a roll: find the files, know those that are there, take in the rest."""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from threading import Lock

from django.conf import settings
from django.db import connection
from django.utils import timezone

from magicroll.imaging.sniff import HEAD_BYTES, sniff
from magicroll.imaging.takeout import find_sidecar, read_sidecar
from magicroll.imaging.xmp import find_xmp
from magicroll.intake import OutcomeKind, StoredUpload, read_keywords, store_upload
from magicroll.models import Photo, User
from tagging import tasks

SIDECAR_SUFFIXES = {".json", ".xmp"}
HINT_EVERY_S = 2.0  # a hint for each photo would only fill the broker: one drains all that is outstanding


class Result(StrEnum):
    IMPORTED = "imported"
    ALREADY_THERE = "already there"
    RESTORED = "put back from trash"
    SET_ASIDE = "set aside"
    REFUSED = "refused"
    SIDECAR = "sidecar file"
    UNREADABLE = "could not be read"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to look at; `has_json` and `has_xmp` tell whether anything beside it can be its sidecar."""

    path: Path
    has_json: bool = False
    has_xmp: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one file or folder, with the reason where a person needs one, and the sidecars that were read."""

    path: Path
    result: Result
    message: str = ""
    sidecars: tuple[Path, ...] = ()


@dataclass(slots=True)
class Walk:
    """What a walk through folders found, in order of their names, and what it could not enter."""

    files: list[FoundFile] = field(default_factory=list)
    unreadable: list[Report] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder's identity, whatever path leads to it."""

    device: int
    inode: int


def find_files(tops: Iterable[Path]) -> Walk:
    """List all files below folders (or the files themselves), each folder once however links lead to it.

    Magic Roll's own folders are left out.
    """
    walk = Walk()
    seen = {place for folder in own_folders() if (place := _place_of(folder)) is not None}
    listed: set[Path] = set()
    for top in tops:
        if top.is_dir():
            _walk_folder(top, seen, walk)
        elif top not in listed:
            listed.add(top)
            walk.files.append(FoundFile(top, has_json=True, has_xmp=True))
    return walk


def own_folders() -> list[Path]:
    """Return the folders that Magic Roll itself fills."""
    return [Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)]


def _place_of(folder: Path) -> _Place | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return _Place(status.st_dev, status.st_ino)


def _walk_folder(top: Path, seen: set[_Place], walk: Walk) -> None:
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            place = _place_of(folder)
            if place is None or place in seen:
                continue
            seen.add(place)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            walk.unreadable.append(Report(folder, Result.UNREADABLE, _reason(error)))
            continue
        endings = {entry.name.lower().rpartition(".")[2] for entry in entries}
        folders = []
        for entry in entries:
            if _is_folder(entry):
                folders.append(Path(entry.path))
            else:
                walk.files.append(FoundFile(Path(entry.path), "json" in endings, "xmp" in endings))
        waiting.extend(reversed(folders))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: opening it will say so
        return False


def import_files(
    user: User, files: Collection[FoundFile], should_stop: Callable[[], bool] = lambda: False
) -> Iterator[Report]:
    """Take files in, `settings.DECODERS` at a time; report each as it is done.

    Photos in hand are finished when `should_stop` says so, and when something goes wrong that is not a
    file's fault (the database, a full disk), which is then raised. Starting again skips what is there.
    """
    job = _Import(user)
    left = iter(files)
    pending: set[Future[Report]] = set()
    with ThreadPoolExecutor(settings.DECODERS, thread_name_prefix="import") as pool:
        try:
            while True:
                wanted = 0 if should_stop() else settings.DECODERS + 1 - len(pending)
                pending |= {pool.submit(job.take, file) for file in islice(left, wanted)}
                if not pending:
                    break
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in pending:
                future.cancel()
    job.hint(at_once=True)


class _Import:
    """One import by several threads."""

    def __init__(self, user: User) -> None:
        self.user = user
        self._lock = Lock()
        self._hinted_at = time.monotonic()

    def take(self, file: FoundFile) -> Report:
        """Do what has to be done about one file; its thread keeps no database connection."""
        try:
            return self._take(file)
        finally:
            connection.close()

    def _take(self, file: FoundFile) -> Report:
        try:
            upload = _hashed(file.path)
        except OSError as error:
            return Report(file.path, Result.UNREADABLE, _reason(error))
        if upload is None:
            return Report(file.path, Result.SIDECAR)
        trashed = Photo.objects.owned_by(self.user).filter(sha256=upload.sha256).values_list("trashed_at")
        known = trashed.first()
        if known == (None,):
            return Report(file.path, Result.ALREADY_THERE)
        beside = find_sidecar(file.path) if file.has_json else None
        sidecar = read_sidecar(beside, timezone.now()) if beside else None
        xmp = find_xmp(file.path) if file.has_xmp else None
        keywords = read_keywords(xmp) if xmp else None
        outcome = store_upload(self.user, upload, sidecar=sidecar, keywords=keywords, hint=False)
        self.hint()
        if outcome.kind == OutcomeKind.DUPLICATE:
            return Report(file.path, Result.RESTORED if known else Result.ALREADY_THERE)
        read = tuple(path for path, told in ((beside, sidecar), (xmp, keywords)) if path and told is not None)
        return Report(file.path, _RESULTS[outcome.kind], outcome.message, read)

    def hint(self, *, at_once: bool = False) -> None:
        """Tell the workers now and then; the sweep finds what they were not told."""
        with self._lock:
            now = time.monotonic()
            if not at_once and now - self._hinted_at < HINT_EVERY_S:
                return
            self._hinted_at = now
        tasks.hint_now(self.user.pk)


_RESULTS = {
    OutcomeKind.STORED: Result.IMPORTED,
    OutcomeKind.SET_ASIDE: Result.SET_ASIDE,
    OutcomeKind.REFUSED: Result.REFUSED,
}


def _hashed(path: Path) -> StoredUpload | None:
    """Hash a file; None for a sidecar, which is known by its name unless a picture is in it."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a named pipe must not hold us up
    with os.fdopen(opened, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("Not a regular file")
        if path.suffix.lower() in SIDECAR_SUFFIXES and sniff(file.read(HEAD_BYTES)) is None:
            return None
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").digest()
        return StoredUpload(
            path=str(path),
            name=clean_name(path),
            sha256=digest,
            size=file.tell(),
            modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
        )


def clean_name(path: Path) -> str:
    """Return the file's name as text that can be stored: bytes that are no UTF-8 become U+FFFD."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
