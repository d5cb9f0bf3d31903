import json
import socket
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import kombu.exceptions
import pytest
from django.core.management import CommandError
from pytest_django import Settings

from magicroll import broker_files
from magicroll.management.commands import serve

EVERYWHERE = "0.0.0.0"  # noqa: S104
OPTIONS = {"host": "127.0.0.1", "port": 8000, "web_processes": 1, "web_threads": 8, "worker_processes": 1}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_said_plainly(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PORT_PATIENCE_S", 0)
    with pytest.raises(
        CommandError, match=f"port {taken_port}: Address already in use.*PORT={taken_port + 1}"
    ):
        serve._need_free_port("127.0.0.1", taken_port)


def test_an_address_that_is_not_ours_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PORT_PATIENCE_S", 0)
    with pytest.raises(CommandError, match="Can't listen on 192"):
        serve._need_free_port("192.0.2.1", 8000)


def test_two_can_not_serve_one_data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    with serve._only_one_here(), pytest.raises(CommandError, match="already"):
        serve._only_one_here()
    serve._only_one_here().close()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        (EVERYWHERE, False),
        ("::", False),
        ("host.lan", False),
    ],
)
def test_only_loopback_addresses_need_no_set_up_code(host: str, loopback: bool) -> None:
    assert serve.is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("host", "url", "shown"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8123/"),
        ("::1", "", "http://[::1]:8123/"),
        (EVERYWHERE, "", f"http://{socket.gethostname()}:8123/"),
        (EVERYWHERE, "https://photos.example.org", "https://photos.example.org/"),
    ],
)
def test_the_address_is_what_people_type(settings: Settings, host: str, url: str, shown: str) -> None:
    settings.URL = url
    assert serve.address(host, 8123) == shown


def test_web_worker_and_scheduler_are_started_with_what_was_asked_for() -> None:
    web, worker, scheduler = serve.programs(
        OPTIONS | {"host": "::", "port": 81, "web_threads": 3, "worker_processes": 2}
    )
    assert "[::]:81" in web.command
    assert web.command[web.command.index("--threads") + 1] == "3"
    assert worker.command[worker.command.index("--concurrency") + 1] == "2"
    assert worker.command[worker.command.index("--queues") + 1] == "realtime,bulk"
    assert "--pidfile=" in scheduler.command


def test_the_set_up_code_is_printed_for_other_machines_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = serve.Command()
    command._announce(EVERYWHERE, 8000, first_visit=True, code="ABCD-EFGH")
    assert "ABCD-EFGH" in capsys.readouterr().out
    command._announce("127.0.0.1", 8000, first_visit=True, code="")
    first = capsys.readouterr().out
    assert "Set-up code" not in first
    assert "first account" in first
    command._announce("127.0.0.1", 8000, first_visit=False, code="")
    assert "first account" not in capsys.readouterr().out


@pytest.mark.parametrize(("status", "answers"), [(200, True), (503, True), (400, False), (500, False)])
def test_a_web_process_that_misses_something_is_there_all_the_same(
    monkeypatch: pytest.MonkeyPatch, status: int, answers: bool
) -> None:
    class Answer:
        def __enter__(self) -> "Answer":
            return self

        def __exit__(self, *_: object) -> None:
            return None

    def urlopen(request: object, timeout: float) -> Answer:
        if status == 200:
            return Answer()
        error = urllib.error.HTTPError("http://x", status, "", {}, None)  # type: ignore[arg-type]
        monkeypatch.setattr(error, "read", lambda _n: b"{}")
        raise error

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    assert serve._answers(EVERYWHERE, 8000) is answers


def test_nobody_there_is_no_answer(taken_port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert serve._answers("127.0.0.1", free) is False


def test_torn_routing_tables_are_removed_and_whole_ones_stay(settings: Settings, tmp_path: Path) -> None:
    settings.BROKER_URL = "filesystem://"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"control_folder": str(tmp_path)}
    whole, torn, empty = (tmp_path / f"{name}.exchange" for name in ("whole", "torn", "empty"))
    whole.write_text(json.dumps([["", "", "realtime"]]))
    torn.write_text('[["", ""')
    empty.touch()
    broker_files.drop_torn_tables()
    assert list(tmp_path.iterdir()) == [whole]


def test_a_broker_server_has_no_tables_to_mend(settings: Settings) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {}
    broker_files.drop_torn_tables()


def test_a_broker_that_is_away_does_not_end_the_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise kombu.exceptions.OperationalError("refused")

    monkeypatch.setattr(serve.sweep, "apply_async", refuse)
    serve._welcome_worker()
