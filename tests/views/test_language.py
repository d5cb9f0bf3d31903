from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from magicroll import accounts, services
from magicroll.models import User
from tests.factories import make_photo
from tests.views.conftest import picture_bytes

URL = "/language/"


def page(client: Client, url: str, language: str = "") -> str:
    headers = {"Accept-Language": language} if language else {}
    return client.get(url, headers=headers).content.decode()


def test_it_works(as_alice: Client, alice: User) -> None:
    assert '<html lang="en">' in page(as_alice, URL)
    response = as_alice.post(URL, {"language": "de"}, follow=True)
    alice.refresh_from_db()
    assert alice.language == "de"
    body = response.content.decode()
    assert '<html lang="de">' in body
    assert "Gespeichert." in body
    assert '<option value="de" selected>Deutsch</option>' in body
    assert "<h1>Papierkorb</h1>" in page(as_alice, "/trash/")


def test_the_choice_counts_more_than_the_browser_and_can_be_taken_back(as_alice: Client, alice: User) -> None:
    accounts.choose_language(alice, "en")
    assert "<h1>Trash</h1>" in page(as_alice, "/trash/", "de")
    as_alice.post(URL, {"language": ""})
    assert "<h1>Papierkorb</h1>" in page(as_alice, "/trash/", "de-AT,de;q=0.9,en;q=0.5")
    assert "<h1>Trash</h1>" in page(as_alice, "/trash/", "fr")


def test_a_language_that_is_none_gets_a_message(as_alice: Client, alice: User) -> None:
    response = as_alice.post(URL, {"language": "tlh"})
    assert response.status_code == 422
    assert "Choose one of the languages in the list." in response.content.decode()
    alice.refresh_from_db()
    assert alice.language == ""


def test_a_language_that_is_no_longer_offered_is_as_none_chosen(as_alice: Client, alice: User) -> None:
    accounts.choose_language(alice, "tlh")
    assert "<h1>Papierkorb</h1>" in page(as_alice, "/trash/", "de")


def test_somebody_unknown_is_sent_to_log_in_in_their_browsers_language(client: Client, alice: User) -> None:
    assert client.get(URL)["Location"] == f"/login/?next={URL}"
    assert client.post(URL, {"language": "de"})["Location"] == f"/login/?next={URL}"
    assert "<h1>Anmelden</h1>" in page(client, "/login/", "de")
    assert (
        "Gib Deinen Namen ein."
        in client.post("/login/", {}, headers={"Accept-Language": "de"}).content.decode()
    )


def test_it_takes_get_and_post_only(as_alice: Client) -> None:
    assert as_alice.put(URL).status_code == 405


def test_pages_of_errors_are_translated_too(as_alice: Client, client: Client, alice: User) -> None:
    assert "<h1>Hier ist nichts</h1>" in page(as_alice, "/no-such-page/", "de")
    cache.clear()
    for _ in range(11):
        response = as_alice.post("/password/", {"old": "wrong"}, headers={"Accept-Language": "de"})
    assert response.status_code == 429
    body = response.content.decode()
    assert "Zu viele Versuche, das Passwort zu ändern." in body
    assert "noch einmal. Nichts ist verloren." in " ".join(body.split())


def test_numbers_plurals_and_dates_are_written_as_the_language_does(as_admin: Client, admin: User) -> None:
    accounts.choose_language(admin, "de")
    accounts.invite(admin, "", as_admin=False)
    body = page(as_admin, "/people/")
    day = (timezone.now() + timedelta(days=7)).date()
    months = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
              "November", "Dezember")  # fmt: skip
    assert f">{day.day}. {months[day.month - 1]}</time>" in body
    photo = make_photo(admin)
    services.trash(admin, [photo.pk])
    assert "1 Foto endgültig löschen?" in page(as_admin, "/trash/")
    services.trash(admin, [make_photo(admin).pk])
    assert "2 Fotos endgültig löschen?" in page(as_admin, "/trash/")


def test_a_refused_upload_says_why_in_the_readers_language_and_stores_english(
    as_alice: Client, alice: User
) -> None:
    accounts.choose_language(alice, "de")
    sent = {"files": SimpleUploadedFile("a.jpg", b"no picture")}
    answer = as_alice.post("/upload/", sent, headers={"Accept": "application/json"}).json()
    assert answer["files"][0]["message"].startswith("Diese Datei ist kein Bild.")
    raw = {"files": SimpleUploadedFile("a.raw", b"8BPS" + b"\0" * 100)}
    answer = as_alice.post("/upload/", raw, headers={"Accept": "application/json"}).json()
    assert answer["files"][0]["message"].startswith("Diese Datei ist ein Photoshop-Dokument und")
    fine = {"files": SimpleUploadedFile("b.jpg", picture_bytes())}
    assert (
        as_alice.post("/upload/", fine, headers={"Accept": "application/json"}).json()["files"][0]["message"]
        == "In Deinen Fotos."
    )


def test_a_reason_that_was_stored_is_shown_in_the_readers_language(as_alice: Client, alice: User) -> None:
    reason = "Reading this picture took too long. The original is kept."
    make_photo(alice, state="set_aside", set_aside_reason=reason, width=0, height=0)
    assert reason in page(as_alice, "/set-aside/")
    assert "Das Lesen dieses Bildes hat zu lange gedauert." in page(as_alice, "/set-aside/", "de")


def test_an_unchanged_page_is_another_one_in_another_language(as_alice: Client, alice: User) -> None:
    first = as_alice.get("/")
    again = as_alice.get("/", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    german = as_alice.get("/", headers={"If-None-Match": first["ETag"], "Accept-Language": "de"})
    assert german.status_code == 200
    assert "Accept-Language" in german["Vary"]


def test_without_a_database_the_language_is_the_browsers(
    as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(request: object) -> None:
        raise OperationalError("the database is gone")

    monkeypatch.setattr("django.contrib.auth.middleware.get_user", gone)
    response = as_alice.get("/healthz", headers={"Accept-Language": "de"})
    assert response.status_code == 200
    assert response["Content-Language"] == "de"
