import struct
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from magicroll.imaging.picture import PREVIEW_NAME, THUMB_NAME, ImageRefused, Limits, Size, fit
from magicroll.imaging.process import process

from .conftest import Process, Save

SLOW_DISK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
    return image


def near(pixel: object, colour: tuple[int, int, int], by: int = 12) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= by for a, b in zip(pixel, colour, strict=True))


def test_a_large_photo_gets_a_preview_and_a_thumbnail(save: Save, look: Process, out_dir: Path) -> None:
    picture = look(save(Image.new("RGB", (4000, 3000), (10, 120, 200))))

    assert (picture.kind, picture.mime, picture.width, picture.height) == ("jpeg", "image/jpeg", 4000, 3000)
    assert (picture.preview_width, picture.preview_height) == (1600, 1200)
    assert (picture.thumb_width, picture.thumb_height) == (480, 360)
    assert opened(out_dir / PREVIEW_NAME).size == (1600, 1200)
    assert opened(out_dir / THUMB_NAME).size == (480, 360)
    assert picture.dominant_colour.startswith("#")
    assert near(tuple(bytes.fromhex(picture.dominant_colour[1:])), (10, 120, 200))


def test_a_small_photo_is_not_enlarged(save: Save, look: Process) -> None:
    picture = look(save(Image.new("RGB", (3, 2))))

    assert (picture.preview_width, picture.preview_height, picture.thumb_width) == (3, 2, 3)


