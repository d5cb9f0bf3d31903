import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from magicroll import intake
from magicroll.models import Photo, TakenFrom, User
from tests.factories import annotate, make_photo
from tests.views.conftest import picture_bytes

JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module", autouse=True)
def _decoders() -> Iterator[None]:
    """The decoders are child processes of this one: end them with the module."""
    yield
    intake.decoders().close()
    intake.decoders.cache_clear()


def send(client: Client, *files: SimpleUploadedFile, **data: Any) -> Any:
    return client.post("/upload/", {"files": list(files)} | data, headers=JSON)


def jpeg(name: str = "IMG_0001.jpg", colour: str = "teal") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture_bytes(colour), "image/jpeg")


def junk(name: str = "notes.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"These are only words.", "image/jpeg")


class TestUpload:
    def test_it_stores_a_photo_and_says_where_it_is(self, as_alice: Client, alice: User) -> None:
        response = send(as_alice, jpeg())
        assert response.status_code == 201
        photo = Photo.objects.get()
        assert photo.owner == alice
        assert response.json()["files"] == [
            {
                "name": "IMG_0001.jpg",
                "outcome": "stored",
                "message": "In your roll.",
                "photo": photo.pk,
                "url": f"/photo/{photo.pk}/",
                "thumbnail": f"/photo/{photo.pk}/thumbnail.jpg?r=1",
            }
        ]
        picture = as_alice.get(response.json()["files"][0]["thumbnail"])
        assert b"".join(picture.streaming_content).startswith(b"\xff\xd8\xff")

    def test_the_same_file_again_is_recognised(self, as_alice: Client) -> None:
        send(as_alice, jpeg())
        response = send(as_alice, jpeg("copy.jpg"))
        assert response.status_code == 200
        [file] = response.json()["files"]
        assert (file["outcome"], file["message"]) == ("duplicate", "Already in your roll.")
        assert Photo.objects.count() == 1

    def test_what_is_not_a_picture_is_refused_while_the_others_go_on(self, as_alice: Client) -> None:
        response = send(as_alice, junk(), jpeg())
        assert response.status_code == 201
        outcomes = [(file["name"], file["outcome"]) for file in response.json()["files"]]
        assert outcomes == [("notes.jpg", "refused"), ("IMG_0001.jpg", "stored")]
        assert "not a picture" in response.json()["files"][0]["message"]

    def test_when_everything_is_refused_it_is_422(self, as_alice: Client) -> None:
        response = send(as_alice, junk())
        assert response.status_code == 422
        assert not Photo.objects.exists()

    def test_a_file_over_the_limit_is_refused(self, as_alice: Client, settings: Settings) -> None:
        settings.MAX_UPLOAD_BYTES = 100
        response = send(as_alice, jpeg())
        assert response.status_code == 422
        assert response.json()["files"][0]["outcome"] == "refused"
        assert not Photo.objects.exists()

    def test_no_file_is_explained(self, as_alice: Client) -> None:
        response = as_alice.post("/upload/", {}, headers=JSON)
        assert response.status_code == 422
        assert response.json()["message"] == "Choose at least one photo."
        page = as_alice.post("/upload/", {})
        assert page.status_code == 422
        assert b"Choose at least one photo." in page.content

    def test_the_files_own_time_is_the_last_resort_for_its_date(self, as_alice: Client) -> None:
        send(as_alice, jpeg("beach.jpg"), modified="2019-07-01T18:30:00+02:00")
        photo = Photo.objects.get()
        assert photo.taken_from == TakenFrom.FILE
        assert f"{photo.taken_at:%Y-%m-%d %H:%M}" == "2019-07-01 18:30"

    @pytest.mark.parametrize("moment", ["yesterday", "2019-07-01T18:30:00", "", "9" * 400])
    def test_a_time_that_makes_no_sense_is_passed_over(self, as_alice: Client, moment: str) -> None:
        assert send(as_alice, jpeg("beach.jpg"), modified=moment).status_code == 201
        assert Photo.objects.get().taken_from == TakenFrom.UPLOAD

    def test_the_plain_form_shows_a_page_with_what_became_of_each(self, as_alice: Client) -> None:
        assert b'enctype="multipart/form-data"' in as_alice.get("/upload/").content
        response = as_alice.post("/upload/", {"files": [jpeg(), junk()]})
        assert response.status_code == 201
        page = response.content.decode()
        assert "What became of 2 files" in page
        assert f'href="/photo/{Photo.objects.get().pk}/"' in page
        assert "not a picture" in page

    def test_anonymous_is_sent_to_log_in_and_nothing_of_the_body_is_read(
        self, client: Client, alice: User
    ) -> None:
        response = client.post("/upload/", {"files": jpeg()}, headers=JSON)
        assert response["Location"] == "/login/?next=/upload/"
        assert not response.wsgi_request._read_started
        assert client.get("/upload/").status_code == 302

    def test_it_needs_a_csrf_token(self, alice: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        assert send(client, jpeg()).status_code == 403
        client.get("/upload/")
        token = client.cookies["csrftoken"].value
        answer = client.post("/upload/", {"files": jpeg()}, headers=JSON | {"X-CSRFToken": token})
        assert answer.status_code == 201

    def test_too_many_files_at_once_are_put_off(self, as_alice: Client, settings: Settings) -> None:
        settings.UPLOADS_PER_MINUTE = 3
        assert send(as_alice, jpeg(), jpeg(colour="red"), jpeg(colour="blue")).status_code == 201
        response = send(as_alice, jpeg(colour="green"))
        assert response.status_code == 429
        assert 0 < int(response["Retry-After"]) <= 61
        assert Photo.objects.count() == 3

    def test_one_persons_uploads_do_not_hold_up_anothers(
        self, as_alice: Client, as_bob: Client, settings: Settings
    ) -> None:
        settings.UPLOADS_PER_MINUTE = 1
        send(as_alice, jpeg())
        assert send(as_bob, jpeg()).status_code == 201

    def test_it_rejects_other_methods(self, as_alice: Client) -> None:
        assert as_alice.put("/upload/").status_code == 405


class TestUploadStatus:
    def test_it_tells_the_tags_when_they_are_there(self, as_alice: Client, alice: User) -> None:
        done, waiting = make_photo(alice), make_photo(alice)
        annotate(done, {"dog": 0.9})
        answer = as_alice.get(f"/upload/status/?ids={done.pk},{waiting.pk}").json()
        photos = {photo["id"]: photo for photo in answer["photos"]}
        assert (photos[done.pk]["pending"], "dog" in json.dumps(photos[done.pk]["tags"]).lower()) == (
            False,
            True,
        )
        assert photos[waiting.pk] == {"id": waiting.pk, "pending": True, "tags": []}
        assert answer["outstanding"] == 1

    def test_it_says_nothing_of_another_persons_photos(self, as_alice: Client, bob: User) -> None:
        answer = as_alice.get(f"/upload/status/?ids={make_photo(bob).pk}").json()
        assert answer == {"photos": [], "outstanding": 0}

    @pytest.mark.parametrize("query", ["", "?ids=", "?ids=x,-1,1e3,²"])
    def test_bad_input_is_422_with_a_message(self, as_alice: Client, query: str) -> None:
        response = as_alice.get(f"/upload/status/{query}")
        assert response.status_code == 422
        assert response.json()["message"] == "Name photos: ?ids=1,2,3"

    def test_a_number_out_of_range_is_no_photo(self, as_alice: Client) -> None:
        assert as_alice.get(f"/upload/status/?ids=1,{10**18 - 1},{10**30}").json()["photos"] == []

    def test_its_queries_are_bounded(self, as_alice: Client, alice: User) -> None:
        photos = [make_photo(alice) for _ in range(3)]
        with CaptureQueriesContext(connection) as queries:
            as_alice.get("/upload/status/?ids=" + ",".join(str(photo.pk) for photo in photos))
        assert len(queries) <= 30

    def test_anonymous_is_sent_to_log_in(self, client: Client, alice: User) -> None:
        assert client.get("/upload/status/?ids=1").status_code == 302

    def test_it_rejects_post(self, as_alice: Client) -> None:
        assert as_alice.post("/upload/status/").status_code == 405
