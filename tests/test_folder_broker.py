import threading
from pathlib import Path

import pytest
from kombu import Connection
from kombu.transport import virtual

from magicroll.celery import app
from magicroll.folder_broker import Transport

MESSAGES = 300


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Kombu remembers per process which queues are bound, whatever folder they were bound in.
    monkeypatch.setattr(Transport, "global_state", virtual.BrokerState())
    folders = {name: str(tmp_path / name) for name in ("messages", "control")}
    for folder in folders.values():
        Path(folder).mkdir()
    options = {
        "data_folder_in": folders["messages"],
        "data_folder_out": folders["messages"],
        "control_folder": folders["control"],
    }
    return lambda: Connection("filesystem://", transport=Transport, transport_options=options)


def test_celery_uses_it():
    assert isinstance(app.connection_for_write().transport, Transport)
    assert isinstance(app.connection_for_read().transport, Transport)


def test_a_reader_beside_a_writer_gets_every_message_whole(connection):
    got: list[int] = []

    def write() -> None:
        for number in range(MESSAGES):
            sent.put({"number": number, "padding": "x" * 2000})

    with connection() as mine, connection() as other:
        hints, sent = mine.SimpleQueue("hints"), other.SimpleQueue("hints")
        writer = threading.Thread(target=write)
        writer.start()
        while len(got) < MESSAGES:
            message = hints.get(timeout=10)
            got.append(message.payload["number"])
            message.ack()
        writer.join()
    assert sorted(got) == list(range(MESSAGES))


def test_a_draft_is_no_message(connection, tmp_path: Path):
    with connection() as mine, mine.SimpleQueue("hints") as hints:
        (tmp_path / "messages" / ".1_x.hints.msg.new").write_bytes(b"")
        with pytest.raises(hints.Empty):
            hints.get(block=False)
