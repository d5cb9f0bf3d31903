"""Rotation, caption and date of a photo, through their forms."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from PIL import Image

from magicroll.intake import store_upload
from magicroll.models import Photo, TakenFrom, User
from tagging import search
from tagging.models import MonthCount, Outstanding, PhotoTag
from tagging.verify import differences
from tests.factories import JUNE, annotate, make_photo
from tests.pictures import save_cat, sent

VIEWER = {"HX-Request": "true"}
FORMS = {
    "rotate/": {"turn": "right"},
    "caption/": {"caption": "Rex at the lake"},
    "date/": {"taken_at": "2001-02-03T04:05"},
}
BAD = [
    ("rotate/", {}, "turn=left"),
    ("rotate/", {"turn": "over"}, "turn=left"),
    ("caption/", {"caption": "x" * 2001}, "under 2,000 characters"),
    ("date/", {}, "Type a date and a time"),
    ("date/", {"taken_at": "yesterday"}, "Type a date and a time"),
    ("date/", {"taken_at": "1776-07-04T12:00"}, "a year from 1826"),
    ("date/", {"taken_at": "2199-01-01T00:00"}, "still to come"),
]


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def photo(alice: User, own_files: Path, tmp_path: Path) -> Photo:
    """A photo of a cat, 240 x 160, from a camera with a clock."""
    path = save_cat(tmp_path / "cat.jpg", taken="2023:04:05 06:07:08", offset="+02:00")
    stored = store_upload(alice, sent(path), hint=False).photo
    assert stored is not None
    return stored


@pytest.fixture
def there(photo: Photo) -> str:
    return f"/photo/{photo.pk}/"


@pytest.mark.parametrize("path", FORMS)
class TestDoors:
    def test_it_leads_back_to_the_photo_in_its_list(self, as_alice: Client, there: str, path: str) -> None:
        response = as_alice.post(there + path, FORMS[path] | {"in": "tag:dog"})
        assert (response.status_code, response["Location"]) == (302, f"{there}?in=tag%3Adog")

    def test_the_viewer_gets_the_photo_without_a_page_around_it(
        self, as_alice: Client, there: str, path: str
    ) -> None:
        answer = text(as_alice.post(there + path, FORMS[path], headers=VIEWER, follow=True))
        assert 'class="viewer"' in answer
        assert "<html" not in answer

    def test_another_persons_photo_is_404(self, as_bob: Client, photo: Photo, path: str) -> None:
        assert as_bob.post(f"/photo/{photo.pk}/{path}", FORMS[path]).status_code == 404
        before = photo.taken_at
        photo.refresh_from_db()
        assert (photo.turns, photo.caption, photo.taken_at) == (0, "", before)

    def test_anonymous_is_sent_to_log_in(self, client: Client, there: str, path: str) -> None:
        assert client.post(there + path, FORMS[path])["Location"].startswith("/login/")

    def test_it_rejects_get(self, as_alice: Client, there: str, path: str) -> None:
        assert as_alice.get(there + path).status_code == 405


@pytest.mark.parametrize(("path", "data", "message"), BAD)
@pytest.mark.parametrize("headers", [VIEWER, {}])
def test_bad_input_is_422_with_a_message(
    as_alice: Client,
    photo: Photo,
    path: str,
    data: dict[str, str],
    message: str,
    headers: dict[str, str],
) -> None:
    response = as_alice.post(f"/photo/{photo.pk}/{path}", data, headers=headers)
    assert response.status_code == 422
    assert message in text(response)
    again = Photo.objects.get(pk=photo.pk)
    assert (again.turns, again.caption, again.taken_at) == (0, "", photo.taken_at)


def test_what_was_typed_is_not_lost_when_it_is_refused(as_alice: Client, photo: Photo) -> None:
    typed = "so " * 700
    assert typed.strip() in text(as_alice.post(f"/photo/{photo.pk}/caption/", {"caption": typed}))
    page = text(as_alice.post(f"/photo/{photo.pk}/date/", {"taken_at": "1500-01-01T00:00"}))
    assert 'value="1500-01-01T00:00"' in page


class TestRotate:
    def size_of(self, client: Client, photo: Photo, name: str) -> tuple[int, int]:
        photo.refresh_from_db()
        response = client.get(f"/photo/{photo.pk}/{name}?r={photo.revision}")
        assert "immutable" in response["Cache-Control"]
        with Image.open(BytesIO(response.getvalue())) as picture:
            return picture.size

    def test_turning_right_and_back(self, as_alice: Client, photo: Photo) -> None:
        page = text(as_alice.post(f"/photo/{photo.pk}/rotate/", {"turn": "right"}, follow=True))
        assert 'width="160" height="240"' in page
        assert f"preview.jpg?r={photo.revision + 1}" in page
        for name in ("preview.jpg", "thumbnail.jpg"):
            assert self.size_of(as_alice, photo, name) == (160, 240)
        as_alice.post(f"/photo/{photo.pk}/rotate/", {"turn": "left"})
        assert self.size_of(as_alice, photo, "preview.jpg") == (240, 160)
        assert (photo.turns, photo.width, photo.height) == (0, 240, 160)

    def test_an_old_address_shows_the_new_pixels_and_is_not_kept(
        self, as_alice: Client, photo: Photo
    ) -> None:
        url = f"/photo/{photo.pk}/thumbnail.jpg?r={photo.revision}"
        first = as_alice.get(url)
        before = first["ETag"]
        assert b"".join(first)  # read to its end, which closes the file
        as_alice.post(f"/photo/{photo.pk}/rotate/", {"turn": "right"})
        response = as_alice.get(url, headers={"If-None-Match": before})
        assert (response.status_code, response["Cache-Control"]) == (200, "private, no-cache")
        assert b"".join(response)

    def test_old_tags_stay_until_new_ones_are_found(self, as_alice: Client, photo: Photo) -> None:
        annotate(photo, {"dog": 0.9})
        assert not Outstanding.objects.filter(photo=photo).exists()
        page = text(as_alice.post(f"/photo/{photo.pk}/rotate/", {"turn": "right"}, follow=True))
        assert 'href="/magic/dog/"' in page
        assert 'data-pending="yes"' in page
        assert Outstanding.objects.filter(photo=photo, attempts=0, claimed_until=None).exists()
        annotate(photo, {"cat": 0.9})  # of the pixels before
        assert Outstanding.objects.filter(photo=photo).exists()
        photo.refresh_from_db()
        annotate(photo, {"cat": 0.9})
        page = text(as_alice.get(f"/photo/{photo.pk}/"))
        assert 'href="/magic/cat/"' in page
        assert 'href="/magic/dog/"' not in page

    def test_the_roll_is_told(self, as_alice: Client, photo: Photo) -> None:
        before = as_alice.get("/")["ETag"]
        as_alice.post(f"/photo/{photo.pk}/rotate/", {"turn": "right"})
        page = as_alice.get("/", headers={"If-None-Match": before})
        assert 'width="160" height="240"' in text(page)

    def test_what_could_not_be_read_is_refused_with_a_reason(self, as_alice: Client, alice: User) -> None:
        odd = make_photo(alice, state="set_aside", set_aside_reason="Too large.", width=0, height=0)
        response = as_alice.post(f"/photo/{odd.pk}/rotate/", {"turn": "right"})
        assert response.status_code == 422
        assert "it can&#x27;t be turned" in text(response)

    def test_a_missing_original_is_refused_with_a_reason(self, as_alice: Client, photo: Photo) -> None:
        default_storage.delete(photo.original_file)
        response = as_alice.post(f"/photo/{photo.pk}/rotate/", {"turn": "right"}, headers=VIEWER)
        assert response.status_code == 422
        assert "The original of this photo is missing" in text(response)


class TestCaption:
    def test_it_is_shown_found_and_read_out(self, as_alice: Client, photo: Photo) -> None:
        url = f"/photo/{photo.pk}/caption/"
        page = text(as_alice.post(url, {"caption": "Rex's 1st swim\r\nat the Weiher"}, follow=True))
        assert "Rex&#x27;s 1st swim" in page
        assert 'alt="Rex&#x27;s 1st swim' in text(as_alice.get("/"))
        for words in ("weiher", "REX'S", "cat.jpg"):
            assert f"/photo/{photo.pk}/" in text(as_alice.get("/search/", {"q": words})), words
        as_alice.post(url, {"caption": ""})
        assert "Rex" not in text(as_alice.get("/"))
        assert f"/photo/{photo.pk}/" not in text(as_alice.get("/search/", {"q": "weiher"}))
        assert f"/photo/{photo.pk}/" in text(as_alice.get("/search/", {"q": "cat.jpg"}))

    def test_the_same_caption_again_changes_nothing_a_reader_sees(
        self, as_alice: Client, photo: Photo
    ) -> None:
        as_alice.post(f"/photo/{photo.pk}/caption/", {"caption": " Rex "})
        photo.refresh_from_db()
        assert (photo.caption, photo.name_folded) == ("Rex", "cat.jpg\nrex")

    def test_a_caption_can_not_become_markup(self, as_alice: Client, photo: Photo) -> None:
        as_alice.post(f"/photo/{photo.pk}/caption/", {"caption": '"><script>alert(1)</script>'})
        for url in (f"/photo/{photo.pk}/", "/"):
            assert "<script>alert" not in text(as_alice.get(url))

    def test_it_fits_the_index_however_long_it_is(self, as_alice: Client, photo: Photo) -> None:
        assert (
            as_alice.post(f"/photo/{photo.pk}/caption/", {"caption": "\U0001f600" * 2000}).status_code == 302
        )
        photo.refresh_from_db()
        assert (len(photo.caption), len(photo.name_folded)) == (2000, 600)


class TestDate:
    def test_a_persons_date_moves_the_photo_and_the_cameras_can_be_had_again(
        self, as_alice: Client, alice: User, photo: Photo
    ) -> None:
        annotate(photo, {"dog": 0.9})
        url = f"/photo/{photo.pk}/date/"
        for typed in ("1999-12-31T23:59:58", "2001-02-03T04:05"):  # twice: the camera's is kept all the same
            page = text(as_alice.post(url, {"taken_at": typed}, follow=True))
            assert "set by you" in page
            assert "Use the camera’s date again" in page
        photo.refresh_from_db()
        assert (photo.taken_at, photo.taken_from) == (datetime(2001, 2, 3, 4, 5, tzinfo=UTC), "person")
        assert photo.taken_offset_min is None
        assert [f"{row.month:%Y-%m}" for row in MonthCount.objects.all()] == ["2001-02"]
        assert set(PhotoTag.objects.values_list("taken_at", flat=True)) == {photo.taken_at}
        page = text(as_alice.post(url, {"reset": "on", "taken_at": "half a date"}, follow=True))
        assert "from the camera" in page
        assert "Use the camera" not in page
        photo.refresh_from_db()
        assert (photo.taken_at, photo.taken_from) == (datetime(2023, 4, 5, 6, 7, 8, tzinfo=UTC), "exif")
        assert (photo.taken_offset_min, photo.found_at, photo.found_from) == (120, None, "")
        assert differences(alice.pk) == []

    def test_going_back_where_nothing_was_set_changes_nothing(self, as_alice: Client, photo: Photo) -> None:
        as_alice.post(f"/photo/{photo.pk}/date/", {"reset": "on"})
        photo.refresh_from_db()
        assert (photo.taken_at, photo.taken_from) == (datetime(2023, 4, 5, 6, 7, 8, tzinfo=UTC), "exif")

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            (TakenFrom.SIDECAR, "Use the date from the file beside it again"),
            (TakenFrom.NAME, "Use the date in the file name again"),
            (TakenFrom.FILE, "Use the file’s date again"),
            (TakenFrom.UPLOAD, "Use the day of upload again"),
        ],
    )
    def test_the_way_back_names_what_it_leads_to(
        self, as_alice: Client, alice: User, source: str, words: str
    ) -> None:
        other = make_photo(alice, JUNE, taken_from=source)
        page = text(as_alice.post(f"/photo/{other.pk}/date/", {"taken_at": "2001-02-03"}, follow=True))
        assert words in page

    def test_its_neighbours_are_those_of_its_new_place(self, as_alice: Client, alice: User) -> None:
        first, second, third = (make_photo(alice, JUNE - timedelta(days=day)) for day in range(3))
        url = f"/photo/{first.pk}/date/"
        page = text(as_alice.post(url, {"taken_at": "2024-06-14T00:00"}, follow=True))
        assert f'href="/photo/{second.pk}/" data-key="previous"' in page
        assert f'href="/photo/{third.pk}/" data-key="next"' in page
        corpus = search.corpus_of(alice)
        assert [one.pk for one in search.roll_page(corpus).photos] == [second.pk, first.pk, third.pk]

    def test_today_is_no_future(self, as_alice: Client, photo: Photo) -> None:
        typed = f"{timezone.now() + timedelta(hours=11):%Y-%m-%dT%H:%M}"  # it is later elsewhere
        assert as_alice.post(f"/photo/{photo.pk}/date/", {"taken_at": typed}).status_code == 302
