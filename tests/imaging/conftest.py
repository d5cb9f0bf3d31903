from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from magicroll.imaging.picture import Limits, Picture
from magicroll.imaging.process import process

Process = Callable[[Path], Picture]
Save = Callable[..., Path]


@pytest.fixture
def out_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def look(out_dir: Path) -> Process:
    """Process a file under the default limits."""
    return lambda source: process(source, out_dir, Limits())


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save an image in a format of one's choice and give the file's path."""

    def save_image(image: Image.Image, image_format: str = "JPEG", **options: object) -> Path:
        path = tmp_path / f"photo.{image_format.lower()}"
        image.save(path, image_format, **options)
        return path

    return save_image


@pytest.fixture
def photo() -> Image.Image:
    """A picture whose left and right, top and bottom differ: 300 x 200."""
    image = Image.linear_gradient("L").resize((300, 200)).convert("RGB")
    image.paste((220, 30, 40), (0, 0, 100, 200))
    return image
