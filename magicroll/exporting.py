"""What a person said about their photos, as .xmp sidecars: a tree of files by month, or a zip of it."""

import hashlib
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.core.files.storage import default_storage
from django.db.models import Q

from magicroll.imaging.keywords import Keywords
from magicroll.imaging.xmp_writer import Description, is_as_written, write_xmp
from magicroll.models import Photo, TakenFrom, User
from tagging import search, services
from tagging.models import Verdict

PHOTOS_PER_READ = 500
NAME_BYTES = 200  # file systems take 255; an ending and a mark against doubles come on top
ZIP_PART_BYTES = 65_536
_FIRST_ZIP_DAY = datetime(1980, 1, 1, tzinfo=UTC)  # the format has no earlier ones
_FORBIDDEN = set('<>:"/\\|?*')  # by some system or other
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


class Written(StrEnum):
    NEW = "written"
    UNCHANGED = "unchanged"
    FOREIGN = "left as it was"
    MISSING = "original missing"


@dataclass(frozen=True, slots=True)
class Exported:
    """A photo with its place in the tree. told: there is something that only its owner knows."""

    photo: Photo
    path: PurePosixPath
    sidecar: bytes
    told: bool

    @property
    def sidecar_path(self) -> PurePosixPath:
        return self.path.with_name(f"{self.path.name}.xmp")


@dataclass(slots=True)
class _Names:
    """The names used in one folder; systems differ in whether case and composition make another name."""

    used: set[str] = field(default_factory=set)

    def take(self, photo: Photo) -> str:
        """Name a photo and its sidecar; who comes second is told apart by the beginning of its hash."""
        name = safe_name(photo.name)
        stem, dot, extension = name.rpartition(".")
        apart = bytes(photo.sha256).hex()[:8]
        marked = f"{stem}-{apart}{dot}{extension}" if stem else f"{name}-{apart}"
        for candidate in (name, marked, f"{photo.pk}-{marked}"):
            both = {_folded(candidate), _folded(f"{candidate}.xmp")}
            if self.used.isdisjoint(both):
                break
        self.used |= both
        return candidate


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def safe_name(name: str) -> str:
    """Make a name that every file system takes and none reads as a path: at most NAME_BYTES of UTF-8."""
    printable = "".join(char if char.isprintable() and char not in _FORBIDDEN else "_" for char in name)
    stem, dot, extension = printable.strip(". ").rpartition(".")
    if not stem or len(extension) > 20:
        stem, dot, extension = f"{stem}{dot}{extension}", "", ""
    room = NAME_BYTES - len(f"{dot}{extension}".encode())
    stem = stem.encode()[:room].decode(errors="ignore").strip()
    if stem.casefold() in _DEVICES:
        stem = f"_{stem}"
    return f"{stem or 'photo'}{dot}{extension}"


def exported(user: User) -> Iterator[Exported]:
    """Yield a person's photos that are not in the trash by date, each with its sidecar.

    Some queries for PHOTOS_PER_READ photos; what changes while this goes on may be told or not.
    """
    for month, photos in groupby(_photos(user), key=lambda one: f"{one.photo.taken_at:%Y/%m}"):
        names = _Names()
        for one in photos:
            sidecar = write_xmp(_description(one.photo, one.keywords))
            path = PurePosixPath(month, names.take(one.photo))
            yield Exported(one.photo, path, sidecar, told=_is_told(one.photo, one.keywords))


@dataclass(frozen=True, slots=True)
class _Read:
    photo: Photo
    keywords: Keywords


def _photos(user: User) -> Iterator[_Read]:
    corpus = search.corpus_of(user)
    left = Photo.objects.owned_by(user).filter(trashed_at=None).order_by("taken_at", "id")
    photos = list(left[:PHOTOS_PER_READ])
    while photos:
        said = services.keywords_on(corpus, [photo.pk for photo in photos])
        yield from (_Read(photo, said.get(photo.pk, Keywords())) for photo in photos)
        last = photos[-1]
        later = left.filter(taken_at=last.taken_at, id__gt=last.pk) | left.filter(taken_at__gt=last.taken_at)
        photos = list(later[:PHOTOS_PER_READ])


def _is_told(photo: Photo, keywords: Keywords) -> bool:
    by_hand = photo.favourite or photo.taken_from == TakenFrom.PERSON
    return by_hand or bool(photo.caption or keywords.added or keywords.rejected)


def _description(photo: Photo, keywords: Keywords) -> Description:
    dated = photo.taken_from != TakenFrom.UPLOAD  # else nobody knows when it was taken
    return Description(
        keywords=keywords,
        taken_at=photo.taken_at.replace(tzinfo=None) if dated else None,
        utc_offset_min=photo.taken_offset_min,
        favourite=photo.favourite,
        caption=photo.caption,
    )


def write_sidecar(item: Exported, top: Path, *, force: bool = False) -> Written:
    """Write a photo's sidecar below a folder; one that is not as we wrote it is left as it is unless `force`.

    A photo of which nothing is told gets one only where an earlier one has to be taken back.
    """
    path = top / item.sidecar_path
    there = path.read_bytes() if path.exists() else None
    if there == item.sidecar or (there is None and not item.told):
        return Written.UNCHANGED
    if there is not None and not is_as_written(there) and not force:
        return Written.FOREIGN
    with _replacing(path) as file:
        file.write(item.sidecar)
    return Written.NEW


def write_original(item: Exported, top: Path, *, force: bool = False) -> Written:
    """Copy a photo's original below a folder; another file in its place is left as it is unless `force`."""
    path = top / item.path
    if path.exists():
        with path.open("rb") as there:
            if hashlib.file_digest(there, "sha256").digest() == bytes(item.photo.sha256):
                return Written.UNCHANGED
        if not force:
            return Written.FOREIGN
    try:
        stored = default_storage.open(item.photo.original_file)
    except FileNotFoundError:
        return Written.MISSING
    with stored, _replacing(path) as file:
        shutil.copyfileobj(stored, file)
    return Written.NEW


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes the place of `path` when it is whole, whatever dies in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)  # of one that was killed
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def anything_told(user: User) -> bool:
    """Tell whether a zip of this person's sidecars would hold any."""
    photos = Photo.objects.owned_by(user).filter(trashed_at=None)
    told = Q(pk__in=Verdict.objects.owned_by(user).values("photo")) | Q(favourite=True)
    return photos.filter(told | Q(taken_from=TakenFrom.PERSON) | ~Q(caption="")).exists()


def zipped(user: User) -> Iterator[bytes]:
    """Yield a zip of the sidecars of all photos of which something is told, while it is made."""
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED) as archive:
        for item in exported(user):
            if item.told:
                day = max(item.photo.taken_at, _FIRST_ZIP_DAY)
                moment = (day.year, day.month, day.day, day.hour, day.minute, day.second)
                entry = ZipInfo(str(item.sidecar_path), moment)
                entry.compress_type = ZIP_DEFLATED
                archive.writestr(entry, item.sidecar)
            if len(sink.content) >= ZIP_PART_BYTES:
                yield sink.take()
    yield sink.take()


@dataclass(slots=True)
class _Sink:
    """A file that can only be written to, as an answer under way is."""

    content: bytearray = field(default_factory=bytearray)

    def write(self, part: bytes) -> int:
        self.content += part
        return len(part)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        content = bytes(self.content)
        self.content.clear()
        return content
