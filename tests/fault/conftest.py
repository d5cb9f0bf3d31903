"""Whole installations, real processes: the embedded default, and PostgreSQL with Redis."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import redis
from PIL import Image
from skimage import data

from tagging.ml.install import install
from tagging.ml.registry import ENCODERS
from tests.ops.harness import ROOT, Browser, environment, free_port, process, run, until
from tests.ops.test_production_commands import broker, database

__all__ = ["broker", "database"]
MANAGE = [sys.executable, "manage.py"]


@dataclass
class Installation:
    """`manage.py serve` with a data folder, a port and perhaps servers of its own."""

    env: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)

    def ask(self, act: str) -> Any:
        """Look from inside, with `examine`."""
        return json.loads(run([sys.executable, "-m", "tests.fault.examine", act], self.env).splitlines()[-1])

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


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture(params=["embedded", "PostgreSQL and Redis"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    servers = {}
    if request.param != "embedded":
        servers["DATABASE_URL"] = request.getfixturevalue("database")
        servers["MAGICROLL_BROKER_URL"] = request.getfixturevalue("broker")
    models = ROOT / ".cache" / "models"
    for spec in ENCODERS.values():
        install(spec, models)
    env = environment(tmp_path / "data", MAGICROLL_MODELS_DIR=str(models), **servers)
    run([*MANAGE, "prepare"], env)
    return Installation(env, tmp_path / "log")


@pytest.fixture
def serving(installation: Installation) -> Iterator["subprocess.Popen[bytes]"]:
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
    made = []
    sources = [Image.fromarray(read()) for read in (data.chelsea, data.coffee, data.astronaut, data.rocket)]
    for number in range(count):
        source = sources[number % len(sources)]
        margin = 3 * (number // len(sources))
        box = (margin, margin, source.width - margin, source.height - margin)
        buffer = BytesIO()
        source.crop(box).resize((1600, 1200)).save(buffer, "JPEG", quality=90)
        made.append(buffer.getvalue())
    return made
