from io import BytesIO
from zipfile import ZipFile

from django.test import Client

from magicroll.imaging.xmp import parse_xmp
from magicroll.models import User
from tagging.services import add_tag
from tests.factories import make_photo

URL = "/my-tags.zip"


def test_it_works(as_alice: Client, alice: User) -> None:
    photo = make_photo(alice, name="a.jpg")
    add_tag(alice, photo, "Fluffy")
    response = as_alice.get(URL)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="magic-roll-tags.zip"'
    assert "no-store" in response["Cache-Control"]
    with ZipFile(BytesIO(response.getvalue())) as archive:
        assert archive.namelist() == ["2024/06/a.jpg.xmp"]
        assert parse_xmp(archive.read("2024/06/a.jpg.xmp")).added[0].name == "Fluffy"


def test_it_holds_nobody_elses(as_bob: Client, alice: User) -> None:
    make_photo(alice, favourite=True)
    with ZipFile(BytesIO(as_bob.get(URL).getvalue())) as archive:
        assert archive.namelist() == []


def test_somebody_unknown_is_sent_to_log_in(client: Client, alice: User) -> None:
    assert client.get(URL)["Location"] == f"/login/?next={URL}"


def test_it_takes_get_only(as_alice: Client) -> None:
    assert as_alice.post(URL).status_code == 405
    assert as_alice.head(URL).content == b""


def test_the_page_offers_it_once_something_is_told(as_alice: Client, alice: User) -> None:
    photo = make_photo(alice)
    page = as_alice.get("/my-model/").content.decode()
    assert "You have not said anything about a photo yet." in page
    assert URL not in page
    add_tag(alice, photo, "Fluffy")
    assert f'href="{URL}"' in as_alice.get("/my-model/").content.decode()


def test_a_photo_in_the_trash_tells_nothing(as_alice: Client, alice: User) -> None:
    photo = make_photo(alice, favourite=True)
    assert URL in as_alice.get("/my-model/").content.decode()
    as_alice.post(f"/photo/{photo.pk}/trash/")
    assert URL not in as_alice.get("/my-model/").content.decode()
