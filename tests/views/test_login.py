import pytest
from django.test import Client
from pytest_django import Settings

from magicroll import throttle
from magicroll.models import User

GOOD = {"username": "alice", "password": "a long password"}
BAD = {"username": "alice", "password": "wrong"}


class TestLogin:
    def test_it_works(self, client: Client, alice: User) -> None:
        assert client.get("/login/").status_code == 200
        response = client.post("/login/", GOOD)
        assert (response.status_code, response["Location"]) == (302, "/")
        assert client.session["_auth_user_id"] == str(alice.pk)

    def test_capital_letters_in_the_name_do_not_matter(self, client: Client, alice: User) -> None:
        assert client.post("/login/", GOOD | {"username": "ALICE"}).status_code == 302

    def test_a_wrong_password_is_explained_without_saying_whether_the_name_exists(
        self, client: Client, alice: User
    ) -> None:
        wrong = client.post("/login/", BAD)
        unknown = client.post("/login/", BAD | {"username": "nobody"})
        assert wrong.status_code == unknown.status_code == 422
        for response in (wrong, unknown):
            assert "Name and password don&#x27;t match." in response.content.decode()

    def test_missing_fields_are_explained(self, client: Client, alice: User) -> None:
        response = client.post("/login/", {})
        assert response.status_code == 422
        assert b"Type your name." in response.content
        assert b"Type your password." in response.content

    def test_a_deactivated_account_can_not_log_in(self, client: Client, alice: User, bob: User) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        assert client.post("/login/", GOOD).status_code == 422

    def test_it_goes_on_where_one_wanted_to_go(self, client: Client, alice: User) -> None:
        page = client.get("/login/?next=/magic/")
        assert b'value="/magic/"' in page.content
        assert client.post("/login/", GOOD | {"next": "/magic/"})["Location"] == "/magic/"

    @pytest.mark.parametrize(
        "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "http:///x"]
    )
    def test_it_never_leads_to_another_site(self, client: Client, alice: User, target: str) -> None:
        assert client.post("/login/", GOOD | {"next": target})["Location"] == "/"

    def test_somebody_who_is_in_is_led_on(self, as_alice: Client) -> None:
        assert as_alice.get("/login/")["Location"] == "/"

    def test_it_rejects_other_methods(self, client: Client, alice: User) -> None:
        assert client.delete("/login/").status_code == 405


class TestThrottling:
    def test_guessing_one_name_is_stopped_even_with_the_right_password(
        self, client: Client, alice: User
    ) -> None:
        for _ in range(throttle.LOGIN_BY_NAME.attempts):
            assert client.post("/login/", BAD).status_code == 422
        response = client.post("/login/", GOOD)
        assert response.status_code == 429
        assert 0 < int(response["Retry-After"]) <= throttle.LOGIN_BY_NAME.window_s + 1
        assert b"Too many log-in attempts for this name" in response.content

    def test_others_at_other_addresses_are_not_locked_out(self, client: Client, alice: User) -> None:
        for _ in range(throttle.LOGIN_BY_NAME.attempts + 1):
            client.post("/login/", BAD, REMOTE_ADDR="203.0.113.5")
        assert client.post("/login/", GOOD, REMOTE_ADDR="198.51.100.7").status_code == 302

    def test_trying_many_names_from_one_address_is_stopped(self, client: Client, alice: User) -> None:
        throttle.wait_s(throttle.LOGIN_BY_ADDRESS, "127.0.0.1", cost=throttle.LOGIN_BY_ADDRESS.attempts)
        assert client.post("/login/", GOOD).status_code == 429

    def test_a_success_forgives_earlier_slips(self, client: Client, alice: User) -> None:
        for _ in range(2):
            for _ in range(throttle.LOGIN_BY_NAME.attempts - 1):
                client.post("/login/", BAD)
            assert client.post("/login/", GOOD).status_code == 302
            client.post("/logout/")

    def test_a_claimed_forwarding_header_counts_for_nothing_without_a_proxy(
        self, client: Client, alice: User
    ) -> None:
        for number in range(throttle.LOGIN_BY_NAME.attempts):
            client.post("/login/", BAD, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        assert client.post("/login/", BAD, HTTP_X_FORWARDED_FOR="203.0.113.99").status_code == 429

    def test_behind_the_proxy_its_own_hop_counts(
        self, client: Client, alice: User, settings: Settings
    ) -> None:
        settings.BEHIND_PROXY = True
        for number in range(throttle.LOGIN_BY_NAME.attempts):
            client.post("/login/", BAD, HTTP_X_FORWARDED_FOR=f"10.9.8.{number}, 203.0.113.5")
        assert client.post("/login/", BAD, HTTP_X_FORWARDED_FOR="1.2.3.4, 203.0.113.5").status_code == 429
        assert (
            client.post("/login/", GOOD, HTTP_X_FORWARDED_FOR="203.0.113.5, 198.51.100.7").status_code == 302
        )


class TestLogout:
    def test_it_works(self, as_alice: Client) -> None:
        response = as_alice.post("/logout/")
        assert (response.status_code, response["Location"]) == (302, "/login/")
        assert as_alice.get("/password/")["Location"] == "/login/?next=/password/"

    def test_it_rejects_get(self, as_alice: Client) -> None:
        assert as_alice.get("/logout/").status_code == 405


class TestPassword:
    CHANGE = {"old": "a long password", "password": "another long 9", "again": "another long 9"}

    def test_it_works_and_ends_other_sessions(self, as_alice: Client, alice: User) -> None:
        elsewhere = Client()
        elsewhere.force_login(alice)
        assert as_alice.post("/password/", self.CHANGE).status_code == 302
        page = as_alice.get("/password/")
        assert page.status_code == 200
        assert b"Your password is changed." in page.content
        alice.refresh_from_db()
        assert alice.check_password("another long 9")
        assert elsewhere.get("/password/").status_code == 302

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"old": "wrong"}, "This is not your password."),
            ({"password": "alice", "again": "alice"}, "too short"),
            ({"again": "different"}, "The two passwords differ."),
            ({"password": ""}, "Choose a new password."),
        ],
    )
    def test_it_explains_bad_input(
        self, as_alice: Client, alice: User, change: dict[str, str], message: str
    ) -> None:
        response = as_alice.post("/password/", self.CHANGE | change)
        assert response.status_code == 422
        assert message in response.content.decode()
        alice.refresh_from_db()
        assert alice.check_password("a long password")

    def test_guessing_the_old_one_is_throttled(self, as_alice: Client) -> None:
        for _ in range(throttle.PASSWORD.attempts):
            as_alice.post("/password/", self.CHANGE | {"old": "wrong"})
        assert as_alice.post("/password/", self.CHANGE).status_code == 429

    def test_anonymous_is_sent_to_log_in(self, client: Client, alice: User) -> None:
        assert client.get("/password/")["Location"] == "/login/?next=/password/"

    def test_it_rejects_other_methods(self, as_alice: Client) -> None:
        assert as_alice.put("/password/").status_code == 405
