"""Bring any pixels to 8-bit sRGB on white, and name the colour that stands for a picture."""

import functools
import io

from PIL import Image, ImageCms

_TRANSPARENT_MODES = {"RGBA", "RGBa", "LA", "La", "PA"}
_DIRECT_MODES = {"L", "RGB", "RGBA", "CMYK", "LAB"}

_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def to_eight_bit(image: Image.Image) -> Image.Image:
    """Give `image` a mode that can be resized (L, RGB, RGBA, CMYK or LAB), with 8 bits a channel.

    16-bit grey is scaled, not clipped. 32-bit integers and floats have no agreed white: their darkest and
    lightest values become black and white.
    """
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"I", "F"}:
        return _stretch(image)
    if image.mode in _TRANSPARENT_MODES or image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in _DIRECT_MODES:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def flatten(image: Image.Image) -> Image.Image:
    """Lay a transparent image on white."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def to_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Convert to sRGB by the file's ICC profile; without one, or with one that is broken or not for these
    channels, take the numbers as they are."""
    if image.mode == "LAB":
        return _apply(image, _lab_transform())
    if icc_profile and not _is_srgb(icc_profile):
        try:
            return _apply(image, _profile_transform(icc_profile, image.mode))
        except _PROFILE_ERRORS:
            pass
    return image if image.mode == "RGB" else image.convert("RGB")


def dominant_colour(image: Image.Image) -> str:
    """Name the commonest of a picture's eight main colours, as "#rrggbb". `image` is RGB."""
    small = image.resize((min(image.width, 64), min(image.height, 64)), Image.Resampling.BOX)
    few = small.quantize(8, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    counts = few.getcolors() or []
    commonest = max(counts)[1]
    palette = few.getpalette() or []
    return "#" + bytes(palette[3 * int(str(commonest)) :][:3]).hex()


def _stretch(image: Image.Image) -> Image.Image:
    floats = image.convert("F")
    darkest, lightest = (float(str(value)) for value in floats.getextrema())
    scale = 255 / (lightest - darkest) if lightest > darkest else 0.0
    return floats.point(lambda value: value * scale - darkest * scale).convert("L")


def _apply(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise ValueError("the colour transform gave no image")
    return converted


# A camera or phone has one profile: a child that decodes its photos builds the transform once.
@functools.lru_cache(maxsize=16)
def _profile_transform(icc_profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


@functools.lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )


@functools.lru_cache(maxsize=16)
def _is_srgb(icc_profile: bytes) -> bool:
    """Recognise the many wordings of the sRGB profile, which need no conversion."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        description = ImageCms.getProfileDescription(profile)
    except _PROFILE_ERRORS:
        return True  # unreadable: there is nothing to convert by
    return description.strip().startswith(("sRGB", "IEC 61966-2.1", "IEC 61966-2-1"))
