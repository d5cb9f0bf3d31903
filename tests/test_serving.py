"""How answers are served: what a browser may do with them, who keeps them, what may be sent how often."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from magicroll import throttle
from magicroll.models import Photo, User
from tests.addresses import KNOWN, addresses
from tests.factories import make_user
from tests.tagging.own_tags.eyes import few_dimensions
from tests.test_ownership import MARCH_1987, Roll, ask, dump, forms, make_roll, questions
from tests.views.conftest import logged_in, picture_bytes

pytestmark = pytest.mark.django_db

SCRIPT = b"<!DOCTYPE html><html><script>alert(document.cookie)</script></html>"


@pytest.fixture(autouse=True)
def _no_attempts_counted() -> Iterator[None]:
    cache.clear()
    with few_dimensions():
        yield
    cache.clear()


@pytest.fixture
def roll(db: None) -> Roll:
    made = make_roll("alice", "wren", MARCH_1987, "#a1b2c3")
    User.objects.filter(pk=made.user.pk).update(is_staff=True, is_superuser=True)
    return made


@pytest.fixture
def uploads() -> Iterator[None]:
    """Delete the files of what a test uploads."""
    yield
    for photo in Photo.objects.all():
        for name in photo.files:
            default_storage.delete(name)


class Page(HTMLParser):
    """What a strict Content-Security-Policy would block, and the static files that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: list[str] = []
        self.static: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.blocked += [f"{tag} {name}" for name in values if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not values.get("src") and values.get("type") is None):
            self.blocked.append(tag)
        for name in ("src", "href", "action"):
            address = values.get(name) or ""
            if address.lower().lstrip().startswith(("javascript:", "data:text")):
                self.blocked.append(f"{tag} {address}")
            if address.startswith("/static/"):
                self.static.add(re.split("[?#]", address)[0].removeprefix("/static/"))


def pages(roll: Roll) -> Iterator[tuple[str, Any]]:
    client = logged_in(roll.user)
    for address in addresses():
        if KNOWN[address.name].get and address.name not in ("setup", "invite"):
            for url in {url.split("?")[0] for url, _ in questions(address, roll)}:
                yield url, ask(client, "GET", url, {})
    yield "/login/", ask(Client(), "GET", "/login/", {})
    yield "/invite/guessed/", ask(Client(), "GET", "/invite/guessed/", {})
    yield "/nowhere/", ask(client, "GET", "/nowhere/", {})


def test_every_answer_is_guarded_and_every_page_has_a_strict_policy(roll: Roll) -> None:
    seen = 0
    for url, response in pages(roll):
        assert response.status_code < 500, url
        assert response["X-Content-Type-Options"] == "nosniff", url
        assert response["X-Frame-Options"] == "DENY", url
        assert response["Referrer-Policy"] == "same-origin", url
        assert response["Cross-Origin-Opener-Policy"] == "same-origin", url
        assert "public" not in response.get("Cache-Control", ""), url
        if not response.get("Content-Type", "").startswith("text/html"):
            continue
        seen += 1
        policy = {
            part.split()[0]: part.split()[1:] for part in response["Content-Security-Policy"].split(";")
        }
        assert policy["default-src"] == ["'self'"], url
        assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"], url
        assert policy["form-action"] == ["'self'"], url
        assert not {"script-src", "style-src"} & policy.keys(), url
        for source in ("unsafe-inline", "unsafe-eval", "*", "http:", "https:"):
            assert source not in response["Content-Security-Policy"], url
        page = Page()
        page.feed(response.content.decode())
        assert page.blocked == [], url
        assert [name for name in page.static if finders.find(name) is None] == [], url
    assert seen > 15


def test_answers_about_somebody_are_kept_by_their_own_browser_only(roll: Roll) -> None:
    for url, response in pages(roll):
        if url not in ("/healthz", "/nowhere/") and response.status_code == 200:
            caching = response.get("Cache-Control", "")
            assert "Cookie" in response.get("Vary", ""), url
            assert "private" in caching or "no-store" in caching or "s-maxage" not in caching, url


