import io

import numpy as np
import pytest
from PIL import Image

from magicroll.imaging import picture as imaging
from tagging.ml import preprocess
from tagging.ml.preprocess import UnreadablePicture, WorkingPicture, load_rgb, working_picture
from tests.tagging.ml.photos import NAMES, jpeg, picture


def halves(width, height):
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    return image


@pytest.mark.parametrize("size", [(480, 320), (320, 480), (1600, 1200), (1600, 300), (100, 60), (1, 1)])
def test_the_whole_photo_is_squashed_to_a_square_of_bytes(size):
    pixels = load_rgb(jpeg(halves(*size), 1600), 224)
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.uint8
    if size[0] > 1:
        assert pixels[:, :100, 0].min() > 200 > pixels[:, :100, 2].max() + 100
        assert pixels[:, -100:, 2].min() > 200 > pixels[:, -100:, 0].max() + 100


def test_paths_and_bytes_give_the_same(tmp_path):
    data = jpeg(picture("chelsea"))
    path = tmp_path / "thumb.jpg"
    path.write_bytes(data)
    assert np.array_equal(load_rgb(path, 260), load_rgb(data, 260))


def test_grey_jpegs_become_rgb():
    assert load_rgb(jpeg(picture("chelsea").convert("L")), 224).shape == (224, 224, 3)


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_of_working_pictures_resemble_those_of_the_photo(name, encoder):
    px = encoder.spec.input_px
    original = np.asarray(picture(name).resize((px, px), Image.Resampling.LANCZOS))
    embeddings = encoder.encode(np.stack([original, load_rgb(jpeg(picture(name)), px)]))
    a, b = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert a @ b > 0.88


@pytest.mark.parametrize(
    "data", [b"", b"no picture", jpeg(picture("coffee"))[:2000], b"\xff\xd8\xff\xe0"], ids=range(4)
)
def test_what_can_not_be_decoded_is_an_unreadable_picture(data):
    with pytest.raises(UnreadablePicture, match="can't be read"):
        load_rgb(data, 224)


def test_a_missing_file_is_an_unreadable_picture(tmp_path):
    with pytest.raises(UnreadablePicture):
        load_rgb(tmp_path / "gone.jpg", 224)


def test_only_jpegs_are_opened():
    file = io.BytesIO()
    picture("coffee").save(file, "PNG")
    with pytest.raises(UnreadablePicture):
        load_rgb(file.getvalue(), 224)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (4000, 3000, WorkingPicture.THUMBNAIL),  # 480 x 360
        (3000, 4000, WorkingPicture.THUMBNAIL),
        (4000, 2167, WorkingPicture.THUMBNAIL),  # 480 x 260
        (4000, 2000, WorkingPicture.PREVIEW),  # 480 x 240
        (9000, 1000, WorkingPicture.PREVIEW),  # neither suffices
        (481, 100, WorkingPicture.PREVIEW),
        (480, 100, WorkingPicture.THUMBNAIL),  # both are the photo itself
        (20, 20, WorkingPicture.THUMBNAIL),
    ],
)
def test_the_smallest_picture_that_suffices_is_chosen(width, height, expected):
    assert working_picture(width, height, 260) == expected


def test_sizes_are_those_that_imaging_writes():
    assert (preprocess.THUMBNAIL_PX, preprocess.PREVIEW_PX) == (imaging.THUMB_PX, imaging.PREVIEW_PX)
