"""The real product as processes, and the people who use it."""

import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.ops.harness import Browser, environment, free_port, process, run, until

MANAGE = [sys.executable, "manage.py"]
DECODER_MEMORY_MB = 300  # little, so that there is a picture that exceeds it
_numbers = count(1)


@dataclass(slots=True)
class Person:
    """An account, with a small client that does over plain HTTP what a test takes for granted."""

    name: str
    password: str
    http: Browser

    @property
    def cookies(self) -> list[dict[str, str]]:
        base = self.http.base
        return [{"name": c.name, "value": c.value or "", "url": base} for c in self.http.cookies]

    def send(self, *photos: Path) -> list[int]:
        """Upload photos and return their ids, whatever became of them."""
        self.http.get("/upload/")
        answer = self.http.post("/upload/", {}, {photo.name: photo.read_bytes() for photo in photos})
        return [int(file["photo"]) for file in json.loads(answer)["files"]]

    def upload(self, *photos: Path) -> list[int]:
        """Upload photos and wait for their tags; return their ids."""
        ids = self.send(*photos)
        asked = f"/upload/status/?ids={','.join(map(str, ids))}"
        until(lambda: not json.loads(self.http.get(asked))["outstanding"], "all photos have their tags")
        return ids

    def start_again(self) -> None:
        """Delete all photos for good."""
        for photo in re.findall(r'data-id="(\d+)"', self.http.get("/")):
            self.http.post(f"/photo/{photo}/trash/", {})
        self.http.post("/trash/empty/", {})


@dataclass(slots=True)
class Site:
    """A running installation."""

    port: int
    supervisor: int
    log: Path
    known: dict[str, Person] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self) -> Person:
        """Return the administrator, who sets the installation up when first asked for."""
        if "admin" not in self.known:
            http, password = Browser(self.port), uuid.uuid4().hex
            http.get("/setup/")
            http.post("/setup/", {"username": "ada", "password": password, "again": password})
            self.known["admin"] = Person("ada", password, http)
        return self.known["admin"]

    @property
    def regular(self) -> Person:
        """Return the person who goes through most tests: accepting invitations is throttled."""
        if "regular" not in self.known:
            self.known["regular"] = self.new_person()
        return self.known["regular"]

    def invitation(self, note: str = "") -> str:
        """Let the administrator make an invitation; return its address."""
        self.admin.http.get("/people/")
        page = self.admin.http.post("/people/invite/", {"note": note})
        found = re.search(r'value="(http://[^"]+/invite/[^"]+)"', page)
        assert found, page
        return html.unescape(found[1])

    def new_person(self) -> Person:
        """Invite somebody, whose roll is empty."""
        address = self.invitation().removeprefix(self.url)
        http, name, password = Browser(self.port), f"person{next(_numbers)}", uuid.uuid4().hex
        http.get("/login/")  # for the token that every form carries
        http.post(address, {"username": name, "password": password, "again": password})
        return Person(name, password, http)

    @contextmanager
    def idle_worker(self) -> Iterator[None]:
        """Stop the tagging while the block runs: what waits for tags goes on waiting."""
        group = _worker_of(self.supervisor)
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)


@contextmanager
def serving(prepared: Path, folder: Path) -> Iterator[Site]:
    """Run `manage.py serve` on a copy of a prepared data folder; print its log if the block fails."""
    shutil.copytree(prepared, folder / "data")
    env, port, log = _environment(folder / "data"), free_port(), folder / "log"
    with process([*MANAGE, "serve", "--port", str(port)], env, log) as supervisor:
        try:
            until(lambda: "Magic Roll is ready at" in _text(log), "it says that it is ready")
            yield Site(port, supervisor.pid, log)
        finally:
            sys.stdout.write(_text(log))
            supervisor.send_signal(signal.SIGTERM)
            supervisor.wait(30)


def prepare(folder: Path) -> None:
    """Do what `make run` does before it serves."""
    run([*MANAGE, "prepare"], _environment(folder))


def environment_of(site: Site) -> dict[str, str]:
    """Return what a command needs to work on a site's data."""
    return _environment(site.log.parent / "data")


def _environment(data: Path) -> dict[str, str]:
    models = os.environ.get("MAGICROLL_MODELS_DIR") or str(Path(__file__).parents[2] / ".cache" / "models")
    return environment(
        data,
        MAGICROLL_MODELS_DIR=models,
        MAGICROLL_LOG_LEVEL="WARNING",
        MAGICROLL_DECODER_MEMORY_MB=str(DECODER_MEMORY_MB),
    )


def _worker_of(supervisor: int) -> int:
    """Return the process group of the worker that the supervisor started."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split(None, 2) for line in listed.splitlines())
    workers = [int(pid) for pid, parent, args in rows if int(parent) == supervisor and " worker " in args]
    assert len(workers) == 1, listed
    return os.getpgid(workers[0])


def _text(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""
