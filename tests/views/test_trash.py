import re

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from magicroll import services
from magicroll.models import Photo
from tagging.models import Outstanding
from tests.factories import make_photo, make_user

pytestmark = pytest.mark.django_db


def shown(response) -> list[int]:
    return [int(number) for number in re.findall(r'data-id="(\d+)"', response.content.decode())]


def test_it_shows_what_was_trashed_last_first(as_alice: Client, alice):
    first, second, kept = make_photo(alice), make_photo(alice), make_photo(alice)
    services.trash(alice, [first.pk])
    services.trash(alice, [second.pk])
    response = as_alice.get(reverse("trash"))
    page = response.content.decode()
    assert shown(response) == [second.pk, first.pk]
    assert kept.pk not in shown(response)
    assert "Deleted for good 30 days" in page
    assert f'action="{reverse("photo_restore", args=[first.pk])}"' in page


@pytest.mark.parametrize("name", ["trash", "set_aside"])
def test_it_sends_anonymous_to_log_in(client: Client, alice, name: str):
    assert client.get(reverse(name)).url == f"/login/?next={reverse(name)}"


@pytest.mark.parametrize("name", ["trash", "set_aside"])
def test_it_rejects_post(as_alice: Client, name: str):
    assert as_alice.post(reverse(name)).status_code == 405


def test_it_shows_nobody_elses_photos(as_alice: Client, bob):
    services.trash(bob, [make_photo(bob).pk])
    assert shown(as_alice.get(reverse("trash"))) == []


def test_an_empty_trash_says_so(as_alice: Client):
    page = as_alice.get(reverse("trash")).content.decode()
    assert "The trash is empty" in page
    assert reverse("empty_trash") not in page


def test_it_goes_on_by_cursor(as_alice: Client, alice, monkeypatch):
    monkeypatch.setattr("magicroll.views.trash.PAGE", 2)
    photos = [make_photo(alice).pk for _ in range(5)]
    services.trash(alice, photos)
    seen: list[int] = []
    query = "?"
    while query:
        response = as_alice.get(reverse("trash") + query)
        seen += shown(response)
        more = re.search(r'href="(\?before=[^"]+)"', response.content.decode())
        query = more.group(1) if more else ""
    assert seen == sorted(photos, reverse=True)


@pytest.mark.parametrize(
    "before", ["x", "2024-01-01", "2024-13-01T00:00:00+00:00|1", "2024-01-01T00:00:00+00:00|x"]
)
def test_a_made_up_place_is_not_found(as_alice: Client, before: str):
    assert as_alice.get(reverse("trash"), {"before": before}).status_code == 404


def test_emptying_asks_first_and_names_the_number(as_alice: Client, alice):
    services.trash(alice, [make_photo(alice).pk, make_photo(alice).pk])
    page = as_alice.get(reverse("trash")).content.decode()
    assert "Delete 2 photos for good?" in page


def test_emptying_deletes_rows_and_files_of_the_trash_alone(
    as_alice: Client, alice, bob, stored_photo, django_capture_on_commit_callbacks
):
    gone, kept, bobs = stored_photo(alice), stored_photo(alice), stored_photo(bob)
    services.trash(alice, [gone.pk])
    services.trash(bob, [bobs.pk])
    with django_capture_on_commit_callbacks(execute=True):
        response = as_alice.post(reverse("empty_trash"), follow=True)
    assert "1 photo deleted for good." in response.content.decode()
    assert set(Photo.objects.values_list("pk", flat=True)) == {kept.pk, bobs.pk}
    assert not default_storage.exists(gone.original_file)
    assert default_storage.exists(kept.original_file)
    assert default_storage.exists(bobs.original_file)


def test_emptying_needs_a_post_and_a_log_in(as_alice: Client, alice, client: Client):
    services.trash(alice, [make_photo(alice).pk])
    assert as_alice.get(reverse("empty_trash")).status_code == 405
    assert client.post(reverse("empty_trash")).url == "/login/?next=/trash/empty/"
    assert Photo.objects.count() == 1


def test_set_aside_shows_the_reason_to_its_owner_alone(as_alice: Client, as_bob: Client, alice):
    photo = make_photo(
        alice,
        name="odd.tif",
        state="set_aside",
        set_aside_reason="Opening this took too long.",
        width=0,
        height=0,
    )
    page = as_alice.get(reverse("set_aside")).content.decode()
    assert "odd.tif" in page
    assert "Opening this took too long." in page
    assert f'action="{reverse("photo_retry", args=[photo.pk])}"' in page
    assert "odd.tif" not in as_bob.get(reverse("set_aside")).content.decode()


def test_nothing_set_aside_says_so_and_the_rail_keeps_quiet(as_alice: Client):
    page = as_alice.get(reverse("set_aside")).content.decode()
    assert "Nothing is set aside" in page
    assert 'id="rail-set-aside"' not in page


def test_photos_whose_tagging_failed_are_set_aside_with_their_reason(client: Client):
    alice = make_user("alice")
    client.force_login(alice)
    photo = make_photo(alice, name="stubborn.jpg")
    Outstanding.objects.filter(photo=photo).update(set_aside_reason="Tagging this photo failed 3 times.")
    page = client.get("/set-aside/").content.decode()
    assert "stubborn.jpg" in page
    assert "Tagging this photo failed 3 times." in page
    client.post(f"/photo/{photo.pk}/retry/")
    assert "stubborn.jpg" not in client.get("/set-aside/").content.decode()
