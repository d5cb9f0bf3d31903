import pytest
from django.test import Client
from django.test.utils import override_settings
from django.urls import path

from magicroll.models import User
from magicroll.urls import urlpatterns as real


def broken(request: object) -> None:
    raise RuntimeError("on purpose")


urlpatterns = [*real, path("broken/", broken)]


def test_an_unknown_address_has_a_page_with_a_way_back(as_alice: Client) -> None:
    response = as_alice.get("/no/such/page/")
    assert response.status_code == 404
    assert b"Not here" in response.content
    assert b'href="/"' in response.content


def test_a_missing_token_is_explained(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/login/", {"username": "alice", "password": "a long password"})
    assert response.status_code == 403
    assert b"Please try again" in response.content


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_a_fault_of_ours_says_so_and_gives_nothing_away(alice: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    response = client.get("/broken/")
    assert response.status_code == 500
    assert b"Something went wrong" in response.content
    assert b"on purpose" not in response.content
