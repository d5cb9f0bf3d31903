"""When a photo was taken: what can be believed, and which witness to believe."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

FIRST_PHOTO_YEAR = 1826
"""Niépce's view from Le Gras. Scans of old prints carry such dates; nothing earlier can be true."""

FIRST_NAMED_YEAR = 1990
"""Cameras that put dates into file names came later; earlier numbers are something else."""

# What a clock shows that was never set: the zero of Unix time and of QuickTime.
_UNSET_CLOCKS = {datetime(1970, 1, 1), datetime(1904, 1, 1)}  # noqa: DTZ001

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")

_NAMED_DATE = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<dash>[-._]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
    r"(?:(?:[ _T-]|\s+at\s+|,\s+)?"
    r"(?P<hour>\d\d|\d(?=[-._:]))(?P<colon>[-._:]?)(?P<minute>\d\d)(?P=colon)(?P<second>\d\d)"
    r"(?:[-._:]?(?P<millisecond>\d{3}))?(?:\s?(?P<half>[AP])M)?)?(?!\d)",
    re.IGNORECASE,
)


class TakenSource(StrEnum):
    EXIF = "exif"
    SIDECAR = "sidecar"
    FILE_NAME = "file-name"
    FILE_TIME = "file-time"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Taken:
    """The best answer to "when": wall clock without zone, minutes ahead of UTC if known, and the witness."""

    at: datetime
    utc_offset_min: int | None
    source: TakenSource


@dataclass(frozen=True, slots=True)
class Witnesses:
    """All that may say when a photo was taken. `exif_at` is naive; the others that can be are aware."""

    uploaded_at: datetime
    exif_at: datetime | None = None
    exif_offset_min: int | None = None
    sidecar_at: datetime | None = None
    file_name: str = ""
    file_time: datetime | None = None


def choose_taken(witnesses: Witnesses) -> Taken:
    """Believe EXIF, else the sidecar, else the file name, else the file's time, else the time of upload.

    EXIF without an offset gets one from the sidecar where the two differ by what can be a time zone.
    `file_time` is passed over when it lies after the upload or at the zero of Unix time.
    """
    if witnesses.exif_at is not None:
        offset_min = witnesses.exif_offset_min
        if offset_min is None and witnesses.sidecar_at is not None:
            offset_min = _offset_between(witnesses.exif_at, witnesses.sidecar_at)
        return Taken(witnesses.exif_at, offset_min, TakenSource.EXIF)
    if witnesses.sidecar_at is not None:
        return _from_aware(witnesses.sidecar_at, TakenSource.SIDECAR)
    uploaded = witnesses.uploaded_at.astimezone(UTC).replace(tzinfo=None)
    named = date_from_name(witnesses.file_name, uploaded)
    if named is not None:
        return Taken(named, None, TakenSource.FILE_NAME)
    if witnesses.file_time is not None:
        found = _from_aware(witnesses.file_time, TakenSource.FILE_TIME)
        if is_plausible(found.at, uploaded) and found.at.year >= FIRST_NAMED_YEAR:
            return found
    return _from_aware(witnesses.uploaded_at, TakenSource.UPLOAD)


def is_plausible(taken_at: datetime, now: datetime) -> bool:
    """Say whether a wall clock can be true: not before photography, not unset, not in the future.

    Both are naive. A day's grace for `now`: clocks of other zones are up to 14 hours ahead.
    """
    if taken_at.year < FIRST_PHOTO_YEAR or taken_at in _UNSET_CLOCKS:
        return False
    return taken_at <= now + timedelta(days=1)


def date_from_name(file_name: str, now: datetime) -> datetime | None:
    """Read the date that phones, cameras and messengers put into file names; midnight if it has no time.

    `now` is naive. None unless the first date in the name that exists lies in FIRST_NAMED_YEAR to now.
    """
    for match in _NAMED_DATE.finditer(file_name):
        found = _named_date(match)
        if found is not None and found.year >= FIRST_NAMED_YEAR and is_plausible(found, now):
            return found
    return None


def parse_offset_min(text: str) -> int | None:
    """Read "+09:00", "-0330" or "Z" as minutes ahead of UTC; None unless it is from -12:00 to +14:00."""
    if text == "Z":
        return 0
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[3]) > 59:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return _in_use(minutes if match[1] == "+" else -minutes)


def _named_date(match: re.Match[str]) -> datetime | None:
    try:
        day = datetime(int(match["year"]), int(match["month"]), int(match["day"]))  # noqa: DTZ001
    except ValueError:
        return None
    if match["hour"] is None:
        return day
    hour = int(match["hour"])
    if match["half"] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if match["half"].upper() == "P" else 0)
    microsecond = int(match["millisecond"] or 0) * 1000
    try:
        return day.replace(
            hour=hour, minute=int(match["minute"]), second=int(match["second"]), microsecond=microsecond
        )
    except ValueError:
        return day  # the digits after the date are a number, not a time


def _offset_between(local: datetime, instant: datetime) -> int | None:
    """Find the zone that makes a naive `local` the same moment as `instant`: a quarter hour's multiple."""
    ahead = local - instant.astimezone(UTC).replace(tzinfo=None)
    quarters = round(ahead / timedelta(minutes=15))
    if abs(ahead - quarters * timedelta(minutes=15)) > timedelta(seconds=2):  # the sidecar has whole seconds
        return None
    return _in_use(quarters * 15)


def _in_use(offset_min: int) -> int | None:
    return offset_min if -12 * 60 <= offset_min <= 14 * 60 else None


def _from_aware(moment: datetime, source: TakenSource) -> Taken:
    """Keep the wall clock of the moment's own zone, with its offset."""
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("needs a datetime with a zone")
    return Taken(moment.replace(tzinfo=None), round(offset / timedelta(minutes=1)), source)
