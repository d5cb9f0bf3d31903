"""Whatever is killed at whatever moment: what was accepted is there, whole and tagged, and nothing is half there."""

import hashlib
import http.client
import json
import os
import random
import re
import signal
import subprocess
import threading
import urllib.error
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fault.conftest import Installation, kill, photographs
from tests.ops.harness import Browser, until

pytestmark = pytest.mark.fault

PHOTOS, THREADS = 24, 3
# A photo is given up after three workers that died at it, so two of these may fall on the same one.
VICTIMS = {
    "a decoder": ("decoder_child", 4),
    "the worker": ("celery.* worker ", 2),
    "the web": ("gunicorn", 4),
    "the scheduler": ("celery.* beat ", 1),
}


@dataclass
class Storm:
    """Photos on their way in from several threads, and what they were answered."""

    browser: Browser
    waiting: list[bytes]
    accepted: dict[str, dict[str, object]] = field(default_factory=dict)
    failed: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self) -> None:
        """Upload photo after photo, each until it is answered, as an app with patience does."""
        while True:
            with self.lock:
                if not self.waiting:
                    return
                content = self.waiting.pop()
            while not self.over.is_set() and not self.sent(content):
                self.over.wait(0.2)

    def sent(self, content: bytes) -> bool:
        sha = hashlib.sha256(content).hexdigest()
        try:
            (file,) = json.loads(self.browser.post("/upload/", {}, {f"{sha[:8]}.jpg": content}))["files"]
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                raise
            self.failed += 1
            return False
        with self.lock:
            self.accepted[sha] = file
        return True


def matching(installation: Installation, supervisor: int, pattern: str) -> list[int]:
    found = installation.descendants(supervisor)
    return [pid for pid, command in found.items() if re.search(pattern, command)]


def strike(installation: Installation, supervisor: int, storm: Storm, rng: random.Random) -> dict[str, int]:
    """Kill something every now and then while photos come in; return what was hit."""
    left = {name: times for name, (_, times) in VICTIMS.items()}
    hits = dict.fromkeys(VICTIMS, 0)
    while any(left.values()) and not storm.over.wait(rng.uniform(0.1, 1.0)):
        if not storm.waiting:
            break
        name = rng.choice([name for name, times in left.items() if times])
        if pids := matching(installation, supervisor, VICTIMS[name][0]):
            kill(rng.choice(pids))
            left[name] -= 1
            hits[name] += 1
    return hits


def settle(installation: Installation, browser: Browser) -> dict[str, object]:
    """Wait until all work is done, helped by the sweep alone."""
    until(lambda: browser.status("/healthz") == 200, "web answers")

    def done() -> dict[str, object] | None:
        installation.ask("sweep")
        report = installation.ask("report")
        return report if not report["outstanding"] else None

    return until(done, "nothing is outstanding", 60)


def check(report: dict[str, object], storm: Storm) -> None:
    """Hold what is there against what was answered."""
    photos = report["photos"]
    assert {sha: file["photo"] for sha, file in storm.accepted.items()} == {
        sha: photo["id"] for sha, photo in photos.items()
    }
    assert [photo for photo in photos.values() if photo["state"] != "ready" or not photo["annotated"]] == []
    assert [photo["wrong"] for photo in photos.values() if photo["wrong"]] == []
    assert report["missing"] == []
    assert set(report["unclaimed"]) <= set(report["noted"])
    assert report["differences"] == []


def test_what_was_accepted_is_whole_and_tagged_whatever_was_killed(
    installation: Installation, serving: "subprocess.Popen[bytes]", ada: Browser
) -> None:
    rng = random.Random(20240615)
    ada.get("/upload/")
    storm = Storm(ada, photographs(PHOTOS))
    senders = [threading.Thread(target=storm.send) for _ in range(THREADS)]
    for sender in senders:
        sender.start()
    try:
        hits = strike(installation, serving.pid, storm, rng)
        for sender in senders:
            sender.join(60)
        assert not any(sender.is_alive() for sender in senders), "an upload never ended"
    finally:
        storm.over.set()
    print(f"killed: {hits}; {storm.failed} uploads broke off")  # noqa: T201
    assert sum(hits.values()) >= 4, hits
    assert len(storm.accepted) == PHOTOS
    for file in storm.accepted.values():
        if file["outcome"] == "set_aside":  # its decoder was killed: nothing is lost, its owner asks again
            ada.post(f"/photo/{file['photo']}/retry/", {})
    check(settle(installation, ada), storm)
    installation.ask("tidy")
    assert installation.ask("report")["unclaimed"] == []


def test_lost_messages_cost_time_and_nothing_else(
    installation: Installation, serving: "subprocess.Popen[bytes]", ada: Browser
) -> None:
    ada.get("/upload/")
    workers = matching(installation, serving.pid, VICTIMS["the worker"][0])
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    storm = Storm(ada, photographs(5))
    storm.send()
    assert len(installation.ask("report")["outstanding"]) == 5
    assert installation.flush_broker() > 0
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    check(settle(installation, ada), storm)


def test_a_decoder_that_dies_at_a_photo_sets_it_aside_whole_until_its_owner_asks_again(
    installation: Installation, serving: "subprocess.Popen[bytes]", ada: Browser
) -> None:
    first, second, third = photographs(3)
    storm = Storm(ada, [first])
    ada.get("/upload/")
    storm.send()
    (decoder,) = matching(installation, serving.pid, "decoder_child")
    os.kill(decoder, signal.SIGSTOP)  # it takes the job and gets nowhere with it
    sender = threading.Thread(target=storm.sent, args=[second])
    sender.start()
    until(lambda: sending(installation), "the photo is with the decoder")
    os.kill(decoder, signal.SIGSEGV)  # as a file does that finds a hole in a C library
    os.kill(decoder, signal.SIGCONT)
    sender.join(60)
    file = storm.accepted[hashlib.sha256(second).hexdigest()]
    assert (file["outcome"], file["message"]) == (
        "set_aside",
        "Reading this picture crashed the decoder. The original is kept.",
    )
    assert storm.sent(third)
    assert storm.accepted[hashlib.sha256(third).hexdigest()]["outcome"] == "stored"
    ada.post(f"/photo/{file['photo']}/retry/", {})
    check(settle(installation, ada), storm)


def sending(installation: Installation) -> bool:
    """Tell whether an upload has come as far as its decoder's folder."""
    incoming = Path(installation.env["MAGICROLL_DATA_DIR"]) / "incoming"
    return any(incoming.glob("decode-*"))
