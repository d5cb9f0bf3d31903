from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from magicroll import accounts, throttle
from magicroll.models import Invitation, User
from tagging.models import Corpus

ACCOUNT = {"username": "carol", "password": "correct horse 7", "again": "correct horse 7"}


@pytest.fixture
def token(admin: User) -> str:
    return accounts.invite(admin, "for Carol", as_admin=False)


class TestInvite:
    def test_it_works(self, client: Client, token: str, admin: User) -> None:
        page = client.get(f"/invite/{token}/")
        assert page.status_code == 200
        assert b"admin invites you" in page.content
        response = client.post(f"/invite/{token}/", ACCOUNT)
        assert (response.status_code, response["Location"]) == (302, "/")
        carol = User.objects.get(username="carol")
        assert not carol.is_superuser
        assert Corpus.objects.filter(owner=carol).exists()
        assert client.session["_auth_user_id"] == str(carol.pk)
        assert Invitation.objects.get().used_by == carol

    def test_it_may_make_an_administrator(self, client: Client, admin: User) -> None:
        client.post(f"/invite/{accounts.invite(admin, '', as_admin=True)}/", ACCOUNT)
        assert User.objects.get(username="carol").is_superuser

    def test_it_works_once(self, client: Client, token: str) -> None:
        client.post(f"/invite/{token}/", ACCOUNT)
        for response in (
            Client().get(f"/invite/{token}/"),
            Client().post(f"/invite/{token}/", ACCOUNT | {"username": "dave"}),
        ):
            assert response.status_code == 404
            assert b"This invitation has ended" in response.content
        assert not User.objects.filter(username="dave").exists()

    def test_it_ends_after_seven_days(self, client: Client, token: str) -> None:
        left = Invitation.objects.get().expires_at - timezone.now()
        assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert client.get(f"/invite/{token}/").status_code == 404
        assert client.post(f"/invite/{token}/", ACCOUNT).status_code == 404

    def test_it_ends_with_its_senders_account(
        self, client: Client, token: str, admin: User, bob: User
    ) -> None:
        User.objects.filter(pk=admin.pk).update(is_active=False)
        assert client.post(f"/invite/{token}/", ACCOUNT).status_code == 404

    def test_another_token_opens_nothing(self, client: Client, token: str) -> None:
        assert client.get(f"/invite/{token[:-1]}/").status_code == 404

    def test_the_token_itself_is_not_kept(self, token: str) -> None:
        row = Invitation.objects.values().get()
        assert token not in str(row)
        assert len(bytes(row["token_sha256"])) == 32

    def test_a_taken_name_is_explained_and_the_invitation_stays_open(
        self, client: Client, token: str, bob: User
    ) -> None:
        response = client.post(f"/invite/{token}/", ACCOUNT | {"username": "BOB"})
        assert response.status_code == 422
        assert b"This name is taken." in response.content
        assert client.post(f"/invite/{token}/", ACCOUNT).status_code == 302

    def test_a_name_taken_at_the_last_moment_changes_nothing(self, token: str, bob: User) -> None:
        with pytest.raises(accounts.UsernameTaken):
            accounts.accept_invitation(token, "Bob", "correct horse 7")
        assert accounts.open_invitation(token) is not None

    def test_somebody_else_accepting_first_is_told_apart(self, token: str) -> None:
        accounts.accept_invitation(token, "carol", "correct horse 7")
        with pytest.raises(accounts.InvitationGone):
            accounts.accept_invitation(token, "dave", "correct horse 7")
        assert not User.objects.filter(username="dave").exists()

    def test_trying_tokens_is_throttled(self, client: Client, token: str) -> None:
        for _ in range(throttle.INVITATION.attempts):
            client.get("/invite/guess/")
        response = client.get(f"/invite/{token}/")
        assert response.status_code == 429
        assert int(response["Retry-After"]) > 0

    def test_a_whole_club_may_join_from_one_place(self, admin: User) -> None:
        for number in range(throttle.INVITATION.attempts + 2):
            token = accounts.invite(admin, "", as_admin=False)
            response = Client().post(f"/invite/{token}/", ACCOUNT | {"username": f"member{number}"})
            assert response.status_code == 302, number

    def test_it_rejects_other_methods(self, client: Client, token: str) -> None:
        assert client.delete(f"/invite/{token}/").status_code == 405
