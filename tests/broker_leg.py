"""A photo through a real worker process over the broker that MAGICROLL_TEST_BROKER names.

Not collected by default: `python -m tests.legs` runs it for each broker that answers.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.models import installed_models
from tests.ops.harness import environment, process, run

BROKER = os.environ["MAGICROLL_TEST_BROKER"]
MANAGE = [sys.executable, "manage.py"]
WORKER = [sys.executable, "-m", "celery", "-A", "magicroll", "worker", "--queues", "realtime,bulk"]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An installation of its own, without the pages; a Redis database that was empty is empty again."""
    made = environment(
        tmp_path / "data", MAGICROLL_BROKER_URL=BROKER, MAGICROLL_MODELS_DIR=str(installed_models())
    )
    run([*MANAGE, "migrate", "--verbosity", "0"], made)
    run([*MANAGE, "install_encoders"], made)
    with _as_empty_as_before():
        yield made


@contextlib.contextmanager
def _as_empty_as_before() -> Iterator[None]:
    if not BROKER.startswith("redis"):
        yield
        return
    with redis.Redis.from_url(BROKER) as client:
        was_empty = client.dbsize() == 0
        yield
        if was_empty:
            client.flushdb()


def test_a_photo_is_tagged_by_a_real_worker(env: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with process([*WORKER, "--concurrency", "1", "--loglevel", "INFO"], env, log) as worker:
        try:
            report = json.loads(run([*MANAGE, "doctor", "--json", "--timeout", "60"], env).splitlines()[-1])
        finally:
            sys.stdout.write(log.read_text(errors="replace"))  # pytest shows it when the test fails
        worker.terminate()
        assert worker.wait(30) == 0
    steps = {check["name"]: check["detail"] for check in report["checks"]}
    assert "text" in steps["photo tagged"]  # it draws a crossword
    assert "succeeded" in log.read_text(errors="replace")