class TestForgery:
    """A page elsewhere can make a browser post, with its cookies but without our token."""

    @pytest.mark.parametrize(
        "address", [a for a in addresses() if KNOWN[a.name].post], ids=lambda address: address.name
    )
    def test_a_post_without_our_token_is_refused(self, roll: Roll, address: Any) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(roll.user)
        before = dump(roll.user)
        # A phone's form has no token, so its body is never read.
        refused = 422 if address.name == "share" else 403
        for url in {url.split("?")[0] for url, _ in questions(address, roll)}:
            for form in forms(address, roll):
                response = client.post(url, form, headers={"Origin": "https://evil.example"})
                assert response.status_code == refused, (url, form)
                assert client.post(url, form).status_code == refused, (url, form)
        assert dump(roll.user) == before

    def test_with_our_token_it_works(self, roll: Roll) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(roll.user)
        client.get("/upload/")
        token = client.cookies["csrftoken"].value
        url = f"/photo/{roll.live.pk}/favourite/"
        answer = client.post(url, {"favourite": "no"}, headers={"X-CSRFToken": token})
        assert answer.status_code == 302
        assert client.post("/upload/", {}, headers={"X-CSRFToken": token}).status_code == 422


@pytest.mark.usefixtures("uploads")
class TestFilesThatAreNotWhatTheySay:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("page.jpg", SCRIPT),
            ("page.html", SCRIPT),
            ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
            ("drawing.png", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'),
            ("script.gif", b"GIF89a/*" + b"\x00" * 16 + b"*/=1;alert(1)"),
        ],
    )
    def test_a_page_named_like_a_photo_is_refused_and_nothing_is_kept(
        self, name: str, content: bytes
    ) -> None:
        alice = make_user("alice")
        response = logged_in(alice).post("/upload/", {"files": SimpleUploadedFile(name, content)})
        assert response.status_code == 422
        assert b"<script>" not in response.content
        assert not Photo.objects.exists()

    def test_a_photo_with_a_page_inside_is_served_as_a_photo(self) -> None:
        alice = make_user("alice")
        client = logged_in(alice)
        upload = SimpleUploadedFile("x.html", picture_bytes() + SCRIPT, content_type="text/html")
        sent = client.post("/upload/", {"files": upload}, headers={"Accept": "application/json"})
        (file,) = json.loads(sent.content)["files"]
        original = ask(client, "GET", f"/photo/{file['photo']}/original", {})
        assert SCRIPT in original.body
        assert original["Content-Type"] == "image/jpeg"
        assert original["Content-Disposition"].startswith("attachment;")
        assert original["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert original["X-Content-Type-Options"] == "nosniff"
        for kind in ("preview", "thumbnail"):
            picture = ask(client, "GET", f"/photo/{file['photo']}/{kind}.jpg", {})
            assert b"<script>" not in picture.body
            assert picture["Content-Type"] == "image/jpeg"

    def test_a_name_that_is_a_page_is_shown_as_text(self) -> None:
        alice = make_user("alice")
        client = logged_in(alice)
        name = "<img src=x onerror=alert(1)>.jpg"
        sent = client.post("/upload/", {"files": SimpleUploadedFile(name, picture_bytes("pink"))})
        assert sent.status_code == 201
        photo = Photo.objects.get()
        for url in ("/", f"/photo/{photo.pk}/", "/search/?q=%3Cimg", "/upload/"):
            assert b"<img src=x" not in client.get(url).content, url
        assert b"<img src=x" not in sent.content


class TestThrottling:
    def test_who_sends_too_many_files_is_asked_to_wait(self, settings: Settings) -> None:
        settings.UPLOADS_PER_MINUTE = 2
        client = logged_in(make_user("alice"))
        refused = [SimpleUploadedFile(f"{number}.jpg", SCRIPT) for number in range(3)]
        answers = [client.post("/upload/", {"files": file}) for file in refused]
        assert [answer.status_code for answer in answers] == [422, 422, 429]
        assert 0 < int(answers[-1]["Retry-After"]) <= 61
        assert logged_in(make_user("bob")).post("/upload/", {}).status_code == 422

    def test_who_guesses_is_asked_to_wait(self, client: Client) -> None:
        make_user("alice")
        wrong = {"username": "alice", "password": "wrong"}
        answers = [client.post("/login/", wrong) for _ in range(throttle.LOGIN_BY_NAME.attempts + 1)]
        assert answers[-2].status_code == 422
        assert answers[-1].status_code == 429
        assert 0 < int(answers[-1]["Retry-After"]) <= throttle.LOGIN_BY_NAME.window_s + 1


HOSTILE = (
    *("\x00", "a\x00b", "a/b", "../..", "tag:a/b", "tag:\x00", "search:\x00"),
    *("tag:" + "x" * 300, "search:" + "a " * 200, "%", "_", "'\"\\", "\ud7ff\U0001f600"),
    *("-1", "0", "9" * 30, "9" * 5000, "²", "٣", "1-1", f"{10**17}-1", f"1-{'9' * 30}", "1e5", "nan"),
    *("0001-01", "9999-12", "2024-13", "2024-1", "2024-01-01T00:00:00|1", "2024-01-01T00:00:00Z|1"),
    *("0001-01-01T00:00:00+23:59|1", "9999-12-31T23:59:59-23:59|1", f"2024-01-01T00:00:00Z|{'9' * 30}"),
)
QUESTIONS = (
    *("/?before={}", "/?month={}", "/favourites/?before={}", "/magic/{}/", "/magic/dog/?before={}"),
    *("/search/?q={}", "/search/?q=dog&before={}", "/search/?q=2024&before={}", "/trash/?before={}"),
    *("/upload/status/?ids={}", "/photo/{id}/?in={}", "/photo/{id}/tags/?in={}", "/tags/suggest/?q={}"),
    *("/login/?next={}", "/invite/{}/"),
)


def answers_to(text: str) -> set[int]:
    """No word has a NUL, so such a request may be called bad; everything else has a proper answer."""
    return {200, 302, 404, 422} | ({400} if "\x00" in text else set())


class TestHostileInput:
    """Whatever somebody types into the address bar or posts, it is an answer and no error."""

    @pytest.mark.parametrize("question", QUESTIONS)
    def test_every_question_has_an_answer(self, roll: Roll, question: str) -> None:
        client = logged_in(roll.user)
        for text in HOSTILE:
            cache.clear()
            url = question.replace("{id}", str(roll.live.pk)).replace("{}", quote(text, safe=""))
            assert client.get(url).status_code in answers_to(text), (question, text)

    @pytest.mark.parametrize(
        "form",
        [
            {"verdict": "add", "name": "{}"},
            {"verdict": "reject", "tag": "{}"},
            {"verdict": "undo", "tag": "{}"},
            {"verdict": "{}", "tag": "1", "in": "{}"},
            {"verdict": "undo", "tag": "1", "in": "tag:{}"},
        ],
        ids=str,
    )
    def test_every_verdict_has_an_answer(self, roll: Roll, form: dict[str, str]) -> None:
        client = logged_in(roll.user)
        for text in HOSTILE:
            sent = {key: value.replace("{}", text) for key, value in form.items()}
            response = client.post(f"/photo/{roll.live.pk}/tags/", sent)
            assert response.status_code in answers_to(text), text

    @pytest.mark.parametrize("act", ["trash", "restore", "favourite"])
    def test_every_act_has_an_answer_wherever_it_came_from(self, roll: Roll, act: str) -> None:
        client = logged_in(roll.user)
        for text in HOSTILE if act == "trash" else HOSTILE[:9]:  # which looks for the photo to show next
            for kind in ("{}", "tag:{}", "search:{}"):
                sent = {"in": kind.replace("{}", text), "favourite": "yes"}
                assert client.post(f"/photo/{roll.live.pk}/{act}/", sent).status_code == 302, text

    @pytest.mark.usefixtures("uploads")
    @pytest.mark.parametrize("modified", ["", "x", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
    def test_every_upload_has_an_answer(self, roll: Roll, modified: str) -> None:
        for name in ("a\x00b.jpg", "." * 300 + ".jpg", "\u202egpj.exe", "x" * 400):
            upload = SimpleUploadedFile("x.jpg", picture_bytes())
            upload._name = name
            response = logged_in(roll.user).post("/upload/", {"files": upload, "modified": modified})
            assert response.status_code in (200, 201, 422), name
