"""Make preview, thumbnail and facts out of a photo file, with one decode."""

import errno
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO

import pillow_heif
from PIL import AvifImagePlugin, Image, UnidentifiedImageError

from magicroll.imaging.colour import dominant_colour, flatten, to_eight_bit, to_srgb
from magicroll.imaging.metadata import PARSE_ERRORS, Metadata, read_metadata
from magicroll.imaging.picture import (
    PREVIEW_NAME,
    PREVIEW_PX,
    THUMB_NAME,
    THUMB_PX,
    Limits,
    Picture,
    Size,
    fit,
    refuse_bytes,
    refuse_damaged,
    refuse_empty,
    refuse_not_a_picture,
    refuse_pixels,
    refuse_unsupported,
)
from magicroll.imaging.sniff import HEAD_BYTES, Kind, name_unsupported, sniff
from magicroll.imaging.wording import N_
from magicroll.imaging.xmp import read_keywords

# Chosen in docs/adr/0003-decode-recipe.md.
PREVIEW_JPEG = {"quality": 80}
# The encoders read the thumbnail: with chroma at full size and this quality their embeddings stay at cosine
# 0.98 of an uncompressed thumbnail's, at q80 with halved chroma at 0.94, for 39 kB instead of 26.
THUMB_JPEG = {"quality": 85, "subsampling": 0}
RESAMPLING = Image.Resampling.BICUBIC

# One thread: the callers decide how many photos are decoded at a time. Embedded thumbnails are never shown.
pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

_FORMATS = {kind: kind.name for kind in Kind} | {Kind.HEIC: "HEIF"}

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# TIFF 6.0 and DNG 1.6: a camera's raw file shows itself by its version tag, or by a first image that is a
# reduced copy with the real ones in sub-directories.
_NEW_SUBFILE_TYPE, _SUB_IFDS, _DNG_VERSION = 254, 330, 50706


# Quarter turns clockwise, which a person asked for on top of the camera's own orientation.
_TURN = {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}


def process(source: Path, out_dir: Path, limits: Limits, turns: int = 0) -> Picture:
    """Write PREVIEW_NAME and THUMB_NAME into `out_dir` and return what the photo is.

    Both are JPEGs without metadata, oriented, in sRGB, never enlarged. turns: 0 to 3 quarter turns clockwise
    that follow the camera's orientation. Raises ImageRefused where the file is
    at fault, MemoryError where memory does not suffice, and OSError where reading or writing fails. Pillow's
    limits and Python's warning filters belong to the process: not for several threads of one process.
    """
    size_bytes = source.stat().st_size
    if size_bytes == 0:
        raise refuse_empty()
    if size_bytes > limits.max_bytes:
        raise refuse_bytes(size_bytes, limits)
    with source.open("rb") as file, warnings.catch_warnings(), _pixels_limited_to(limits.max_pixels):
        warnings.simplefilter("ignore")  # Pillow warns of oddities in files; only what decodes counts
        return _process_open_file(file, out_dir, limits, turns)


@contextmanager
def _pixels_limited_to(max_pixels: int) -> Iterator[None]:
    """Let Pillow refuse more pixels than that, and give its own limit back to whoever decodes next."""
    pillows_own, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = pillows_own


def _process_open_file(file: IO[bytes], out_dir: Path, limits: Limits, turns: int) -> Picture:
    head = file.read(HEAD_BYTES)
    kind = sniff(head)
    if kind is None:
        unsupported = name_unsupported(head)
        raise refuse_unsupported(unsupported) if unsupported else refuse_not_a_picture()
    file.seek(0)
    try:
        image = _open(file, kind, limits)
        stored = Size(*image.size)
        metadata = _decode(image, kind, stored)
        keywords = read_keywords(image)
        preview = _turned(_shrink(image, stored, metadata), turns)
    except Image.DecompressionBombError as bomb:
        raise refuse_pixels(_pixels_of(bomb, limits), limits) from bomb
    except PARSE_ERRORS as error:
        raise _judge(error) from error
    picture = _write(preview, kind, _oriented(stored, metadata, turns), metadata, out_dir)
    return replace(picture, keywords=keywords)


