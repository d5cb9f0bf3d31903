"""The installed app: manifest, service worker, the page without a network, shared files, keys, whose page it is."""

import json
import re
from io import BytesIO

import pytest
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from magicroll.installed import ACCOUNT_HEADER, SHELL, account_key
from magicroll.models import Photo, User
from tests.views.conftest import logged_in, picture_bytes

pytestmark = pytest.mark.django_db


def facts_of(worker: str) -> dict[str, object]:
    found = re.search(r"^const facts = (\{.*\});$", worker, re.M)
    assert found
    facts: dict[str, object] = json.loads(found[1])
    return facts


def test_the_manifest_describes_the_app(client: Client, alice: User):
    response = client.get(reverse("manifest"))
    said = response.json()
    assert response.headers["Content-Type"] == "application/manifest+json"
    assert said["start_url"] == said["scope"] == "/"
    assert said["share_target"]["action"] == "/share/"
    assert {icon["sizes"] for icon in said["icons"]} == {"192x192", "512x512"}
    assert [icon["purpose"] for icon in said["icons"] if "purpose" in icon] == ["maskable"]


def test_the_icons_have_the_sizes_that_the_manifest_tells(client: Client, alice: User):
    for icon in client.get(reverse("manifest")).json()["icons"]:
        name = re.sub(r"\.[0-9a-f]{12}\.", ".", icon["src"]).rpartition("/")[2]
        with Image.open(str(finders.find(f"icons/{name}"))) as image:
            assert "x".join(map(str, image.size)) == icon["sizes"]


def test_pages_name_manifest_and_worker_where_somebody_is_logged_in(as_alice: Client, client: Client):
    link = 'rel="manifest" href="/manifest.webmanifest" data-worker="/service-worker.js"'
    assert link in as_alice.get("/").content.decode()
    assert "manifest" not in client.get("/login/").content.decode()


def test_the_worker_knows_its_installation(client: Client, alice: User):
    response = client.get(reverse("service_worker"))
    facts = facts_of(response.content.decode())
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "no-cache" in response.headers["Cache-Control"]
    assert re.fullmatch(f"{facts['thumbnail']}", "/photo/12/thumbnail.jpg")
    assert not re.fullmatch(f"{facts['thumbnail']}", "/photo/12/preview.jpg")
    assert facts["header"] == ACCOUNT_HEADER


def test_everything_in_the_shell_is_there():
    assert [name for name in SHELL if finders.find(name) is None] == []


def test_the_page_without_a_network_is_nobodys(as_alice: Client, client: Client, alice: User):
    page = client.get(reverse("offline")).content
    assert b"can\xe2\x80\x99t be reached" in page
    assert as_alice.get(reverse("offline")).content == page
    assert alice.username.encode() not in page


@pytest.mark.parametrize("name", ["manifest", "service_worker", "offline", "keys"])
def test_they_reject_post(as_alice: Client, name: str):
    assert as_alice.post(reverse(name)).status_code == 405


def test_every_page_says_whose_it_is(
    as_alice: Client, as_bob: Client, client: Client, alice: User, bob: User
):
    for address in ("/", "/magic/", "/keys/", "/no-such-page/"):
        assert as_alice.get(address).headers[ACCOUNT_HEADER] == account_key(alice.pk)
        assert as_bob.get(address).headers[ACCOUNT_HEADER] == account_key(bob.pk)
    assert account_key(alice.pk) != account_key(bob.pk)
    assert ACCOUNT_HEADER not in client.get("/login/").headers
    assert ACCOUNT_HEADER not in as_alice.get("/manifest.webmanifest").headers


def test_the_answer_that_sends_to_log_in_says_nothing(client: Client, alice: User):
    assert ACCOUNT_HEADER not in client.get("/").headers


def test_log_out_empties_the_browsers_cache(alice: User):
    assert logged_in(alice).post("/logout/").headers["Clear-Site-Data"] == '"cache"'


def test_shared_files_that_reach_the_server_are_not_taken(alice: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    file = SimpleUploadedFile("shared.jpg", picture_bytes())
    response = client.post(reverse("share"), {"files": file})
    assert response.status_code == 422
    assert "share the photos again" in response.content.decode()
    assert not Photo.objects.exists()


def test_sharing_is_not_even_read(alice: User):
    """A body that nobody may send here must not fill a disk."""
    request = logged_in(alice).generic(
        "POST", reverse("share"), b"not multipart at all", content_type="multipart/form-data; boundary=x"
    )
    assert request.status_code == 422


def test_sharing_sends_anonymous_to_log_in_and_readers_to_the_upload(as_alice: Client, client: Client):
    assert client.post(reverse("share")).url == "/login/?next=/share/"
    assert as_alice.get(reverse("share")).url == reverse("upload")


@pytest.mark.parametrize(
    ("said", "words"), [("yes", "Nothing that was shared"), ("none", "Nothing"), ("full", "no room")]
)
def test_the_upload_page_asks_about_shared_files(as_alice: Client, said: str, words: str):
    page = as_alice.get(f"/upload/?shared={said}").content.decode()
    assert "data-shared" in page
    assert words in page
    assert "data-shared" not in as_alice.get("/upload/").content.decode()


def test_keys_are_a_page_and_a_part_of_one(as_alice: Client, client: Client):
    page = as_alice.get(reverse("keys")).content.decode()
    part = as_alice.get(reverse("keys"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" in page
    assert "<html" not in part
    assert "Show these keys" in page
    assert "Show these keys" in part
    assert client.get(reverse("keys")).url == "/login/?next=/keys/"


def test_icons_are_as_drawn():
    from tools.app_icons import ICONS, all_icons

    for name, data in all_icons().items():
        with Image.open(BytesIO(data)) as drawn, Image.open(ICONS / name) as kept:
            assert drawn.size == kept.size
            assert drawn.convert("RGBA").tobytes() == kept.convert("RGBA").tobytes(), name
