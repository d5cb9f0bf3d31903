"""What imaging takes and gives: limits, the finished picture, and the refusal in a person's words."""

from dataclasses import dataclass, field
from enum import StrEnum

from magicroll.imaging.keywords import Keywords
from magicroll.imaging.metadata import Metadata
from magicroll.imaging.sniff import Kind
from magicroll.imaging.wording import N_

PREVIEW_NAME = "preview.jpg"
THUMB_NAME = "thumb.jpg"
PREVIEW_PX = 1600
THUMB_PX = 480


@dataclass(frozen=True, slots=True)
class Limits:
    max_pixels: int = 150_000_000
    max_bytes: int = 200_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded photo. Sizes are in pixels and as a person sees the photo, that is after orientation."""

    kind: Kind
    mime: str
    width: int
    height: int
    preview_width: int
    preview_height: int
    thumb_width: int
    thumb_height: int
    dominant_colour: str
    metadata: Metadata
    keywords: Keywords = field(default_factory=Keywords)


class RefusalCode(StrEnum):
    EMPTY = "empty"
    NOT_A_PICTURE = "not-a-picture"
    DAMAGED = "damaged"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_MANY_BYTES = "too-many-bytes"
    UNSUPPORTED = "unsupported"


class ImageRefused(Exception):
    """The file itself is at fault, for certain; `message` is for the person who sent it.

    text: the message with `%(name)s` where the values go, so that it can be said in another language.
    """

    def __init__(self, code: RefusalCode, text: str, **values: str) -> None:
        super().__init__(code, text, values)
        self.code = code
        self.text = text
        self.values = values
        self.message = text % values if values else text

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int


def fit(size: Size, longest_px: int) -> Size:
    """Shrink `size` so that its longest side is at most `longest_px`; never enlarge, never below 1 pixel."""
    longest = max(size.width, size.height)
    if longest <= longest_px:
        return size
    scale = longest_px / longest
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def refuse_empty() -> ImageRefused:
    return ImageRefused(
        RefusalCode.EMPTY,
        N_("This file is empty. Copy it once more from where it came from and try again."),
    )


def refuse_not_a_picture() -> ImageRefused:
    return ImageRefused(
        RefusalCode.NOT_A_PICTURE,
        N_(
            "This file is not a picture."
            " Choose a JPEG, PNG, WebP, GIF, TIFF, HEIC, AVIF, BMP or JPEG 2000 file."
        ),
    )


def refuse_damaged() -> ImageRefused:
    return ImageRefused(
        RefusalCode.DAMAGED,
        N_(
            "This picture is damaged or incomplete. Copy it once more from the camera or phone and try again."
        ),
    )


def refuse_unsupported(what: str) -> ImageRefused:
    if what == "a video":
        return ImageRefused(RefusalCode.UNSUPPORTED, N_("This file is a video. Choose photos only."))
    return ImageRefused(
        RefusalCode.UNSUPPORTED,
        N_("This file is %(what)s, which can't be opened here. Save it as JPEG and upload that."),
        what=what,
    )


def refuse_pixels(pixels: int, limits: Limits) -> ImageRefused:
    return ImageRefused(
        RefusalCode.TOO_MANY_PIXELS,
        N_(
            "This picture has %(pixels)s megapixels; at most %(most)s can be taken."
            " Save it smaller and upload that."
        ),
        pixels=_millions(pixels),
        most=_millions(limits.max_pixels),
    )


def refuse_bytes(size_bytes: int, limits: Limits) -> ImageRefused:
    return ImageRefused(
        RefusalCode.TOO_MANY_BYTES,
        N_("This file has %(size)s MB; at most %(most)s MB can be taken. Save it smaller and upload that."),
        size=_millions(size_bytes),
        most=_millions(limits.max_bytes),
    )


def _millions(number: int) -> str:
    """Write a number in millions, with a decimal only where it matters and never as 0."""
    millions = number / 1_000_000
    return f"{millions:,.0f}" if millions >= 10 else f"{millions:.2g}"
