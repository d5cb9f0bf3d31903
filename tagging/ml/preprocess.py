"""From a stored working picture to the square of bytes that an encoder reads."""

import io
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

THUMBNAIL_PX = 480  # longest side
PREVIEW_PX = 1600

# Decoding and shrinking is what a worker pays on top of inference. Of the 2 to 4 ms for a 480 px thumbnail,
# shrinking costs 1.0 with box, 1.3 with Hamming, 2.1 with bicubic, 3.0 with Lanczos. The embeddings with box
# and Hamming are equally close to those of a Lanczos-shrunk original; compression of the thumbnail costs more
# than the filter. Box only repeats pixels when it enlarges, hence the second one.
_SHRINK = Image.Resampling.BOX
_ENLARGE = Image.Resampling.BICUBIC


class UnreadablePicture(Exception):
    """The working picture is missing or can't be decoded."""


class WorkingPicture(StrEnum):
    """The two sizes that are kept of each photo."""

    THUMBNAIL = "thumbnail"
    PREVIEW = "preview"


def working_picture(width: int, height: int, size_px: int) -> WorkingPicture:
    """Choose the smallest stored picture that need not be enlarged to `size_px` x `size_px`.

    width, height: of the photo in pixels, oriented. Where neither suffices, the one with more pixels.
    """
    longest, shortest = max(width, height), min(width, height)
    thumbnail_shortest = shortest * min(1.0, THUMBNAIL_PX / longest)
    same_pixels = longest <= THUMBNAIL_PX
    return (
        WorkingPicture.THUMBNAIL if same_pixels or thumbnail_shortest >= size_px else WorkingPicture.PREVIEW
    )


def load_rgb(file: bytes | Path, size_px: int) -> NDArray[np.uint8]:
    """Decode a JPEG and squash the whole photo to a square: uint8 [size_px, size_px, 3].

    The JPEG is oriented and sRGB. Squashing keeps what a centre crop would cut off. Raises UnreadablePicture.
    """
    try:
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=["JPEG"]) as image:
            # Decodes at 1/2, 1/4 or 1/8 size where both sides stay at least size_px.
            image.draft("RGB", (size_px, size_px))
            rgb = image if image.mode == "RGB" else image.convert("RGB")
            resampling = _SHRINK if min(rgb.size) >= size_px else _ENLARGE
            return np.asarray(rgb.resize((size_px, size_px), resampling))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadablePicture(f"The picture can't be read: {error}") from error
