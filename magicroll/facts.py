"""What the camera and the file say about a photo, in words for its page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from magicroll.imaging.sniff import Kind
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
    TakenFrom.PERSON: "set by you",
    TakenFrom.EXIF: "from the camera",
    TakenFrom.SIDECAR: "from the file beside it",
    TakenFrom.NAME: "from the file name",
    TakenFrom.FILE: "from the file's date",
    TakenFrom.UPLOAD: "day of upload, no other date known",
}


@dataclass(frozen=True, slots=True)
class Facts:
    date_source: str
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
        date_source=_DATE_SOURCES[TakenFrom(photo.taken_from)],
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
    return f"UTC{sign}{hours:02}:{rest:02}"


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
        parts.append(f"{focal:.3g} mm")
    if aperture := camera.get("aperture_f"):
        parts.append(f"f/{aperture:.2g}")
    if exposure := camera.get("exposure_s"):
        parts.append(_shutter(exposure))
    if iso := camera.get("iso"):
        parts.append(f"ISO {iso}")
    return parts


def _shutter(seconds: float) -> str:
    """Write an exposure as on a camera's dial: 1/250 s, 0.5 s, 30 s."""
    return f"{seconds:g} s" if seconds >= 0.3 else f"1/{round(1 / seconds)} s"


def _megapixels(pixels: int) -> str:
    if pixels < 100_000:
        return ""
    return f"{pixels / 1e6:.1f} MP" if pixels < 10_000_000 else f"{pixels / 1e6:.0f} MP"


def _place(latitude: float | None, longitude: float | None) -> str:
    if latitude is None or longitude is None:
        return ""
    north = "N" if latitude >= 0 else "S"
    east = "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.5f}° {north}, {abs(longitude):.5f}° {east}"


def _map_url(latitude: float | None, longitude: float | None) -> str:
    if latitude is None or longitude is None:
        return ""
    spot = f"{latitude:.5f}/{longitude:.5f}"
    return f"https://www.openstreetmap.org/?mlat={latitude:.5f}&mlon={longitude:.5f}#map=14/{spot}"
