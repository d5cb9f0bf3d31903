import pytest

from magicroll.facts import facts_of
from magicroll.models import Photo


def photo(**fields: object) -> Photo:
    return Photo(**{"taken_from": "exif", "kind": "jpeg", "width": 400, "height": 300} | fields)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.004, "1/250 s"),
        (1 / 3000, "1/3000 s"),
        (0.3, "0.3 s"),
        (0.5, "0.5 s"),
        (30.0, "30 s"),
        (0.25, "1/4 s"),
    ],
)
def test_exposures_read_as_on_a_cameras_dial(seconds: float, words: str) -> None:
    assert facts_of(photo(camera={"exposure_s": seconds})).exposure == words


@pytest.mark.parametrize(
    ("make", "model", "words"),
    [
        ("Canon", "Canon EOS R6", "Canon EOS R6"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("samsung", "SM-G960F", "samsung SM-G960F"),
        ("Apple", None, "Apple"),
        (None, "iPhone 12", "iPhone 12"),
        (None, None, ""),
    ],
)
def test_the_maker_is_named_once(make: str | None, model: str | None, words: str) -> None:
    assert facts_of(photo(camera={"camera_make": make, "camera_model": model})).camera == words


@pytest.mark.parametrize(
    ("minutes", "words"), [(None, ""), (0, "UTC"), (-210, "UTC-03:30"), (345, "UTC+05:45")]
)
def test_the_offset_is_written_with_its_sign(minutes: int | None, words: str) -> None:
    assert facts_of(photo(taken_offset_min=minutes)).offset == words


def test_a_place_has_hemispheres_and_a_map() -> None:
    facts = facts_of(photo(latitude=-33.8688, longitude=151.2093))
    assert facts.place == "33.86880° S, 151.20930° E"
    assert "mlat=-33.86880" in facts.map_url
    assert facts_of(photo()).place == ""


def test_small_pictures_have_no_megapixels() -> None:
    assert facts_of(photo(width=100, height=100)).megapixels == ""
    assert facts_of(photo(width=2000, height=1500)).megapixels == "3.0 MP"
    assert facts_of(photo(width=4032, height=3024)).megapixels == "12 MP"


def test_an_unknown_kind_is_left_out() -> None:
    assert facts_of(photo(kind="")).kind == ""
