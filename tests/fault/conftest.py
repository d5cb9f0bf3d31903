"""Whole installations, real processes: the embedded default, and PostgreSQL with Redis."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import redis
from PIL import Image
from skimage import data

from tests.models import installed_models
from tests.ops.harness import Browser, environment, free_port, process, run, until
from tests.ops.test_production_commands import broker, database

__all__ = ["broker", "database"]
MANAGE = [sys.executable, "manage.py"]


@dataclass
class Installation:
    """`manage.py serve` with a data folder, a port and perhaps servers of its own."""

    env: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)

    def ask(self, act: str, *words: str) -> Any:
        """Look from inside, with `examine`."""
        command = [sys.executable, "-m", "tests.fault.examine", act, *words]
        return json.loads(run(command, self.env).splitlines()[-1])

    def descendants(self, pid: int) -> dict[int, str]:
        """Return everything that `serve` has started, directly or not: process id to command line."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 2) for line in listed.splitlines()]
        found: dict[int, str] = {}
        wanted = {pid}
        while wanted:
            under = {int(row[0]): row[2] for row in rows if int(row[1]) in wanted}
            found |= under
            wanted = set(under)
        return found

    def logged(self, *words: str) -> bool:
        """Tell whether some line of the log has all these words."""
        lines = self.log.read_text(errors="replace").splitlines()
        return any(all(word in line for word in words) for line in lines)

    def has_job(self, decoder: int) -> bool:
        """Tell whether a decoder that stands still has been sent a photo: its input waits to be read."""
        if sys.platform == "linux":
            with Path(f"/proc/{decoder}/fd/0").open("rb", buffering=0) as pipe:
                return any(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
        incoming = Path(self.env["MAGICROLL_DATA_DIR"]) / "incoming"
        return any(incoming.glob("decode-*"))

    def let_nobody_wait(self) -> None:
        """Have Redis forget that a worker, now stopped, waits for a message: it would be handed the next one."""
        if url := self.env.get("MAGICROLL_BROKER_URL"):
            with redis.Redis.from_url(url) as client:
                mine = str(client.connection_pool.connection_kwargs["db"])
                for other in client.client_list():
                    if other["db"] == mine and "b" in other["flags"]:
                        client.client_unblock(other["id"])

    def flush_broker(self) -> int:
        """Lose every message; return how many there were."""
        if url := self.env.get("MAGICROLL_BROKER_URL"):
            with redis.Redis.from_url(url) as client:
                waiting = int(client.llen("realtime"))
                client.flushdb()
            return waiting
        messages = list((Path(self.env["MAGICROLL_DATA_DIR"]) / "broker" / "messages").iterdir())
        for message in messages:
            message.unlink(missing_ok=True)
        return len(messages)


def kill(pid: int) -> bool:
    """Kill a process at once; tell whether there was one."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(params=["embedded", "PostgreSQL and Redis"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    servers = {}
    if request.param != "embedded":
        servers["DATABASE_URL"] = request.getfixturevalue("database")
        servers["MAGICROLL_BROKER_URL"] = request.getfixturevalue("broker")
    return installed(tmp_path, **servers)


def installed(folder: Path, **servers: str) -> Installation:
    """Prepare an installation that works with these servers, or with none."""
    env = environment(folder / "data", MAGICROLL_MODELS_DIR=str(installed_models()), **servers)
    run([*MANAGE, "prepare"], env)
    return Installation(env, folder / "log")


@dataclass
class Cluster:
    """A PostgreSQL server of a test's own, which it may stop and start."""

    folder: Path
    port: int = field(default_factory=free_port)

    def command(self, program: str, *words: str) -> None:
        """Run one of PostgreSQL's programs on it; they refuse to be run by root."""
        found = shutil.which(program) or ""
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        with (self.folder / "output").open("ab") as output:  # no pipe: the server would keep it open
            subprocess.run(
                [*as_user, found, "-D", str(self.folder / "data"), *words],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True, cwd="/",
            )  # fmt: skip

    def make(self) -> None:
        self.command("initdb", "-U", "postgres", "--auth=trust", "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        self.command("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop at once, as a crash does: open transactions are gone, committed ones are not."""
        self.command("pg_ctl", "stop", "-m", "immediate")

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if not (shutil.which("initdb") and shutil.which("pg_ctl")):
        pytest.skip("no initdb and pg_ctl here, so no PostgreSQL that may be restarted")
    folder = Path(tempfile.mkdtemp(prefix="magicroll-postgresql-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    made = Cluster(folder)
    try:
        made.make()
        yield made
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def serving(installation: Installation) -> Iterator["subprocess.Popen[bytes]"]:
    with served(installation) as supervisor:
        yield supervisor


@contextlib.contextmanager
def served(installation: Installation) -> Iterator["subprocess.Popen[bytes]"]:
    """Have it serve; in the end whatever is left of it is killed."""
    command = [*MANAGE, "serve", "--port", str(installation.port)]
    with process(command, installation.env, installation.log) as supervisor:
        try:
            until(lambda: b"Magic Roll is ready at" in installation.log.read_bytes(), "it is ready")
            yield supervisor
        finally:
            sys.stdout.write(installation.log.read_text(errors="replace"))  # shown when a test fails
            left = installation.descendants(supervisor.pid)
            supervisor.kill()
            for pid in left:
                kill(pid)


@pytest.fixture
def ada(installation: Installation, serving: "subprocess.Popen[bytes]") -> Browser:
    """The browser of the first person, logged in."""
    made = Browser(installation.port)
    made.set_up()
    return made


def photographs(count: int) -> list[bytes]:
    """Cut real photographs into different photos of two megapixels."""
    return [photograph(number) for number in range(count)]


def photograph(number: int) -> bytes:
    """Cut the real photographs in turn, a little narrower each time round."""
    sources = (data.chelsea, data.coffee, data.astronaut, data.rocket)
    source = Image.fromarray(sources[number % len(sources)]())
    margin = 1 + number // len(sources)
    box = (margin, margin, source.width - margin, source.height - margin)
    buffer = BytesIO()
    source.crop(box).resize((1600, 1200)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
