import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import annotate, make_photo, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(client: Client):
    user = make_user("alice")
    client.force_login(user)
    return user


def pages() -> list[str]:
    return [reverse("roll"), reverse("magic"), reverse("favourites"), reverse("tag", args=["animals"])]


@pytest.mark.parametrize("number", range(4))
def test_an_unchanged_corpus_answers_304_and_a_changed_one_does_not(client: Client, alice, number: int):
    page = pages()[number]
    photo = make_photo(alice)
    etag = client.get(page).headers["ETag"]
    assert client.get(page, headers={"If-None-Match": etag}).status_code == 304
    annotate(photo, {"dog": 0.9})
    changed = client.get(page, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_another_persons_page_has_another_tag(client: Client, alice):
    etag = client.get(reverse("roll")).headers["ETag"]
    client.force_login(make_user("bob"))
    assert client.get(reverse("roll"), headers={"If-None-Match": etag}).status_code == 200


def test_caches_between_us_keep_nothing(client: Client, alice):
    assert client.get(reverse("roll")).headers["Cache-Control"] == "private, no-cache"
