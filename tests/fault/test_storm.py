"""Whatever is killed at whatever moment: what was accepted is there, whole and tagged, and nothing is half there."""

import hashlib
import http.client
import itertools
import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fault.conftest import Installation, kill, photograph, photographs
from tests.ops.harness import LIMIT_S, Browser, until

pytestmark = pytest.mark.fault

THREADS = 3
# A photo is given up after three workers that died at it, so two of these may fall on the same one.
VICTIMS = {
    "a decoder": ("decoder_child", 4),
    "the worker": ("celery.* worker ", 2),
    "the web": ("gunicorn", 3),
    "the scheduler": ("celery.* beat ", 1),
}


@dataclass
class Storm:
    """Photos on their way in from several threads, and what they were answered."""

    browser: Browser
    photos: Iterator[bytes]
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: int = 0
    struck: threading.Event = field(default_factory=threading.Event)  # no more kills: no more photos
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self) -> None:
        """Upload photo after photo, each until it is answered, as an app with patience does."""
        while not self.struck.is_set():
            with self.lock:
                content = next(self.photos)
            while not self.sent(content):
                if self.over.wait(0.2):
                    return

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
    """Kill something every now and then until each victim had its share; return what was hit.

    Every other strike waits until a photo more is in, so that the storm falls on work; the others may fall on
    what is just coming back.
    """
    hits = dict.fromkeys(VICTIMS, 0)
    struck: set[int] = set()
    deadline = time.monotonic() + LIMIT_S
    while left := [name for name, (_, times) in VICTIMS.items() if hits[name] < times]:
        assert time.monotonic() < deadline, f"after {LIMIT_S} s still to be killed: {left}"
        if sum(hits.values()) % 2 == 0:
            before = len(storm.accepted)
            until(lambda before=before: len(storm.accepted) > before, "a photo more is in")
        time.sleep(rng.uniform(0.1, 1.0))
        name = rng.choice(left)
        alive = set(matching(installation, supervisor, VICTIMS[name][0])) - struck
        if alive and kill(victim := rng.choice(sorted(alive))):
            struck.add(victim)
            hits[name] += 1
    return hits


def ask_again(installation: Installation, browser: Browser) -> int:
    """Have the photos tried again whose decoder was killed, as their owner would; return how many."""
    until(lambda: browser.status("/healthz") == 200, "web answers")
    photos = installation.ask("report")["photos"].values()
    aside = [photo["id"] for photo in photos if photo["state"] == "set_aside"]
    for photo in aside:
        browser.post(f"/photo/{photo}/retry/", {})
    return len(aside)


def settle(installation: Installation) -> dict[str, Any]:
    """Wait until all work is done, helped by the sweep alone."""

    def done() -> dict[str, Any] | None:
        installation.ask("sweep")
        report = installation.ask("report")
        return report if not report["outstanding"] else None

    return until(done, "nothing is outstanding")


def check(report: dict[str, Any], storm: Storm) -> None:
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
    ada.get("/upload/")
    storm = Storm(ada, map(photograph, itertools.count()))
    with ThreadPoolExecutor(THREADS) as pool:
        senders = [pool.submit(storm.send) for _ in range(THREADS)]
        try:
            hits = strike(installation, serving.pid, storm, random.Random(20240615))
            storm.struck.set()
            for sender in senders:
                sender.result(LIMIT_S)
        finally:
            storm.struck.set()
            storm.over.set()
    print(f"killed: {hits}; {len(storm.accepted)} photos in, {storm.failed} uploads broke off")  # noqa: T201
    assert ask_again(installation, ada) <= hits["a decoder"]
    check(settle(installation), storm)
    installation.ask("tidy")
    assert installation.ask("report")["unclaimed"] == []


def test_lost_messages_cost_time_and_nothing_else(
    installation: Installation, serving: "subprocess.Popen[bytes]", ada: Browser
) -> None:
    ada.get("/upload/")
    until(lambda: installation.logged("Task tagging.tasks.sweep", "succeeded"), "the worker is at rest")
    workers = matching(installation, serving.pid, VICTIMS["the worker"][0])
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    installation.let_nobody_wait()
    storm = Storm(ada, iter(()))
    assert all(storm.sent(content) for content in photographs(5))
    assert len(installation.ask("report")["outstanding"]) == 5
    assert installation.flush_broker() >= 5
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    check(settle(installation), storm)


def test_a_decoder_that_dies_at_a_photo_sets_it_aside_whole_until_its_owner_asks_again(
    installation: Installation, serving: "subprocess.Popen[bytes]", ada: Browser
) -> None:
    first, second, third = photographs(3)
    storm = Storm(ada, iter(()))
    ada.get("/upload/")
    assert storm.sent(first)
    (decoder,) = matching(installation, serving.pid, "decoder_child")
    os.kill(decoder, signal.SIGSTOP)  # it takes the job and gets nowhere with it
    sender = threading.Thread(target=storm.sent, args=[second])
    sender.start()
    until(lambda: installation.has_job(decoder), "the photo is with the decoder")
    os.kill(decoder, signal.SIGSEGV)  # as a file does that finds a hole in a C library
    os.kill(decoder, signal.SIGCONT)
    sender.join(LIMIT_S)
    file = storm.accepted[hashlib.sha256(second).hexdigest()]
    assert (file["outcome"], file["message"]) == (
        "set_aside",
        "Reading this picture crashed the decoder. The original is kept.",
    )
    assert storm.sent(third)
    assert storm.accepted[hashlib.sha256(third).hexdigest()]["outcome"] == "stored"
    assert ask_again(installation, ada) == 1
    check(settle(installation), storm)
