"""A refill whose workers, broker, scheduler and database are killed completes on its own, and loses nothing."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tagging.refill.chunks import ENCODED_PHOTOS as CHUNK
from tests.fault.conftest import Cluster, Installation, installed, kill, photographs, served
from tests.fault.test_storm import VICTIMS, matching
from tests.ops.harness import Browser, until

pytestmark = pytest.mark.fault

OLD, NEW = "efficientnet-lite2", "efficientnet-lite0"
IN_HAND = 2  # chunks: the one that is committed, and the one that is looked at; two are half a second of work
MAX_ATTEMPTS = 3
Report = dict[str, Any]


@dataclass
class Scene:
    """An installation with photos that the old release has tagged, and processes to kill."""

    installation: Installation
    supervisor: int
    browser: Browser
    photos: list[int] = field(default_factory=list)
    kills: int = 0

    def upload(self, count: int) -> None:
        self.browser.get("/upload/")
        for content in photographs(count):
            name = f"{hashlib.sha256(content).hexdigest()[:8]}.jpg"
            self.photos.append(self.browser.upload(name, content))
        until(lambda: not self.installation.ask("report")["outstanding"], "all photos are tagged")

    def refills(self) -> Report:
        return dict(self.installation.ask("refills"))

    @contextmanager
    def stuck_at(self, photo: int) -> Iterator[None]:
        """Have every worker that reads a photo wait for ever: its picture is a pipe that nobody writes to."""
        files = Path(self.installation.env["MAGICROLL_DATA_DIR"]) / "files"
        picture = files / self.installation.ask("picture", str(photo))
        kept = picture.with_suffix(".kept")
        picture.rename(kept)
        os.mkfifo(picture)
        try:
            yield
        finally:
            with suppress(OSError):  # nobody waits any more
                self.let_go(picture, kept.read_bytes())
            kept.replace(picture)

    def let_go(self, pipe: Path, content: bytes) -> None:
        """Have a worker that still waits read the picture after all."""
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(writer, True)
        with os.fdopen(writer, "wb") as file:
            file.write(content)

    def kill_workers(self) -> None:
        """Kill a worker with all that it has in hand, and let its leases run out."""
        lost = [str(chunk) for chunk, _, _ in self.refills()["chunks"]]
        for worker in matching(self.installation, self.supervisor, VICTIMS["the worker"][0]):
            kill(worker)
        self.kills += 1
        if lost:
            self.installation.ask("expire", ",".join(lost))

    def kill_scheduler(self) -> None:
        assert [
            kill(pid) for pid in matching(self.installation, self.supervisor, VICTIMS["the scheduler"][0])
        ]

    def wait_for(self, what: str, is_so: Callable[[Report], object]) -> Report:
        """Wait for something about the refill, helped by the sweep alone."""

        def asked() -> Report | None:
            self.installation.ask("sweep")
            report = self.refills()
            return report if is_so(report) else None

        return until(asked, what)

    def check_whole(self) -> Report:
        """Hold all that is there against what it should be once the refill is done."""
        report, refills = self.installation.ask("report"), self.refills()
        assert refills["encoders"]["ada"] == NEW
        # One annotation of each photo by each of the two releases: none is lost, and none can be there twice.
        assert sorted(map(int, refills["said"])) == self.photos
        assert refills["said_before"] == len(self.photos)
        assert report["differences"] == []
        assert (refills["chunks"], refills["tried"]) == ([], {})
        ada = refills["corpora"]["ada"]
        assert (ada["state"], ada["total"], ada["done"]) == ("done", len(self.photos), len(self.photos))
        return refills


def is_over(report: Report) -> bool:
    return all(one["state"] == "done" for one in report["corpora"].values())


@pytest.fixture
def scene(installation: Installation, serving: "subprocess.Popen[bytes]", ada: Browser) -> Scene:
    return Scene(installation, serving.pid, ada)


def test_workers_killed_in_the_middle_of_chunks_cost_what_they_had_in_hand(scene: Scene) -> None:
    scene.upload(CHUNK + 20)
    with scene.stuck_at(scene.photos[CHUNK + 2]):  # in the second chunk
        scene.installation.ask("refill", NEW)
        report = scene.wait_for(
            "the first chunk is stored, the second is not", lambda now: now["chunks"] and now["said"]
        )
        assert len(report["said"]) == CHUNK
        scene.kill_workers()
        assert scene.installation.flush_broker() >= 0
        scene.kill_scheduler()
        # Its photos are tried alone now, and so the one that nobody gets through is known.
        stuck = scene.photos[CHUNK + 2]
        scene.wait_for("a worker is at that one", lambda now: now["tried"].get(str(stuck)) == 2)
        scene.kill_workers()
    report = scene.wait_for("the refill is over", is_over)
    scene.check_whole()
    assert report["corpora"]["ada"]["redone"] == 20 <= IN_HAND * CHUNK
    assert report["set_aside"] == {}


def test_a_photo_at_which_workers_die_each_time_is_set_aside_and_holds_up_nobody(scene: Scene) -> None:
    scene.upload(8)
    scene.installation.ask("person", "bob")
    deadly = scene.photos[4]  # a cat
    with scene.stuck_at(deadly):
        scene.installation.ask("refill", NEW)
        scene.wait_for("it is in a worker's hands", lambda now: now["chunks"])
        scene.kill_workers()
        for attempts in range(2, MAX_ATTEMPTS + 1):
            scene.wait_for("it is tried alone", lambda now, n=attempts: now["tried"].get(str(deadly)) == n)
            scene.kill_workers()
        report = scene.wait_for("the refill is over", is_over)
        assert scene.kills == MAX_ATTEMPTS
        assert report["encoders"] == {"ada": NEW, "bob": NEW}
        assert report["set_aside"] == {str(deadly): "Tagging this photo failed 3 times."}
        assert report["said"][str(deadly)] == "carried"  # what the old release said about it serves on
        assert "cat" in scene.browser.tags(deadly)["tags"]
    scene.check_whole()
    scene.browser.post(f"/photo/{deadly}/retry/", {})
    scene.wait_for("it has tags of its own", lambda now: now["said"][str(deadly)] == "realtime")
    assert scene.refills()["set_aside"] == {}


def test_lost_messages_cost_time_and_nothing_else(scene: Scene) -> None:
    scene.upload(CHUNK + 3)
    with scene.stuck_at(scene.photos[0]):
        scene.installation.ask("refill", NEW)
        scene.wait_for("a worker is at it", lambda now: now["chunks"])
        scene.installation.flush_broker()
        scene.kill_workers()
        scene.installation.flush_broker()
    report = scene.wait_for("the refill is over", is_over)
    scene.check_whole()
    assert report["corpora"]["ada"]["redone"] <= IN_HAND * CHUNK


def test_a_database_that_crashes_in_the_middle_of_a_chunk(
    cluster: Cluster, broker: str, tmp_path: Path
) -> None:
    installation = installed(tmp_path, DATABASE_URL=cluster.url, MAGICROLL_BROKER_URL=broker)
    with served(installation) as supervisor:
        browser = Browser(installation.port)
        browser.set_up()
        scene = Scene(installation, supervisor.pid, browser)
        scene.upload(CHUNK + 3)
        with scene.stuck_at(scene.photos[CHUNK + 1]):
            installation.ask("refill", NEW)
            report = scene.wait_for("the second chunk is in hand", lambda now: now["said"] and now["chunks"])
            cluster.stop()
        cluster.start()
        installation.ask("expire", str(report["chunks"][0][0]))
        scene.wait_for("the refill is over", is_over)
        until(lambda: browser.status("/") == 200, "web answers again")
        scene.check_whole()
