"""Read what the camera wrote into a photo. Broken or absurd values are unknown, never an error."""

import math
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from magicroll.imaging.dates import is_plausible, parse_offset_min
from magicroll.imaging.place import Place, as_place

Tags = Mapping[int, Any]

MAX_TEXT_CHARS = 100

# What Pillow's readers let escape when they parse bytes that make no sense; the parsing shows through.
PARSE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_DATE = re.compile(
    r"\s*(\d{4})[:./-](\d\d)[:./-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?\s*"
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Camera facts; None is unknown.

    taken_at: the wall clock where and when the photo was taken, without a zone; utc_offset_min: minutes
    that this clock is ahead of UTC. latitude, longitude: WGS 84 degrees, both or none. orientation: the
    EXIF value (1 to 8) that was applied to the previews; 1 where the decoder already turned the pixels.
    """

    taken_at: datetime | None = None
    utc_offset_min: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    lens: str | None = None
    focal_length_mm: float | None = None
    focal_length_35mm: float | None = None
    aperture_f: float | None = None
    exposure_s: float | None = None
    iso: int | None = None
    flash: bool | None = None
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class _Moment:
    taken_at: datetime | None = None
    utc_offset_min: int | None = None


def read_metadata(image: Image.Image, now: datetime) -> Metadata:
    """Read EXIF out of an opened image; `now` (naive, local) is what dates must not lie beyond.

    Tag numbers and meanings: CIPA DC-008 (Exif 2.32), sections 4.6.4 to 4.6.6.
    """
    try:
        exif = image.getexif()
        root: Tags = dict(exif)
        camera: Tags = dict(exif.get_ifd(IFD.Exif))
        gps: Tags = dict(exif.get_ifd(IFD.GPSInfo))
    except PARSE_ERRORS:
        return Metadata()
    moment = _moment(root, camera, now)
    place = _place(gps)
    return Metadata(
        taken_at=moment.taken_at,
        utc_offset_min=moment.utc_offset_min,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        altitude_m=place.altitude_m if place else None,
        camera_make=clean_text(root.get(Base.Make)),
        camera_model=clean_text(root.get(Base.Model)),
        lens=clean_text(camera.get(Base.LensModel)),
        focal_length_mm=_positive(camera.get(Base.FocalLength), 100_000),
        focal_length_35mm=_positive(camera.get(Base.FocalLengthIn35mmFilm), 100_000),
        aperture_f=_positive(camera.get(Base.FNumber), 1_000),
        exposure_s=_positive(camera.get(Base.ExposureTime), 1_000_000),
        iso=_iso(camera.get(Base.ISOSpeedRatings)),
        flash=_flash(camera.get(Base.Flash)),
        orientation=_orientation(root.get(Base.Orientation)),
    )


def clean_text(value: object, max_chars: int = MAX_TEXT_CHARS) -> str | None:
    """Make one printable line of at most `max_chars` out of a tag; None if nothing is left."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    text = _as_utf8(value.split("\0", 1)[0])
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:max_chars].strip() or None


def _as_utf8(text: str) -> str:
    """Undo Latin-1, which Pillow assumes, where the bytes were UTF-8, which phones write."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _moment(root: Tags, camera: Tags, now: datetime) -> _Moment:
    """Take the first usable of DateTimeOriginal, DateTimeDigitized and DateTime, each with its own offset."""
    candidates = (
        (camera, Base.DateTimeOriginal, Base.SubsecTimeOriginal, Base.OffsetTimeOriginal),
        (camera, Base.DateTimeDigitized, Base.SubsecTimeDigitized, Base.OffsetTimeDigitized),
        (root, Base.DateTime, Base.SubsecTime, Base.OffsetTime),
    )
    for tags, date_tag, subsec_tag, offset_tag in candidates:
        moment = _parse_moment(tags.get(date_tag), camera.get(subsec_tag), camera.get(offset_tag))
        if moment.taken_at is not None and is_plausible(moment.taken_at, now):
            return moment
    return _Moment()


def _parse_moment(date: object, subsec: object, offset: object) -> _Moment:
    match = _DATE.fullmatch(clean_text(date) or "")
    if match is None:
        return _Moment()
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction = match[7] or (clean_text(subsec) or "")
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction.isascii() and fraction.isdigit() else 0
    try:
        taken_at = datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001
    except ValueError:
        return _Moment()
    return _Moment(taken_at, parse_offset_min(match[8] or clean_text(offset) or ""))


def _place(gps: Tags) -> Place | None:
    altitude_m = _number(gps.get(GPS.GPSAltitude))
    if altitude_m is not None and gps.get(GPS.GPSAltitudeRef) in (1, b"\x01"):
        altitude_m = -altitude_m
    return as_place(
        _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "NS"),
        _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "EW"),
        altitude_m,
    )


def _degrees(value: object, hemisphere: object, letters: str) -> float | None:
    """Turn degrees, minutes, seconds and a letter of `letters` (positive, negative) into signed degrees."""
    letter = (clean_text(hemisphere) or "").upper()
    if not isinstance(value, tuple) or not 1 <= len(value) <= 3 or len(letter) != 1 or letter not in letters:
        return None
    degrees = 0.0
    for part, divisor in zip(value, (1, 60, 3600), strict=False):
        number = _number(part)
        if number is None:
            return None
        degrees += number / divisor
    return degrees if letter == letters[0] else -degrees


def _number(value: object) -> float | None:
    """Read a number or an EXIF rational; a zero denominator, infinity and text are unknown."""
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _positive(value: object, below: float) -> float | None:
    number = _number(value)
    return number if number is not None and 0 < number < below else None


def _iso(value: object) -> int | None:
    """Read the sensitivity; the tag may hold several values, and 65535 says "more than fits"."""
    if isinstance(value, tuple) and value:
        value = value[0]
    number = _positive(value, 65_535)
    return round(number) if number is not None and number >= 1 else None


def _flash(value: object) -> bool | None:
    """Read bit 0, "flash fired"; bit 5 says that the camera has no flash."""
    return bool(value & 1) if isinstance(value, int) else None


def _orientation(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
