# ruff: noqa: DTZ001 - wall clocks have no zone
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magicroll.imaging.dates import (
    FIRST_NAMED_YEAR,
    TakenSource,
    Witnesses,
    choose_taken,
    date_from_name,
    parse_offset_min,
)

NOW = datetime(2024, 5, 5, 12, 0)
UPLOADED = NOW.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "taken_at"),
    [
        ("IMG_20170809_101112.jpg", datetime(2017, 8, 9, 10, 11, 12)),
        ("IMG_20170809_101112 no exif.jpg", datetime(2017, 8, 9, 10, 11, 12)),
        ("PXL_20210102_030405123.jpg", datetime(2021, 1, 2, 3, 4, 5, 123_000)),
        ("PXL_20210102_030405123.MP.jpg", datetime(2021, 1, 2, 3, 4, 5, 123_000)),
        ("VID_20170809_101112.mp4", datetime(2017, 8, 9, 10, 11, 12)),
        ("20170809_101112(1).jpg", datetime(2017, 8, 9, 10, 11, 12)),
        ("20170809101112.jpg", datetime(2017, 8, 9, 10, 11, 12)),
        ("2019-07-04 12.13.14.jpg", datetime(2019, 7, 4, 12, 13, 14)),
        ("IMG-20200101-WA0001.jpg", datetime(2020, 1, 1)),
        ("Screenshot_2021-05-06-07-08-09.png", datetime(2021, 5, 6, 7, 8, 9)),
        ("Screenshot_20210506-070809_Maps.png", datetime(2021, 5, 6, 7, 8, 9)),
        ("Screenshot 2021-05-06 at 7.08.09 PM.png", datetime(2021, 5, 6, 19, 8, 9)),
        ("Screenshot 2021-05-06 at 12.08.09 AM.png", datetime(2021, 5, 6, 0, 8, 9)),
        ("signal-2021-05-06-070809.jpg", datetime(2021, 5, 6, 7, 8, 9)),
        ("signal-2021-05-06-07-08-09-123.jpg", datetime(2021, 5, 6, 7, 8, 9, 123_000)),
        ("WhatsApp Image 2021-05-06 at 07.08.09.jpeg", datetime(2021, 5, 6, 7, 8, 9)),
        ("photo_2021-05-06_07-08-09.jpg", datetime(2021, 5, 6, 7, 8, 9)),
        ("WP_20150806_12_34_56_Pro.jpg", datetime(2015, 8, 6, 12, 34, 56)),
        ("2021-05-06_998877.jpg", datetime(2021, 5, 6)),
        ("order 20991231 of 20210506.jpg", datetime(2021, 5, 6)),
    ],
)
def test_dates_in_names_are_found(name: str, taken_at: datetime) -> None:
    assert date_from_name(name, NOW) == taken_at


@pytest.mark.parametrize(
    "name",
    ["", "DSC_0001.JPG", "20171340.jpg", "19890101_101112.jpg", "20990101_101112.jpg", "IMG_120170809.jpg",
     "2021050612.jpg", "20240507_000000.jpg"],
)  # fmt: skip
def test_other_numbers_in_names_are_no_dates(name: str) -> None:
    assert date_from_name(name, NOW) is None


@given(st.text(alphabet="0123456789-_. atPM", max_size=40))
def test_a_date_from_any_name_is_plausible(name: str) -> None:
    found = date_from_name(name, NOW)

    assert found is None or FIRST_NAMED_YEAR <= found.year <= NOW.year


def test_exif_is_believed_first_and_the_upload_last() -> None:
    exif_at, sidecar_at = datetime(2001, 1, 1), datetime(2002, 2, 2, tzinfo=UTC)
    file_time = datetime(2004, 4, 4, 4, tzinfo=timezone(timedelta(hours=2)))
    name = "IMG_20030303_030303.jpg"

    chosen = [
        choose_taken(Witnesses(UPLOADED, exif_at, 60, sidecar_at, name, file_time)),
        choose_taken(Witnesses(UPLOADED, None, None, sidecar_at, name, file_time)),
        choose_taken(Witnesses(UPLOADED, None, None, None, name, file_time)),
        choose_taken(Witnesses(UPLOADED, None, None, None, "DSC_0001.jpg", file_time)),
        choose_taken(Witnesses(UPLOADED)),
    ]

    assert [taken.source for taken in chosen] == list(TakenSource)
    assert [taken.at.year for taken in chosen] == [2001, 2002, 2003, 2004, 2024]
    assert [taken.utc_offset_min for taken in chosen] == [60, 0, None, 120, 0]


@pytest.mark.parametrize(
    ("sidecar_at", "offset_min"),
    [
        (datetime(2007, 12, 6, 13, 33, 18, tzinfo=UTC), 60),
        (datetime(2007, 12, 6, 9, 3, 18, tzinfo=UTC), 330),
        (datetime(2007, 12, 6, 13, 40, 0, tzinfo=UTC), None),
        (datetime(2009, 1, 1, tzinfo=UTC), None),
    ],
)
def test_the_sidecar_tells_the_zone_of_exif(sidecar_at: datetime, offset_min: int | None) -> None:
    taken = choose_taken(Witnesses(UPLOADED, datetime(2007, 12, 6, 14, 33, 18), None, sidecar_at))

    assert (taken.source, taken.utc_offset_min) == (TakenSource.EXIF, offset_min)


@pytest.mark.parametrize("file_time", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)])
def test_a_file_time_that_can_not_be_is_passed_over(file_time: datetime) -> None:
    assert choose_taken(Witnesses(UPLOADED, file_time=file_time)).source is TakenSource.UPLOAD


def test_offsets_are_minutes_ahead_of_utc() -> None:
    assert [parse_offset_min(text) for text in ("+09:00", "-0330", "Z", "+14:00")] == [540, -210, 0, 840]
    assert [parse_offset_min(text) for text in ("", "+14:15", "9", "+aa:bb")] == [None] * 4
