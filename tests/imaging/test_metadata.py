# ruff: noqa: DTZ001 - wall clocks have no zone
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from magicroll.imaging.metadata import Metadata, clean_text, read_metadata
from magicroll.imaging.picture import Limits
from magicroll.imaging.process import process

NOW = datetime(2024, 5, 5, 12, 0)
ORIGINAL, DIGITIZED, SUBSEC, OFFSET = 36867, 36868, 37521, 36881


def reread(
    tmp_path: Path,
    root: Mapping[int, object] | None = None,
    camera: Mapping[int, object] | None = None,
    gps: Mapping[int, object] | None = None,
) -> Metadata:
    exif = Image.Exif()
    exif.update(root or {})
    exif.get_ifd(0x8769).update(camera or {})
    exif.get_ifd(0x8825).update(gps or {})
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.jpg", exif=exif)
    with Image.open(tmp_path / "photo.jpg") as image:
        return read_metadata(image, NOW)


def test_camera_facts_are_read(tmp_path: Path) -> None:
    metadata = reread(
        tmp_path,
        {271: "Acme\0\0", 272: " Cam  1 ", 274: 6},
        {
            ORIGINAL: "2021:11:07 01:30:00",
            SUBSEC: "123",
            OFFSET: "-03:30",
            42036: "50 mm é",
            37386: 50.0,
            41989: 75,
            33437: 1.8,
            33434: 0.004,
            34855: 400,
            37385: 0x19,
        },
        {1: "S", 2: (33.0, 26.0, 56.04), 3: "W", 4: (70.0, 40.0, 9.48), 5: b"\x01", 6: 12.5},
    )

    assert metadata.taken_at == datetime(2021, 11, 7, 1, 30, 0, 123_000)
    assert metadata.utc_offset_min == -210
    assert (metadata.camera_make, metadata.camera_model, metadata.orientation) == ("Acme", "Cam 1", 6)
    assert metadata.lens is not None
    assert (metadata.focal_length_mm, metadata.focal_length_35mm) == (50.0, 75.0)
    assert metadata.aperture_f == pytest.approx(1.8)
    assert metadata.exposure_s == pytest.approx(0.004)
    assert (metadata.iso, metadata.flash) == (400, True)
    assert metadata.latitude == pytest.approx(-33.4489)
    assert metadata.longitude == pytest.approx(-70.6693)
    assert metadata.altitude_m == -12.5


@pytest.mark.parametrize(
    "date",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2015:02:30 12:00:00",
        "2099:12:31 23:59:59",
        "2024:05:07 00:00:00",
        "1970:01:01 00:00:00",
        "1066:10:14 09:00:00",
        "2015:02:03 25:00:00",
        "yesterday",
        "",
    ],
)
def test_a_date_that_can_not_be_is_unknown(date: str, tmp_path: Path) -> None:
    assert reread(tmp_path, camera={ORIGINAL: date, OFFSET: "+01:00"}) == Metadata()


def test_the_next_date_serves_where_the_first_is_unusable(tmp_path: Path) -> None:
    camera = {ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: "2012:01:02 03:04:05"}

    assert reread(tmp_path, {306: "2013:01:01 00:00:00"}, camera).taken_at == datetime(2012, 1, 2, 3, 4, 5)
    assert reread(tmp_path, {306: "2013:01:01 00:00:00"}).taken_at == datetime(2013, 1, 1)


def test_a_date_in_iso_form_with_a_zone_is_understood(tmp_path: Path) -> None:
    metadata = reread(tmp_path, {306: "2023-09-27T14:35:33+02:00"})

    assert (metadata.taken_at, metadata.utc_offset_min) == (datetime(2023, 9, 27, 14, 35, 33), 120)


@pytest.mark.parametrize("offset", ["+15:00", "-13:00", "+05:75", "CEST", "+1:00"])
def test_an_impossible_offset_is_unknown_and_the_date_stays(offset: str, tmp_path: Path) -> None:
    metadata = reread(tmp_path, camera={ORIGINAL: "2020:01:02 03:04:05", OFFSET: offset})

    assert (metadata.taken_at, metadata.utc_offset_min) == (datetime(2020, 1, 2, 3, 4, 5), None)


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (123.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (12.0, 0.0, 0.0), 3: "E", 4: (400.0, 0.0, 0.0)},
        {1: "\0", 2: (12.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {2: (12.0, 0.0, 0.0), 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (12.0, 0.0, 0.0)},
    ],
)
def test_a_place_that_can_not_be_is_unknown(gps: dict[int, object], tmp_path: Path) -> None:
    metadata = reread(tmp_path, gps=gps | {6: 100.0})

    assert (metadata.latitude, metadata.longitude, metadata.altitude_m) == (None, None, None)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_invalid_orientation_counts_as_upright(orientation: int, tmp_path: Path) -> None:
    assert reread(tmp_path, {274: orientation}).orientation == 1


def test_broken_exif_is_no_metadata(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.jpg", exif=b"Exif\0\0MM\0*nothing that makes sense")

    assert process(tmp_path / "photo.jpg", tmp_path, Limits()).metadata == Metadata()


def test_text_is_one_clean_line() -> None:
    assert clean_text("Acme\0hidden") == "Acme"
    assert clean_text(" two\n\x1b lines ") == "two lines"
    assert clean_text("é".encode().decode("latin-1")) == "é"
    assert clean_text(b"caf\xc3\xa9") == "café"
    assert clean_text("x" * 500) == "x" * 100
    assert clean_text("\0\0") is None
    assert clean_text(12) is None
