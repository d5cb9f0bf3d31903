"""How far operations are, undo and stop, through HTTP."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from magicroll import operations, services
from magicroll.models import Operation, Photo, User
from magicroll.operations import Order, Selection
from tests.factories import make_photo

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
NAMES = ("operation", "operation_undo", "operation_stop")


def trashed(user: User, count: int = 2) -> Operation:
    ids = [make_photo(user).pk for _ in range(count)]
    return operations.begin(user, Order(Operation.Kind.TRASH), Selection(ids=ids))


def test_the_latest_are_listed_with_a_way_back(as_alice: Client, alice, bob):
    mine, theirs = trashed(alice, 3), trashed(bob, 4)
    page = as_alice.get(reverse("operations")).content.decode()
    assert "3 photos moved to the trash." in page
    assert reverse("operation_undo", args=[mine.pk]) in page
    assert "4 photos" not in page
    assert reverse("operation_undo", args=[theirs.pk]) not in page


def test_an_empty_list_says_what_it_is_for(as_alice: Client):
    assert "Nothing to undo" in as_alice.get(reverse("operations")).content.decode()


def test_a_note_is_a_page_too(as_alice: Client, alice):
    done = trashed(alice)
    page = as_alice.get(reverse("operation", args=[done.pk]))
    assert "<h1>2 photos moved to the trash.</h1>" in page.content.decode()
    line = as_alice.get(reverse("operation", args=[done.pk]), headers=HTMX)
    assert "<h1>" not in line.content.decode()
    assert "HX-Trigger" not in line.headers  # a page that was loaded anew has the photos as they are
    watched = as_alice.get(f"{reverse('operation', args=[done.pk])}?watched", headers=HTMX)
    assert "photos-changed" in watched.headers["HX-Trigger"]


@pytest.mark.parametrize("name", NAMES)
def test_it_checks_ownership(as_bob: Client, alice, name: str):
    done = trashed(alice)
    ask = as_bob.get if name == "operation" else as_bob.post
    assert ask(reverse(name, args=[done.pk])).status_code == 404
    assert ask(reverse(name, args=[done.pk]), headers=HTMX).status_code == 404
    done.refresh_from_db()
    assert done.state == "done"


@pytest.mark.parametrize("name", NAMES)
def test_it_sends_anonymous_to_log_in(client: Client, alice, name: str):
    address = reverse(name, args=[trashed(alice).pk])
    ask = client.get if name == "operation" else client.post
    assert ask(address).url == f"/login/?next={address}"


@pytest.mark.parametrize("name", NAMES)
def test_it_rejects_the_wrong_method(as_alice: Client, alice, name: str):
    ask = as_alice.post if name == "operation" else as_alice.get
    assert ask(reverse(name, args=[trashed(alice).pk])).status_code == 405


def test_undo_without_javascript_leads_to_the_list(as_alice: Client, alice):
    response = as_alice.post(reverse("operation_undo", args=[trashed(alice).pk]), follow=True)
    assert response.redirect_chain == [(reverse("operations"), 302)]
    assert "Undone." in response.content.decode()
    assert Photo.objects.live().count() == 2


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_too_late_is_said_and_changes_nothing(as_alice: Client, alice, headers):
    done = trashed(alice)
    Operation.objects.update(undo_until=timezone.now() - timedelta(seconds=1))
    response = as_alice.post(reverse("operation_undo", args=[done.pk]), headers=headers)
    assert response.status_code == 422
    assert "It is too late to undo this." in response.content.decode()
    assert not Photo.objects.live().exists()


def test_undo_twice_is_said(as_alice: Client, alice):
    done = trashed(alice)
    as_alice.post(reverse("operation_undo", args=[done.pk]))
    response = as_alice.post(reverse("operation_undo", args=[done.pk]), headers=HTMX)
    assert response.status_code == 422
    assert "This was undone already." in response.content.decode()


def test_for_good_is_for_good(as_alice: Client, alice):
    photo = make_photo(alice)
    services.trash(alice, [photo.pk])
    done = operations.begin(alice, Order(Operation.Kind.DELETE), Selection(ids=[photo.pk]))
    response = as_alice.post(reverse("operation_undo", args=[done.pk]), headers=HTMX)
    assert response.status_code == 422
    assert "can&#x27;t be brought back" in response.content.decode()


def test_emptying_a_large_trash_goes_on_in_the_background(as_alice: Client, alice, monkeypatch):
    monkeypatch.setattr("magicroll.operations.ordering.AT_ONCE", 1)
    services.trash(alice, [make_photo(alice).pk for _ in range(3)])
    response = as_alice.post(reverse("empty_trash"), follow=True)
    assert "Deleting for good: 3 photos…" in response.content.decode()
    running = Operation.objects.get()
    while operations.run_some(running.pk, until=0.0):
        pass
    assert not Photo.objects.exists()
