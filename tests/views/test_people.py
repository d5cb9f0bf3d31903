import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from magicroll import accounts
from magicroll.models import Invitation, User
from tagging.models import Outstanding
from tests.factories import make_photo, make_user

POSTS = ["/people/invite/", "/people/1/active/", "/people/invitations/1/withdraw/"]


class TestPeople:
    def test_it_lists_accounts_with_what_they_hold(self, as_admin: Client, alice: User) -> None:
        make_photo(alice, byte_size=3_000_000)
        make_photo(alice, byte_size=1_000_000)
        page = as_admin.get("/people/").content.decode()
        row = re.search(r"<tr>\s*<th scope=\"row\">alice.*?</tr>", page, re.DOTALL)
        assert row is not None
        assert '<td class="figure">2</td>' in row[0]
        assert "3.8\xa0MB" in row[0]
        assert "never" in row[0]

    def test_it_counts_set_aside_photos_by_reason(self, as_admin: Client, alice: User) -> None:
        for _ in range(2):
            make_photo(
                alice, state="set_aside", set_aside_reason="Reading it took too long.", width=0, height=0
            )
        odd = make_photo(alice)
        Outstanding.objects.filter(photo=odd).update(set_aside_reason="The network gave up.")
        page = as_admin.get("/people/").content.decode()
        assert "2 × Reading it took too long." in page
        assert "1 × The network gave up." in page

    def test_its_queries_do_not_grow_with_people(self, as_admin: Client, alice: User) -> None:
        make_photo(alice)
        as_admin.get("/people/")
        with CaptureQueriesContext(connection) as few:
            as_admin.get("/people/")
        for _ in range(5):
            make_photo(make_user())
        with CaptureQueriesContext(connection) as many:
            as_admin.get("/people/")
        assert len(many) == len(few)

    def test_it_is_for_administrators(self, as_alice: Client) -> None:
        response = as_alice.get("/people/")
        assert response.status_code == 403
        assert b"Only administrators" in response.content

    def test_anonymous_is_sent_to_log_in(self, client: Client, admin: User) -> None:
        assert client.get("/people/")["Location"] == "/login/?next=/people/"

    def test_it_rejects_post(self, as_admin: Client) -> None:
        assert as_admin.post("/people/").status_code == 405


@pytest.mark.parametrize("path", POSTS)
class TestDoors:
    def test_it_is_for_administrators(self, as_alice: Client, path: str) -> None:
        assert as_alice.post(path).status_code == 403

    def test_anonymous_is_sent_to_log_in(self, client: Client, admin: User, path: str) -> None:
        assert client.post(path)["Location"].startswith("/login/")

    def test_it_rejects_get(self, as_admin: Client, path: str) -> None:
        assert as_admin.get(path).status_code == 405


class TestInvite:
    def test_it_shows_a_link_once_that_works(self, as_admin: Client) -> None:
        page = as_admin.post("/people/invite/", {"note": "Carol", "as_admin": "on"}).content.decode()
        link = re.search(r'value="http://testserver(/invite/[\w-]+/)"', page)
        assert link is not None
        assert Client().get(link[1]).status_code == 200
        again = as_admin.get("/people/").content.decode()
        assert link[1] not in again
        assert "Carol" in again

    def test_a_long_note_is_explained(self, as_admin: Client) -> None:
        response = as_admin.post("/people/invite/", {"note": "x" * 101})
        assert response.status_code == 422
        assert b"Keep the note under 100 characters." in response.content
        assert not Invitation.objects.exists()


class TestWithdraw:
    def test_it_works(self, as_admin: Client, admin: User) -> None:
        token = accounts.invite(admin, "", as_admin=False)
        invitation = Invitation.objects.get()
        response = as_admin.post(f"/people/invitations/{invitation.pk}/withdraw/", follow=True)
        assert b"The invitation is withdrawn." in response.content
        assert Client().get(f"/invite/{token}/").status_code == 404

    def test_a_used_one_is_not_there(self, as_admin: Client, admin: User) -> None:
        accounts.accept_invitation(accounts.invite(admin, "", as_admin=False), "carol", "correct horse 7")
        used = Invitation.objects.get()
        assert as_admin.post(f"/people/invitations/{used.pk}/withdraw/").status_code == 404
        assert Invitation.objects.exists()


class TestSetActive:
    def test_it_deactivates_at_once_and_reactivates(
        self, as_admin: Client, as_alice: Client, alice: User
    ) -> None:
        assert as_alice.get("/password/").status_code == 200
        response = as_admin.post(f"/people/{alice.pk}/active/", {"active": "no"}, follow=True)
        assert b"alice can no longer log in." in response.content
        assert as_alice.get("/password/").status_code == 302
        response = as_admin.post(f"/people/{alice.pk}/active/", {"active": "yes"}, follow=True)
        assert b"alice can log in again." in response.content
        assert User.objects.get(pk=alice.pk).is_active

    def test_not_oneself(self, as_admin: Client, admin: User) -> None:
        response = as_admin.post(f"/people/{admin.pk}/active/", {"active": "no"})
        assert response.status_code == 422
        assert "You can&#x27;t deactivate your own account." in response.content.decode()
        assert User.objects.get(pk=admin.pk).is_active

    def test_nobody_is_404(self, as_admin: Client) -> None:
        assert as_admin.post("/people/999999/active/", {"active": "no"}).status_code == 404

    def test_bad_input_is_explained(self, as_admin: Client, alice: User) -> None:
        response = as_admin.post(f"/people/{alice.pk}/active/", {"active": "perhaps"})
        assert response.status_code == 422
        assert b"Choose to deactivate or to reactivate." in response.content
