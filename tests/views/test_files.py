from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from magicroll import storage
from magicroll.models import Photo, User
from magicroll.rotating import rotate
from magicroll.views import files
from tests.factories import make_photo

Make = Callable[..., Photo]
FILES = ["thumbnail.jpg", "preview.jpg", "original"]


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("name", FILES)
class TestEveryFile:
    def test_it_works_and_can_not_run_as_a_page(
        self, as_alice: Client, alice: User, stored_photo: Make, name: str
    ) -> None:
        photo = stored_photo(alice)
        response = as_alice.get(f"/photo/{photo.pk}/{name}")
        assert response.status_code == 200
        assert body(response).startswith(b"\xff\xd8\xff")
        assert response["Content-Type"] == "image/jpeg"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response["Cross-Origin-Resource-Policy"] == "same-origin"
        assert response["Cache-Control"].startswith("private, ")
        assert "Cookie" in response["Vary"]

    def test_an_unchanged_file_is_not_sent_again(
        self, as_alice: Client, alice: User, stored_photo: Make, name: str
    ) -> None:
        photo = stored_photo(alice)
        first = as_alice.get(f"/photo/{photo.pk}/{name}")
        body(first)
        again = as_alice.get(f"/photo/{photo.pk}/{name}", headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
        assert again["Cache-Control"].startswith("private, ")

    def test_another_persons_photo_is_404_even_with_its_etag(
        self, as_alice: Client, as_bob: Client, bob: User, stored_photo: Make, name: str
    ) -> None:
        photo = stored_photo(bob)
        theirs = as_bob.get(f"/photo/{photo.pk}/{name}")
        body(theirs)
        assert as_alice.get(f"/photo/{photo.pk}/{name}").status_code == 404
        answer = as_alice.get(f"/photo/{photo.pk}/{name}", headers={"If-None-Match": theirs["ETag"]})
        assert answer.status_code == 404

    def test_anonymous_is_sent_to_log_in(
        self, client: Client, alice: User, stored_photo: Make, name: str
    ) -> None:
        photo = stored_photo(alice)
        assert client.get(f"/photo/{photo.pk}/{name}")["Location"].startswith("/login/")

    def test_it_rejects_post(self, as_alice: Client, alice: User, stored_photo: Make, name: str) -> None:
        photo = stored_photo(alice)
        assert as_alice.post(f"/photo/{photo.pk}/{name}").status_code == 405

    @pytest.mark.parametrize("number", [0, 999_999, 2**63, 10**30])
    def test_an_unknown_number_is_404(self, as_alice: Client, name: str, number: int) -> None:
        assert as_alice.get(f"/photo/{number}/{name}").status_code == 404

    def test_a_lost_file_is_404(self, as_alice: Client, alice: User, name: str) -> None:
        assert as_alice.get(f"/photo/{make_photo(alice).pk}/{name}").status_code == 404


class TestCaching:
    @pytest.mark.parametrize("name", ["thumbnail.jpg", "preview.jpg"])
    def test_only_the_address_of_the_present_revision_is_kept_for_ever(
        self, as_alice: Client, alice: User, stored_photo: Make, name: str
    ) -> None:
        photo = stored_photo(alice)
        for query, expected in (
            ("?r=1", "private, max-age=31536000, immutable"),
            ("?r=2", "private, no-cache"),
        ):
            response = as_alice.get(f"/photo/{photo.pk}/{name}{query}")
            body(response)
            assert response["Cache-Control"] == expected

    def test_new_pixels_have_a_new_etag(self, as_alice: Client, alice: User, stored_photo: Make) -> None:
        photo = stored_photo(alice)
        before = as_alice.get(f"/photo/{photo.pk}/preview.jpg")
        body(before)
        Photo.objects.filter(pk=photo.pk).update(revision=2)
        answer = as_alice.get(f"/photo/{photo.pk}/preview.jpg", headers={"If-None-Match": before["ETag"]})
        assert answer.status_code != 304


class TestOriginal:
    @pytest.mark.parametrize(
        ("name", "header"),
        [
            ("beach.jpg", 'attachment; filename="beach.jpg"'),
            ("Straße 🏖.jpg", "attachment; filename*=utf-8''Stra%C3%9Fe%20%F0%9F%8F%96.jpg"),
            ('a"b\\c.jpg', 'attachment; filename="a\\"b\\\\c.jpg"'),
            ("evil\r\nSet-Cookie: x.jpg", 'attachment; filename="evilSet-Cookie: x.jpg"'),
            ("\n", 'attachment; filename="photo"'),
        ],
    )
    def test_it_downloads_under_its_own_name(
        self, as_alice: Client, alice: User, stored_photo: Make, name: str, header: str
    ) -> None:
        photo = stored_photo(alice, name=name)
        response = as_alice.get(f"/photo/{photo.pk}/original")
        body(response)
        assert response["Content-Disposition"] == header

    @pytest.mark.parametrize(
        ("kind", "mime"), [("heic", "image/heic"), ("png", "image/png"), ("", "application/octet-stream")]
    )
    def test_its_type_is_what_we_found_out(
        self, as_alice: Client, alice: User, stored_photo: Make, kind: str, mime: str
    ) -> None:
        photo = stored_photo(alice, kind=kind, name="page.html")
        response = as_alice.get(f"/photo/{photo.pk}/original")
        body(response)
        assert response["Content-Type"] == mime

    def test_a_set_aside_photo_has_its_original_but_no_pictures(
        self, as_alice: Client, alice: User, stored_photo: Make
    ) -> None:
        photo = stored_photo(alice, state="set_aside", set_aside_reason="It crashed.", width=0, height=0)
        response = as_alice.get(f"/photo/{photo.pk}/original")
        assert response.status_code == 200
        body(response)
        assert not default_storage.exists(photo.preview_file)
        for name in ("thumbnail.jpg", "preview.jpg"):
            assert as_alice.get(f"/photo/{photo.pk}/{name}").status_code == 404


def test_a_photo_turned_between_its_row_and_its_file_shows_as_it_is_now(
    as_alice: Client, alice: User, stored_photo: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = stored_photo(alice)
    read = files.photo_or_404
    turned = []

    def read_then_turn(request: Any, photo_id: int, *fields: str) -> Photo:
        found = read(request, photo_id, *fields)
        if not turned:
            turned.append(rotate(alice, photo_id, 1))
            storage.discard([found.thumbnail_file])
        return found

    monkeypatch.setattr(files, "photo_or_404", read_then_turn)
    response = as_alice.get(f"/photo/{photo.pk}/thumbnail.jpg", {"r": 2})
    photo.refresh_from_db()
    assert response.status_code == 200
    assert body(response).startswith(b"\xff\xd8\xff")
    assert response["ETag"] == f'"{photo.key.hex}-{photo.revision}-thumbnail"'
