import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from magicroll.imaging.place import Place
from magicroll.imaging.takeout import find_sidecar, read_sidecar

NOW = datetime(2024, 5, 5, tzinfo=UTC)
LONG = "a photo with a really quite long file name that Takeout cuts"


def write(folder: Path, name: str, title: str = "", **facts: object) -> Path:
    path = folder / name
    fields = {"title": title, "photoTakenTime": {"timestamp": "1178100000"}} | facts
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("photo", "sidecar", "title"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json", "IMG_1.jpg"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json", "IMG_1.jpg"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json", "IMG_1.jpg"),
        ("PXL_20210102_030405123.PORTRAIT.jpg", "PXL_20210102_030405123.PORTRAIT.jpg.supplement.json", ""),
        (f"{LONG[:47]}.jpg", f"{LONG[:46]}.json", f"{LONG}.jpg"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json", "IMG_1.jpg"),
        ("IMG_1-edited(2).jpg", "IMG_1.jpg(2).json", "IMG_1.jpg"),
        ("IMG_1-bearbeitet.jpg", "IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
        ("this _ that.jpg", "this _ that.jpg.json", "this & that.jpg"),
        ("no-extension", "no-extension.json", "no-extension"),
    ],
)
def test_the_sidecar_is_found_under_the_names_that_takeout_gives(
    photo: str, sidecar: str, title: str, tmp_path: Path
) -> None:
    path = write(tmp_path, sidecar, title)

    assert find_sidecar(tmp_path / photo) == path


def test_an_edited_copy_prefers_a_sidecar_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "IMG_1.jpg.json", "IMG_1.jpg")
    own = write(tmp_path, "IMG_1-edited.jpg.json", "IMG_1-edited.jpg")

    assert find_sidecar(tmp_path / "IMG_1-edited.jpg") == own


def test_a_numbered_photo_does_not_take_the_first_ones_sidecar(tmp_path: Path) -> None:
    write(tmp_path, "IMG_1.jpg.json", "IMG_1.jpg")

    assert find_sidecar(tmp_path / "IMG_1(1).jpg") is None


def test_a_cut_name_is_told_apart_by_the_title(tmp_path: Path) -> None:
    write(tmp_path, f"{LONG[:46]}.json", f"{LONG[:40]} but another one.jpg")

    assert find_sidecar(tmp_path / f"{LONG[:47]}.jpg") is None


def test_other_json_is_no_sidecar(tmp_path: Path) -> None:
    for name, content in (
        ("a.jpg.json", "{}"),
        ("b.jpg.json", "[1]"),
        ("c.jpg.json", "{"),
        ("d.jpg.json", "[" * 9999),
    ):
        (tmp_path / name).write_text(content)
        assert read_sidecar(tmp_path / name, NOW) is None
        assert find_sidecar(tmp_path / name.removesuffix(".json")) is None


def test_time_place_and_description_are_read(tmp_path: Path) -> None:
    sidecar = read_sidecar(
        write(
            tmp_path,
            "a.json",
            description=" Anemonen 🌼 ",
            geoData={"latitude": 0.0, "longitude": 0.0, "altitude": 0.0},
            geoDataExif={"latitude": 52.52, "longitude": 13.405, "altitude": 34.0},
        ),
        NOW,
    )

    assert sidecar is not None
    assert sidecar.taken_at == datetime(2007, 5, 2, 10, tzinfo=UTC)
    assert sidecar.place == Place(52.52, 13.405, 34.0)
    assert sidecar.description == "Anemonen 🌼"


@pytest.mark.parametrize("timestamp", ["0", "", "soon", None, "99999999999", "9" * 30, "-9" * 20])
def test_a_time_that_can_not_be_is_unknown(timestamp: str | None, tmp_path: Path) -> None:
    sidecar = read_sidecar(write(tmp_path, "a.json", photoTakenTime={"timestamp": timestamp}), NOW)

    assert sidecar is not None
    assert (sidecar.taken_at, sidecar.place, sidecar.description) == (None, None, "")
