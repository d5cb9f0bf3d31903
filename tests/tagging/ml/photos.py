"""Real photos that come with scikit-image, as pixels for an encoder and as JPEGs."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def picture(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)())


def pixels(px: int, names: tuple[str, ...] = NAMES) -> NDArray[np.uint8]:
    """uint8 [n, px, px, 3]: the whole photos, squashed with Lanczos."""
    return np.stack([np.asarray(picture(n).resize((px, px), Image.Resampling.LANCZOS)) for n in names])


def jpeg(image: Image.Image, longest_px: int = 480) -> bytes:
    image = image.copy()
    image.thumbnail((longest_px, longest_px))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()
