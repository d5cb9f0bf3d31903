"""Originals as one zip archive, made while it is sent: neither memory nor disk ever holds more than a piece."""

import logging
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import PurePath

from django.core.files.storage import default_storage

from magicroll.models import Photo, User

logger = logging.getLogger(__name__)

PIECE_BYTES = 256 * 1024
PHOTOS_PER_READ = 200
LONGEST_NAME_BYTES = 200  # file systems take 255; room for a number and for what others add
_FORBIDDEN = set('<>:"/\\|?*')
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
_LONGEST_ENDING = 20  # bytes; a longer one is a part of the name
LEFT_OUT = "LEFT OUT.txt"


class _Pipe:
    """Where zipfile writes and the generator reads. It can't seek, so sizes follow each file's bytes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def taken(self) -> bytes:
        taken, self.pieces = b"".join(self.pieces), []
        return taken


def zipped(user: User, photo_ids: Sequence[int]) -> Iterator[bytes]:
    """Yield a zip archive of this person's originals, byte for byte; whoever reads slowly makes it wait.

    Nothing is compressed: photos are already. Names are unique on every system. Photos that are gone when their
    turn comes are named in a text file at the end. Raises OSError where the storage fails, so that the download
    fails too instead of looking whole.
    """
    pipe, names, left_out = _Pipe(), Names(), list[str]()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # type: ignore[call-overload]
        for start in range(0, len(photo_ids), PHOTOS_PER_READ):
            ids = photo_ids[start : start + PHOTOS_PER_READ]
            photos = Photo.objects.owned_by(user).in_bulk(ids)
            for photo_id in ids:
                if photo_id not in photos:
                    left_out.append(f"photo {photo_id}: deleted meanwhile")
                    continue
                yield from _one(archive, pipe, photos[photo_id], names, left_out)
        if left_out:
            archive.writestr(names.unique(LEFT_OUT), "\r\n".join([*left_out, ""]))
    yield pipe.taken()


def _one(
    archive: zipfile.ZipFile, pipe: _Pipe, photo: Photo, names: "Names", left_out: list[str]
) -> Iterator[bytes]:
    try:
        source = default_storage.open(photo.original_file)
    except FileNotFoundError:
        logger.error("a photo's file is missing", extra={"photo": photo.pk})
        left_out.append(f"{safe_name(photo.name)}: its file is missing")
        return
    entry = zipfile.ZipInfo(names.unique(safe_name(photo.name)), _dos_time(photo.taken_at))
    entry.file_size = photo.byte_size  # decides about Zip64
    entry.external_attr = 0o644 << 16
    with source, archive.open(entry, "w") as target:
        while piece := source.read(PIECE_BYTES):
            target.write(piece)
            yield pipe.taken()


class Names:
    """Names that differ on systems that don't tell upper from lower case."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._next: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """Return the name, or "name (2).jpg" where it is taken."""
        key = name.casefold()
        if key not in self._used:
            self._used.add(key)
            return name
        path = PurePath(name)
        for number in count(self._next.get(key, 2)):
            other = f"{path.stem} ({number}){path.suffix}"
            if other.casefold() not in self._used:
                self._next[key] = number + 1
                self._used.add(other.casefold())
                return other
        raise AssertionError  # count() has no end


def safe_name(name: str) -> str:
    """Make a name that every system can write and none reads as a path, with its ending kept."""
    name = unicodedata.normalize("NFC", name)
    name = "".join("_" if letter in _FORBIDDEN or not letter.isprintable() else letter for letter in name)
    name = name.strip(" .") or "photo"
    path = PurePath(name)
    stem, suffix = (path.stem, path.suffix) if len(path.suffix.encode()) <= _LONGEST_ENDING else (name, "")
    if stem.partition(".")[0].strip().casefold() in _RESERVED:
        stem = f"_{stem}"
    stem = stem.encode()[: LONGEST_NAME_BYTES - len(suffix.encode())].decode(errors="ignore").rstrip(" .")
    return f"{stem or 'photo'}{suffix}"


def _dos_time(taken_at: datetime) -> tuple[int, int, int, int, int, int]:
    """Return the wall clock as a zip can hold it: from 1980 to 2107."""
    year = min(max(taken_at.year, 1980), 2107)
    day = min(taken_at.day, 28) if year != taken_at.year else taken_at.day
    return (year, taken_at.month, day, taken_at.hour, taken_at.minute, taken_at.second)