def _open(file: IO[bytes], kind: Kind, limits: Limits) -> Image.Image:
    """Read the header only, with the one reader that the content calls for, and check the size."""
    image = Image.open(file, formats=[_FORMATS[kind]])
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise refuse_pixels(pixels, limits)
    if kind is Kind.TIFF and _is_camera_raw(image):
        raise refuse_unsupported(N_("a camera raw file"))
    return image


def _pixels_of(bomb: Image.DecompressionBombError, limits: Limits) -> int:
    """Read the size out of Pillow's "Image size (900000000 pixels) exceeds ...", which is all it tells."""
    match = re.search(r"\((\d+) pixels\)", str(bomb))
    return int(match[1]) if match else 2 * limits.max_pixels


def _is_camera_raw(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return _DNG_VERSION in tags or bool(tags.get(_NEW_SUBFILE_TYPE, 0) & 1 and _SUB_IFDS in tags)


def _decode(image: Image.Image, kind: Kind, stored: Size) -> Metadata:
    """Decode the first frame and read the metadata, which some formats keep behind the pixels.

    libjpeg can decode to 1/2, 1/4 or 1/8 for a fraction of the time. The box has the photo's own aspect, as
    the smaller of the two scales counts.
    """
    if kind is Kind.JPEG:
        box = fit(stored, PREVIEW_PX)
        image.draft(None, (box.width, box.height))
    image.load()
    return read_metadata(image, datetime.now())  # noqa: DTZ005 - cameras write wall clock, without a zone


def _shrink(image: Image.Image, stored: Size, metadata: Metadata) -> Image.Image:
    """Give the preview: 8 bits, at most PREVIEW_PX, opaque, sRGB, upright. Little is done at full size."""
    icc_profile = image.info.get("icc_profile")
    plain = to_eight_bit(image)
    box = fit(stored, PREVIEW_PX)
    small = plain.resize((box.width, box.height), RESAMPLING, reducing_gap=3.0)
    preview = to_srgb(flatten(small), icc_profile if isinstance(icc_profile, bytes) else None)
    turn = _TRANSPOSE.get(metadata.orientation)
    return preview.transpose(turn) if turn is not None else preview


def _turned(upright: Image.Image, turns: int) -> Image.Image:
    return upright.transpose(_TURN[turns]) if turns else upright


def _write(preview: Image.Image, kind: Kind, full: Size, metadata: Metadata, out_dir: Path) -> Picture:
    box = fit(full, THUMB_PX)
    thumb = preview.resize((box.width, box.height), RESAMPLING)
    for image, name, options in ((preview, PREVIEW_NAME, PREVIEW_JPEG), (thumb, THUMB_NAME, THUMB_JPEG)):
        image.info = {}  # else Pillow writes the original's comment into the copy
        image.save(out_dir / name, "JPEG", **options)
    return Picture(
        kind=kind,
        mime=kind.mime,
        width=full.width,
        height=full.height,
        preview_width=preview.width,
        preview_height=preview.height,
        thumb_width=thumb.width,
        thumb_height=thumb.height,
        dominant_colour=dominant_colour(thumb),
        metadata=metadata,
    )


def _oriented(stored: Size, metadata: Metadata, turns: int) -> Size:
    lies = (metadata.orientation >= 5) != (turns % 2 == 1)
    return Size(stored.height, stored.width) if lies else stored


def _judge(error: Exception) -> Exception:
    """Tell the file's fault from the machine's: Pillow's own OSErrors have no errno, the system's have one.

    EINVAL is the file's: a seek to where its broken directory points. libheif and libavif report a failed
    allocation only in words.
    """
    if isinstance(error, UnidentifiedImageError):  # before the words are looked at: it quotes the file name
        return refuse_damaged()
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        return error
    if "memory" in str(error).lower() or "bad_alloc" in str(error):
        return MemoryError(str(error))
    return refuse_damaged()
