import threading
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from magicroll import accounts
from magicroll.models import Installation, User
from tagging.models import Corpus
from tests.factories import make_release, make_user

ACCOUNT = {"username": "ada", "password": "correct horse 7", "again": "correct horse 7"}
HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000"}
ELSEWHERE = {"REMOTE_ADDR": "192.168.1.20", "HTTP_HOST": "localhost"}


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def release(db: None) -> None:
    make_release()


@pytest.mark.usefixtures("release")
class TestFromThisMachine:
    def test_it_leads_every_page_here_while_there_is_no_account(self, client: Client) -> None:
        for path in ("/", "/login/", "/people/", "/photo/1/", "/admin/"):
            response = client.get(path)
            assert (response.status_code, response["Location"]) == (302, "/setup/"), path

    def test_it_asks_for_no_code(self, client: Client) -> None:
        response = client.get("/setup/", **HERE)
        assert response.status_code == 200
        assert b"Set-up code" not in response.content

    def test_it_makes_an_administrator_with_a_corpus_who_is_logged_in(self, client: Client) -> None:
        response = client.post("/setup/", ACCOUNT, **HERE)
        assert (response.status_code, response["Location"]) == (302, "/")
        user = User.objects.get()
        assert (user.username, user.is_superuser, user.is_staff) == ("ada", True, True)
        assert user.check_password("correct horse 7")
        assert Corpus.objects.filter(owner=user).exists()
        assert client.session["_auth_user_id"] == str(user.pk)

    def test_it_answers_only_until_the_account_exists(self, client: Client) -> None:
        client.post("/setup/", ACCOUNT, **HERE)
        for answer in (
            client.get("/setup/", **HERE),
            client.post("/setup/", {**ACCOUNT, "username": "eve"}, **HERE),
        ):
            assert (answer.status_code, answer["Location"]) == (302, "/")
        assert User.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"username": ""}, "Choose a name."),
            ({"username": "a b"}, "Use letters, digits"),
            ({"password": ""}, "Choose a password."),
            ({"password": "short7", "again": "short7"}, "at least 10 characters"),
            ({"password": "password123", "again": "password123"}, "too common"),
            ({"again": "something else"}, "The two passwords differ."),
            ({"again": ""}, "Type the password a second time."),
        ],
    )
    def test_it_explains_bad_input(self, client: Client, change: dict[str, str], message: str) -> None:
        response = client.post("/setup/", ACCOUNT | change, **HERE)
        assert response.status_code == 422
        assert message in response.content.decode()
        assert not User.objects.exists()

    def test_it_rejects_other_methods(self, client: Client) -> None:
        assert client.put("/setup/", **HERE).status_code == 405


@pytest.mark.django_db
def test_it_says_so_when_the_encoders_are_not_installed(client: Client) -> None:
    response = client.post("/setup/", ACCOUNT, **HERE)
    assert response.status_code == 503
    assert "The encoders are not installed yet." in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.usefixtures("release")
class TestFromElsewhere:
    @pytest.mark.parametrize(
        "who",
        [
            ELSEWHERE,
            HERE
            | {"HTTP_HOST": "photos.example.org"},  # DNS rebinding: a foreign name that points at 127.0.0.1
            HERE | {"HTTP_X_FORWARDED_FOR": "203.0.113.5"},  # a proxy on this machine
            HERE | {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
            HERE | {"HTTP_FORWARDED": "for=203.0.113.5"},
            HERE | {"REMOTE_ADDR": ""},  # a UNIX socket
        ],
    )
    def test_it_needs_the_code(self, client: Client, settings: Settings, who: dict[str, str]) -> None:
        settings.ALLOWED_HOSTS = ["*"]
        assert b"Set-up code" in client.get("/setup/", **who).content
        response = client.post("/setup/", ACCOUNT, **who)
        assert response.status_code == 422
        assert b"This is not the code" in response.content
        assert not User.objects.exists()

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:8000", "localhost"])
    def test_loopback_names_are_this_machine(self, client: Client, host: str) -> None:
        response = client.get("/setup/", REMOTE_ADDR="::1", HTTP_HOST=host)
        assert b"Set-up code" not in response.content

    def test_the_code_opens_it_and_is_then_gone(self, client: Client, data_dir: Path) -> None:
        client.get("/setup/", **ELSEWHERE)
        kept = data_dir / "setup-code"
        assert kept.stat().st_mode & 0o777 == 0o600
        code = kept.read_text().strip()
        response = client.post("/setup/", ACCOUNT | {"code": code.lower().replace("-", " ")}, **ELSEWHERE)
        assert response.status_code == 302
        assert User.objects.count() == 1
        assert not kept.exists()

    def test_guessing_is_throttled(self, client: Client) -> None:
        for _ in range(10):
            assert client.post("/setup/", ACCOUNT | {"code": "AAAA"}, **ELSEWHERE).status_code == 422
        response = client.post("/setup/", ACCOUNT | {"code": accounts.setup_code()}, **ELSEWHERE)
        assert response.status_code == 429
        assert 0 < int(response["Retry-After"]) <= 601
        assert not User.objects.exists()


def test_the_code_stays_the_same_until_it_is_used(data_dir: Path) -> None:
    code = accounts.setup_code()
    assert accounts.setup_code() == code
    assert len(code.replace("-", "")) == 12
    assert sorted(path.name for path in data_dir.iterdir()) == ["setup-code"]


def test_only_the_code_is_the_code(data_dir: Path) -> None:
    code = accounts.setup_code()
    assert accounts.is_setup_code(code.lower())
    assert not accounts.is_setup_code("")
    assert not accounts.is_setup_code(code[:-1])
    assert not accounts.is_setup_code("é" * 12)


def test_an_account_made_in_the_shell_ends_set_up_too(client: Client, db: None) -> None:
    make_user("shell")
    assert client.get("/setup/", **HERE).status_code == 302
    with pytest.raises(accounts.AlreadySetUp):
        accounts.create_first_account("ada", "correct horse 7")


def test_nothing_is_kept_when_the_corpus_can_not_be_made(db: None) -> None:
    from tagging.releases import NoRelease

    with pytest.raises(NoRelease):
        accounts.create_first_account("ada", "correct horse 7")
    assert not Installation.objects.exists()
    assert not User.objects.exists()


def test_the_second_of_two_set_ups_is_refused_by_the_database(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_release()
    accounts.create_first_account("ada", "correct horse 7")
    monkeypatch.setattr(accounts, "needs_setup", lambda: True)  # it looked before the first had committed
    with pytest.raises(accounts.AlreadySetUp):
        accounts.create_first_account("eve", "correct horse 7")
    assert User.objects.get().username == "ada"
    assert Corpus.objects.count() == Installation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_set_ups_at_the_same_time_one_wins() -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.skip("threads need a database that isn't in memory")
    make_release()
    start = threading.Barrier(2)
    results: list[str] = []

    def set_up(name: str) -> None:
        start.wait()
        try:
            accounts.create_first_account(name, "correct horse 7")
            results.append("made")
        except accounts.AlreadySetUp:
            results.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=set_up, args=(name,)) for name in ("ada", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["made", "refused"]
    assert User.objects.count() == Installation.objects.count() == 1