@pytest.mark.parametrize("size", [(9000, 3), (3, 9000), (1, 1)])
def test_extreme_shapes_keep_at_least_a_pixel(size: tuple[int, int], save: Save, look: Process) -> None:
    picture = look(save(Image.new("RGB", size)))

    assert (picture.width, picture.height) == size
    assert min(picture.preview_width, picture.preview_height, picture.thumb_width, picture.thumb_height) == 1


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_applied_once(
    image_format: str, orientation: int, photo: Image.Image, save: Save, look: Process, out_dir: Path
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = save(photo, image_format, exif=exif.tobytes())
    expected = {
        1: photo,
        2: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: photo.transpose(Image.Transpose.ROTATE_180),
        4: photo.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: photo.transpose(Image.Transpose.TRANSPOSE),
        6: photo.transpose(Image.Transpose.ROTATE_270),
        7: photo.transpose(Image.Transpose.TRANSVERSE),
        8: photo.transpose(Image.Transpose.ROTATE_90),
    }[orientation]

    picture = look(path)

    preview = opened(out_dir / PREVIEW_NAME)
    assert (picture.width, picture.height) == preview.size == expected.size
    for at in ((20, 20), (expected.width - 20, 20), (20, expected.height - 20)):
        assert near(preview.getpixel(at), expected.getpixel(at), by=25)  # type: ignore[arg-type]


def test_copies_carry_no_metadata(photo: Image.Image, save: Save, look: Process, out_dir: Path) -> None:
    exif = Image.Exif()
    exif[271] = "SecretCam"
    look(save(photo, exif=exif, comment=b"SecretComment", xmp=b"<x>SecretXmp</x>"))

    for name in (PREVIEW_NAME, THUMB_NAME):
        assert b"Secret" not in (out_dir / name).read_bytes()
        assert not opened(out_dir / name).getexif()


def test_transparent_parts_are_white(save: Save, look: Process, out_dir: Path) -> None:
    look(save(Image.new("RGBA", (40, 40), (255, 0, 0, 0)), "PNG"))

    assert near(opened(out_dir / PREVIEW_NAME).getpixel((20, 20)), (255, 255, 255))


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_deep_grey_is_scaled_and_not_clipped(mode: str, tmp_path: Path, look: Process, out_dir: Path) -> None:
    ramp = Image.linear_gradient("L").convert("I").point(lambda value: value * 257)
    path = tmp_path / "ramp.tif"
    (ramp.convert(mode) if mode != "I" else ramp).save(path, "TIFF")

    look(path)

    preview = opened(out_dir / PREVIEW_NAME)
    for level in (0, 64, 128, 192, 255):
        assert near(preview.getpixel((128, level)), (level, level, level), by=3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr", "LAB"])
def test_other_modes_come_out_as_they_look(mode: str, tmp_path: Path, look: Process, out_dir: Path) -> None:
    path = tmp_path / "white.tif"
    if mode == "LAB":
        Image.new("LAB", (30, 30), (255, 128, 128)).save(path)
    else:
        Image.new("RGB", (30, 30), "white").convert(mode).save(path)

    look(path)

    preview = opened(out_dir / PREVIEW_NAME)
    assert preview.mode == "RGB"
    assert near(preview.getpixel((15, 15)), (255, 255, 255), by=6)


def swapped_profile() -> bytes:
    """An RGB profile in which red and blue have changed places."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)
    return swapped.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_colours_are_converted_by_the_profile(save: Save, look: Process, out_dir: Path) -> None:
    look(save(Image.new("RGB", (30, 30), (255, 0, 0)), icc_profile=swapped_profile()))

    assert near(opened(out_dir / PREVIEW_NAME).getpixel((15, 15)), (0, 0, 255))


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200])
def test_a_broken_profile_refuses_nothing(profile: bytes, save: Save, look: Process, out_dir: Path) -> None:
    look(save(Image.new("RGB", (30, 30), (255, 0, 0)), icc_profile=profile))

    assert near(opened(out_dir / PREVIEW_NAME).getpixel((15, 15)), (255, 0, 0))


def test_a_profile_for_other_channels_is_passed_over(save: Save, look: Process) -> None:
    assert look(save(Image.new("L", (30, 30)), icc_profile=swapped_profile())).width == 30


def test_limits_are_checked_before_decoding(photo: Image.Image, save: Save, out_dir: Path) -> None:
    path = save(photo)

    with pytest.raises(ImageRefused, match=r"0\.06 megapixels; at most 0\.05") as too_many:
        process(path, out_dir, Limits(max_pixels=50_000))
    with pytest.raises(ImageRefused) as too_large:
        process(path, out_dir, Limits(max_bytes=100))

    assert (too_many.value.code, too_large.value.code) == ("too-many-pixels", "too-many-bytes")


def test_the_pixel_limit_ends_with_the_photo(photo: Image.Image, save: Save, out_dir: Path) -> None:
    before, path = Image.MAX_IMAGE_PIXELS, save(photo)

    process(path, out_dir, Limits(max_pixels=60_001))
    with pytest.raises(ImageRefused):
        process(path, out_dir, Limits(max_pixels=50_000))

    assert before == Image.MAX_IMAGE_PIXELS


def test_nothing_is_warned_of(photo: Image.Image, save: Save, out_dir: Path) -> None:
    path = save(photo)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        process(path, out_dir, Limits(max_pixels=photo.width * photo.height))

    assert caught == []


def test_a_camera_raw_file_is_not_taken_for_its_thumbnail(
    photo: Image.Image, save: Save, look: Process
) -> None:
    path = save(photo, "TIFF", tiffinfo={50706: b"\x01\x04\x00\x00"})

    with pytest.raises(ImageRefused, match="camera raw") as refusal:
        look(path)

    assert refusal.value.code == "unsupported"


def test_a_damaged_file_named_memory_is_damaged(tmp_path: Path, look: Process) -> None:
    path = tmp_path / "out of memory.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)

    with pytest.raises(ImageRefused) as refusal:
        look(path)

    assert refusal.value.code == "damaged"


def test_a_missing_file_is_no_refusal(tmp_path: Path, look: Process) -> None:
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "gone.jpg")


@given(width=st.integers(1, 100_000), height=st.integers(1, 100_000), longest_px=st.integers(1, 2000))
def test_fit_keeps_the_shape_and_never_enlarges(width: int, height: int, longest_px: int) -> None:
    size = fit(Size(width, height), longest_px)

    assert 1 <= size.width <= width
    assert 1 <= size.height <= height
    assert max(size.width, size.height) == min(max(width, height), longest_px)
    assert abs(size.width * height - size.height * width) <= max(width, height)


def small_file(folder: Path, image_format: str) -> bytes:
    path = folder / f"small.{image_format}"
    exif = Image.Exif()
    exif[306] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.0)
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(path, image_format, exif=exif)
    return path.read_bytes()


@SLOW_DISK
@given(data=st.data())
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF"])
def test_a_file_with_any_damage_is_shown_or_refused(
    image_format: str, data: st.DataObject, tmp_path: Path, out_dir: Path
) -> None:
    content = bytearray(small_file(tmp_path, image_format))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    with suppress(ImageRefused):  # nothing else may come out
        process(path, out_dir, Limits(max_pixels=1_000_000))


MAGIC = [
    b"",
    b"\xff\xd8\xff\xe1",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"II*\0\x08\0\0\0",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"BM" + struct.pack("<IHHII", 100, 0, 0, 54, 40),
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    b"\0\0\0\x0cjP  \r\n\x87\n",
]


@SLOW_DISK
@given(head=st.sampled_from(MAGIC), tail=st.binary(max_size=300))
def test_random_bytes_are_refused(head: bytes, tail: bytes, tmp_path: Path, out_dir: Path) -> None:
    path = tmp_path / "random"
    path.write_bytes(head + tail)

    with suppress(ImageRefused):  # nothing else may come out
        process(path, out_dir, Limits(max_pixels=1_000_000))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF"])
def test_half_a_file_is_refused_as_damaged(
    image_format: str, photo: Image.Image, save: Save, look: Process
) -> None:
    path = save(photo, image_format)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(ImageRefused) as refusal:
        look(path)

    assert refusal.value.code == "damaged"


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_persons_turns_follow_the_cameras_orientation(
    orientation: int, turns: int, photo: Image.Image, save: Save, look: Process, out_dir: Path
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = save(photo, exif=exif.tobytes())
    look(path)
    upright = opened(out_dir / PREVIEW_NAME)
    expected = upright.rotate(-90 * turns, expand=True)

    picture = process(path, out_dir, Limits(), turns)

    preview, thumb = opened(out_dir / PREVIEW_NAME), opened(out_dir / THUMB_NAME)
    assert (picture.width, picture.height) == preview.size == thumb.size == expected.size
    assert (picture.thumb_width, picture.thumb_height) == thumb.size
    for at in ((20, 20), (expected.width - 20, 20), (20, expected.height - 20)):
        for made in (preview, thumb):
            assert near(made.getpixel(at), expected.getpixel(at), by=25)  # type: ignore[arg-type]
