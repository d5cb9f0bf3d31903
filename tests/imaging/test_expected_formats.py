"""Every file of the shared set of formats behaves as its table says."""

import csv
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from magicroll.imaging.dates import Witnesses, choose_taken
from magicroll.imaging.picture import ImageRefused, Picture
from magicroll.imaging.takeout import Sidecar, find_sidecar, read_sidecar

from .conftest import Process

FORMATS = Path(__file__).resolve().parents[3] / "shared" / "photos" / "formats"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
Row = dict[str, str]

if not FORMATS.is_dir():
    pytest.skip("the shared photos are not on this machine", allow_module_level=True)

with (FORMATS / "EXPECT.tsv").open(encoding="utf-8", newline="") as table:
    ROWS = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def rows(expect: str) -> list[Row]:
    return [row for row in ROWS if row["expect"] == expect]


def name(row: Row) -> str:
    return row["file"].encode("ascii", "backslashreplace").decode()[:80]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names")
    with tarfile.open(FORMATS / "names.tar") as archive:
        archive.extractall(folder, filter="data")
    return folder


def locate(row: Row, unpacked: Path) -> Path:
    return (unpacked if row["file"].startswith("names/") else FORMATS) / row["file"]


def sidecar_of(path: Path) -> Sidecar | None:
    found = find_sidecar(path)
    return read_sidecar(found, NOW) if found else None


@pytest.mark.parametrize("row", rows("accept"), ids=name)
def test_accepted_files_have_the_expected_size_date_and_place(
    row: Row, unpacked: Path, look: Process
) -> None:
    path = locate(row, unpacked)
    if path.suffix == ".jxl":
        with pytest.raises(ImageRefused, match="JPEG XL") as refusal:
            look(path)
        assert refusal.value.code == "unsupported"
        return

    picture = look(path)

    assert (picture.width, picture.height) == (int(row["width"]), int(row["height"]))
    if path.parent.parent.name == "takeout":
        check_takeout(row, picture, sidecar_of(path))
        return
    metadata = picture.metadata
    assert described_moment(picture) == row["taken_at"].replace(".123-", ".123000-")
    if row["gps"]:
        assert f"{metadata.latitude:.5f},{metadata.longitude:.5f}" == row["gps"]
    else:
        assert (metadata.latitude, metadata.longitude) == (None, None)


def described_moment(picture: Picture) -> str:
    """Write date and offset as the table does: fractions as long as the camera wrote them."""
    taken_at, offset_min = picture.metadata.taken_at, picture.metadata.utc_offset_min
    if taken_at is None:
        return ""
    text = taken_at.isoformat()
    if offset_min is None:
        whole, dot, fraction = text.partition(".")
        return whole + dot + (fraction if fraction == "023460" else fraction.rstrip("0"))
    sign = "-" if offset_min < 0 else "+"
    return f"{text}{sign}{abs(offset_min) // 60:02}:{abs(offset_min) % 60:02}"


def check_takeout(row: Row, picture: Picture, sidecar: Sidecar | None) -> None:
    assert sidecar is not None
    expected = datetime.fromisoformat(row["taken_at"])
    assert sidecar.taken_at == expected
    assert (f"{sidecar.place.latitude:.5f},{sidecar.place.longitude:.5f}" if sidecar.place else "") == row[
        "gps"
    ]
    taken = choose_taken(
        Witnesses(
            uploaded_at=NOW,
            exif_at=picture.metadata.taken_at,
            exif_offset_min=picture.metadata.utc_offset_min,
            sidecar_at=sidecar.taken_at,
        )
    )
    assert taken.utc_offset_min is not None
    assert taken.at - timedelta(minutes=taken.utc_offset_min) == expected.replace(tzinfo=None)


@pytest.mark.parametrize("row", rows("reject"), ids=name)
def test_rejected_files_are_refused_in_plain_words_and_leave_nothing(
    row: Row, out_dir: Path, look: Process
) -> None:
    with pytest.raises(ImageRefused) as refusal:
        look(FORMATS / row["file"])

    assert refusal.value.message.startswith("This ")
    assert refusal.value.message.endswith(".")
    assert list(out_dir.iterdir()) == []


@pytest.mark.parametrize("row", rows("sidecar"), ids=name)
def test_sidecars_are_no_pictures_and_only_takeouts_are_read(row: Row, look: Process) -> None:
    path = FORMATS / row["file"]

    with pytest.raises(ImageRefused) as refusal:
        look(path)

    assert refusal.value.code == "not-a-picture"
    assert (read_sidecar(path, NOW) is not None) == (path.suffix == ".json")


def test_the_bomb_is_named_by_its_size(look: Process) -> None:
    with pytest.raises(ImageRefused, match="900 megapixels; at most 150") as refusal:
        look(FORMATS / "broken/bomb-30000x30000-1bit.png")

    assert refusal.value.code == "too-many-pixels"
