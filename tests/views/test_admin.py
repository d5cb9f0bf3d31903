import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_user

pytestmark = pytest.mark.django_db

PAGES = ["magicroll_user", "magicroll_invitation", "tagging_release", "tagging_corpus"]


@pytest.mark.parametrize("page", PAGES)
def test_lists_work_for_administrators(client: Client, page: str):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    assert client.get(reverse(f"admin:{page}_changelist")).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_others_are_sent_away(client: Client, page: str):
    client.force_login(make_user("alice"))
    assert client.get(reverse(f"admin:{page}_changelist")).status_code == 302


def test_nobody_is_added_or_deleted_here(client: Client):
    root = make_user("root", is_staff=True, is_superuser=True)
    client.force_login(root)
    assert client.get(reverse("admin:magicroll_user_add")).status_code == 403
    assert client.post(reverse("admin:magicroll_user_delete", args=[root.pk])).status_code == 403
