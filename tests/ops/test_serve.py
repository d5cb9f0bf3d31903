"""`manage.py serve` as `make run` starts it: real web, worker and scheduler, killed one after the other."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ops.harness import CAT, Browser, environment, free_port, process, run, until

pytestmark = pytest.mark.fault
MANAGE = [sys.executable, "manage.py"]


@dataclass
class Installation:
    env: dict[str, str]
    port: int
    log: Path

    @property
    def command(self) -> list[str]:
        return [*MANAGE, "serve", "--port", str(self.port)]

    def ready(self, times: int = 1) -> None:
        until(lambda: self.text().count("Magic Roll is ready at") >= times, "it says that it is ready")

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    run([*MANAGE, "prepare"], environment(folder))
    return folder


@pytest.fixture
def installation(tmp_path: Path, prepared: Path) -> Installation:
    shutil.copytree(prepared, tmp_path / "data")
    return Installation(environment(tmp_path / "data"), free_port(), tmp_path / "log")


@pytest.fixture
def serving(installation: Installation) -> Iterator["subprocess.Popen[bytes]"]:
    with process(installation.command, installation.env, installation.log) as supervisor:
        try:
            installation.ready()
            yield supervisor
        finally:
            sys.stdout.write(installation.text())  # pytest shows it when a test fails
            kill_descendants(supervisor.pid)


def children(pid: int) -> dict[str, int]:
    """Return the supervisor's children by what they run."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for line in listed.splitlines():
        child, parent, arguments = line.split(None, 2)
        if int(parent) == pid:
            kind = re.search(r"gunicorn|celery.* (worker|beat) ", arguments)
            found[kind[1] or "web" if kind else arguments] = int(child)
    return found


def kill_descendants(pid: int) -> None:
    for child in children(pid).values():
        os.killpg(child, signal.SIGKILL)


def test_a_photo_is_tagged_and_ctrl_c_stops_everything(
    installation: Installation, serving: "subprocess.Popen[bytes]"
) -> None:
    browser = Browser(installation.port)
    browser.set_up()
    photo = browser.upload("chelsea.png", CAT)
    assert "cat" in browser.wait_for_tags(photo)
    pids = children(serving.pid)
    assert set(pids) == {"web", "worker", "beat"}
    serving.send_signal(signal.SIGINT)
    assert serving.wait(20) == 0
    assert browser.status("/healthz") == 0
    assert not children(serving.pid)


@pytest.mark.parametrize("victim", ["web", "worker", "beat"])
def test_what_is_killed_comes_back_and_goes_on(
    installation: Installation, serving: "subprocess.Popen[bytes]", victim: str
) -> None:
    browser = Browser(installation.port)
    browser.set_up()
    first = children(serving.pid)
    os.kill(first[victim], signal.SIGKILL)
    until(lambda: children(serving.pid).get(victim, first[victim]) != first[victim], f"{victim} is back")
    until(lambda: browser.status("/healthz") == 200, "web answers")
    photo = browser.upload("chelsea.png", CAT)
    assert "cat" in browser.wait_for_tags(photo)
    others = {name: pid for name, pid in children(serving.pid).items() if name != victim}
    assert others == {name: pid for name, pid in first.items() if name != victim}


def test_children_end_with_a_killed_supervisor_and_the_next_start_works(
    installation: Installation, serving: "subprocess.Popen[bytes]"
) -> None:
    browser = Browser(installation.port)
    browser.set_up()
    serving.kill()
    serving.wait()
    if sys.platform == "linux":
        until(lambda: browser.status("/healthz") == 0, "web has ended")
    with process(installation.command, installation.env, installation.log) as again:
        installation.ready(times=2)
        photo = browser.upload("chelsea.png", CAT)
        assert "cat" in browser.wait_for_tags(photo)
        again.send_signal(signal.SIGTERM)
        assert again.wait(20) == 0


def test_work_that_is_outstanding_is_done_by_the_next_start(
    installation: Installation, serving: "subprocess.Popen[bytes]"
) -> None:
    browser = Browser(installation.port)
    browser.set_up()
    worker = children(serving.pid)["worker"]
    os.kill(worker, signal.SIGSTOP)
    photo = browser.upload("chelsea.png", CAT)
    serving.kill()  # before the worker, which it would start again
    serving.wait()
    os.killpg(worker, signal.SIGKILL)
    for message in (Path(installation.env["MAGICROLL_DATA_DIR"]) / "broker/messages").iterdir():
        message.unlink(missing_ok=True)
    with process(installation.command, installation.env, installation.log) as again:
        installation.ready(times=2)
        assert "cat" in browser.wait_for_tags(photo)
        again.send_signal(signal.SIGTERM)
        assert again.wait(20) == 0
