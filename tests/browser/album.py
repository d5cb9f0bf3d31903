"""Real pictures to upload: the shared roll, or else those that come with scikit-image."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from PIL import Image
from PIL.ExifTags import Base

_PACKAGED = {
    "chelsea.png": datetime(2019, 6, 15, 10, 30),  # noqa: DTZ001
    "coffee.png": datetime(2018, 6, 14, 8, 5),  # noqa: DTZ001
    "rocket.jpg": datetime(2015, 1, 12, 9, 29),  # noqa: DTZ001
    "astronaut.png": datetime(2011, 3, 20, 11, 30),  # noqa: DTZ001
}


@dataclass(frozen=True, slots=True)
class Album:
    """Photos, and what the tests may say about the first of them."""

    photos: list[Path]
    word: str  # a tag that the network surely gives to the first photo ...
    category: str  # ... and the category of that tag
    year: int  # when the first was taken, and none of the next three

    @property
    def first(self) -> Path:
        return self.photos[0]


def shared_album(folder: Path) -> Album:
    """Take the shared roll, a dog first."""
    photos = sorted((folder / "roll").glob("*.jpg"))
    first = next(photo for photo in photos if photo.name == "069_fujifilm-mx-1200.jpg")
    photos.remove(first)
    return Album([first, *photos], "dog", "animals", 2001)


def packaged_album(folder: Path) -> Album:
    """Write scikit-image's pictures as a camera would, with a date in them; a cat first."""
    photos = []
    for name, taken in _PACKAGED.items():
        target = folder / f"{Path(name).stem}.jpg"
        exif = Image.Exif()
        exif[Base.DateTime] = taken.strftime("%Y:%m:%d %H:%M:%S")
        with resources.files("skimage.data").joinpath(name).open("rb") as file, Image.open(file) as picture:
            picture.convert("RGB").save(target, exif=exif)
        photos.append(target)
    return Album(photos, "cat", "animals", 2019)


def not_a_picture(folder: Path) -> Path:
    target = folder / "shopping-list.jpg"
    target.write_text("milk, bread, film for the camera\n")
    return target


def folder_of(photos: list[Path], target: Path) -> Path:
    """Copy photos into a folder tree as somebody may drop it."""
    inner = target / "trip" / "day one"
    inner.mkdir(parents=True)
    for photo in photos:
        shutil.copy(photo, inner)
    return target / "trip"
