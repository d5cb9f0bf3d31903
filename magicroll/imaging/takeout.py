"""Find and read the JSON files that Google Takeout puts beside photos.

The naming rules are observed ones; Google documents none. See the tests for each of them.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from magicroll.imaging.dates import is_plausible
from magicroll.imaging.place import Place, as_place

_CUT_CHARS = 46  # what stands before ".json" is cut to this
_SUPPLEMENT = ".supplemental-metadata"
_MAX_JSON_BYTES = 1_000_000
_MAX_DESCRIPTION_CHARS = 2_000
_NUMBERED = re.compile(r"(?P<name>.+)(?P<number>\(\d+\))")
# What Google Photos appends to an edited copy, in the languages of its interface met so far.
_EDITED = (
    "-edited",
    "-bearbeitet",
    "-modifié",
    "-editado",
    "-editada",
    "-modificato",
    "-bewerkt",
    "-編集済み",
)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What Takeout tells about a photo; `taken_at` has the zone UTC."""

    taken_at: datetime | None
    place: Place | None
    description: str


def find_sidecar(photo: Path) -> Path | None:
    """Find the JSON file that belongs to `photo`; an edited copy takes its original's."""
    for name in _candidates(photo.name):
        path = photo.with_name(name)
        # os.path: a name that would be too long is no error.
        if os.path.isfile(path) and _tells_of(path, photo):  # noqa: PTH113
            return path
    return None


def read_sidecar(path: Path, now: datetime) -> Sidecar | None:
    """Read a Takeout JSON file, None if it is not one; `now` (aware) is what dates must not lie beyond."""
    facts = _load(path)
    if facts is None:
        return None
    place = _place(facts.get("geoData")) or _place(facts.get("geoDataExif"))
    description = facts.get("description")
    return Sidecar(
        taken_at=_taken_at(facts["photoTakenTime"], now),
        place=place,
        description=description.strip()[:_MAX_DESCRIPTION_CHARS] if isinstance(description, str) else "",
    )


def _candidates(photo_name: str) -> Iterator[str]:
    """List the names that the JSON file may have, likeliest first."""
    stem, dot, extension = photo_name.rpartition(".")
    if not stem:
        stem, extension = photo_name, ""
    yield from _names(stem, dot + extension)
    numbered = _NUMBERED.fullmatch(stem)
    plain, number = (numbered["name"], numbered["number"]) if numbered else (stem, "")
    for ending in _EDITED:
        if plain.endswith(ending):
            yield from _names(plain.removesuffix(ending) + number, dot + extension)


def _names(stem: str, suffix: str) -> Iterator[str]:
    """List the JSON names for one photo name; IMG(1).jpg has its number after the suffix: IMG.jpg(1).json."""
    numbered = _NUMBERED.fullmatch(stem)
    plain, number = (numbered["name"], numbered["number"]) if numbered else (stem, "")
    yield f"{stem}{suffix}.json"
    whole = f"{plain}{suffix}"
    for name in (whole, whole + _SUPPLEMENT):
        yield f"{name}{number}.json"
        yield f"{name[:_CUT_CHARS]}{number}.json"
    yield f"{(stem + suffix)[:_CUT_CHARS]}.json"
    yield f"{stem}.json"


def _tells_of(path: Path, photo: Path) -> bool:
    """Check that a JSON file found under a possibly cut name is a sidecar and of this photo, by its title."""
    facts = _load(path)
    if facts is None:
        return False
    title = facts.get("title")
    if not isinstance(title, str) or not title:
        return True
    title_stem = title.rpartition(".")[0] or title
    return _comparable(photo.stem).startswith(_comparable(title_stem[: _CUT_CHARS - 1]))


def _comparable(stem: str) -> str:
    """Drop what Takeout replaces in file names (it writes _ for & % ' and others)."""
    return re.sub(r"[\W_]+", "_", stem.casefold())


def _load(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            return None
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get("photoTakenTime"), dict) else None


def _taken_at(times: dict[str, Any], now: datetime) -> datetime | None:
    try:
        taken_at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(times.get("timestamp", "")))
    except (TypeError, ValueError, OverflowError):
        return None
    plausible = is_plausible(taken_at.replace(tzinfo=None), now.astimezone(UTC).replace(tzinfo=None))
    return taken_at if plausible else None


def _place(geo: object) -> Place | None:
    if not isinstance(geo, dict):
        return None
    latitude, longitude, altitude = (
        float(value) if isinstance(value := geo.get(key), int | float) else None
        for key in ("latitude", "longitude", "altitude")
    )
    return as_place(latitude, longitude, altitude or None)
