"""What the camera and the file say about a photo, in words for its page."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from magicroll.imaging.sniff import Kind
from magicroll.imaging.wording import N_
from magicroll.models import Photo, TakenFrom

_KIND_NAMES: dict[str, str] = {
    Kind.JPEG: "JPEG",
    Kind.PNG: "PNG",
    Kind.WEBP: "WebP",
    Kind.GIF: "GIF",
    Kind.TIFF: "TIFF",
    Kind.HEIC: "HEIC",
    Kind.AVIF: "AVIF",
    Kind.BMP: "BMP",
    Kind.JPEG2000: "JPEG 2000",
}
_DATE_SOURCES = {
    TakenFrom.PERSON: N_("set by you"),
    TakenFrom.EXIF: N_("from the camera"),
    TakenFrom.SIDECAR: N_("from the file beside it"),
    TakenFrom.NAME: N_("from the file name"),
    TakenFrom.FILE: N_("from the file's date"),
    TakenFrom.UPLOAD: N_("day of upload, no other date known"),
}

_WAYS_BACK: dict[str, str] = {
    TakenFrom.EXIF: N_("Use the camera’s date again"),
    TakenFrom.SIDECAR: N_("Use the date from the file beside it again"),
    TakenFrom.NAME: N_("Use the date in the file name again"),
    TakenFrom.FILE: N_("Use the file’s date again"),
    TakenFrom.UPLOAD: N_("Use the day of upload again"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    date_source: str
    found_date: str  # how to go back to the date that the file says, where a person's stands; else empty
    offset: str  # "UTC+02:00", empty if unknown
    camera: str
    exposure: str
    kind: str
    megapixels: str
    place: str
    map_url: str


def facts_of(photo: Photo) -> Facts:
    """Gather what the information panel shows."""
    return Facts(
        date_source=_(_DATE_SOURCES[TakenFrom(photo.taken_from)]),
        found_date=_(_WAYS_BACK[photo.found_from]) if photo.found_from in _WAYS_BACK else "",
        offset=_offset(photo.taken_offset_min),
        camera=_camera(photo.camera),
        exposure=" · ".join(_exposure(photo.camera)),
        kind=_KIND_NAMES.get(photo.kind, ""),
        megapixels=_megapixels(photo.width * photo.height),
        place=_place(photo.latitude, photo.longitude),
        map_url=_map_url(photo.latitude, photo.longitude),
    )


def _offset(minutes: int | None) -> str:
    if minutes is None:
        return ""
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours:02}:{rest:02}" if hours or rest else "UTC"


def _camera(camera: Mapping[str, Any]) -> str:
    """Name make and model once: models often begin with their maker ("Canon" + "Canon EOS R6")."""
    make = str(camera.get("camera_make") or "").strip()
    model = str(camera.get("camera_model") or "").strip()
    if not make or model.casefold().startswith(make.split()[0].casefold()):
        return model or make
    return f"{make} {model}".strip()


def _exposure(camera: Mapping[str, Any]) -> list[str]:
    parts = []
    if focal := camera.get("focal_length_mm"):
        parts.append(f"{_number(float(f'{focal:.3g}'))} mm")
    if aperture := camera.get("aperture_f"):
        parts.append(f"f/{_number(float(f'{aperture:.2g}'))}")
    if exposure := camera.get("exposure_s"):
        parts.append(_shutter(exposure))
    if iso := camera.get("iso"):
        parts.append(f"ISO {iso}")
    return parts


def _shutter(seconds: float) -> str:
    """Write an exposure as on a camera's dial: 1/250 s, 0.5 s, 30 s."""
    return f"{_number(seconds)} s" if seconds >= 0.3 else f"1/{round(1 / seconds)} s"


def _number(value: float) -> str:
    """Write a number with the digits that it has."""
    return str(number_format(Decimal(f"{value:g}")))


def _megapixels(pixels: int) -> str:
    if pixels < 100_000:
        return ""
    return f"{number_format(pixels / 1e6, 1 if pixels < 10_000_000 else 0)} MP"


def _place(latitude: float | None, longitude: float | None) -> str:
    if latitude is None or longitude is None:
        return ""
    north = pgettext("hemisphere", "N") if latitude >= 0 else pgettext("hemisphere", "S")
    east = pgettext("hemisphere", "E") if longitude >= 0 else pgettext("hemisphere", "W")
    return f"{number_format(abs(latitude), 5)}° {north}, {number_format(abs(longitude), 5)}° {east}"


def _map_url(latitude: float | None, longitude: float | None) -> str:
    if latitude is None or longitude is None:
        return ""
    spot = f"{latitude:.5f}/{longitude:.5f}"
    return f"https://www.openstreetmap.org/?mlat={latitude:.5f}&mlon={longitude:.5f}#map=14/{spot}"
