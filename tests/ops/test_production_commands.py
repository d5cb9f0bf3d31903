"""The commands of docker-compose.yml, run by hand against a real PostgreSQL and a real Redis."""

import contextlib
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import yaml

from tests.ops.harness import CAT, ROOT, Browser, environment, free_port, process, run, until

pytestmark = pytest.mark.fault
POSTGRES = os.environ.get("MAGICROLL_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("MAGICROLL_TEST_REDIS", "redis://127.0.0.1:6379/9")
STOP_S = 60  # the stop_grace_period of docker-compose.yml
PARTS = ("web", "worker-realtime", "worker-bulk", "scheduler")


@pytest.fixture
def database() -> Iterator[str]:
    """Make a database of its own, and drop it."""
    name = f"magicroll_test_{uuid.uuid4().hex[:12]}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRES}: {error}")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{POSTGRES.rsplit('/', 1)[0]}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def broker() -> Iterator[str]:
    """Use a numbered Redis database that is empty before and after."""
    client = redis.Redis.from_url(REDIS, socket_connect_timeout=3)
    try:
        client.ping()
    except redis.exceptions.RedisError as error:
        pytest.skip(f"no Redis at {REDIS}: {error}")
    if client.dbsize():
        pytest.skip(f"{REDIS} is not empty, so it is somebody's")
    yield REDIS
    client.flushdb()
    client.close()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


def test_a_photo_goes_through_them(
    database: str, broker: str, services: dict[str, Any], tmp_path: Path
) -> None:
    port = free_port()
    env = environment(tmp_path / "data", DATABASE_URL=database, MAGICROLL_BROKER_URL=broker)
    run(services["prepare"]["command"], env)
    logs = {name: tmp_path / f"{name}.log" for name in PARTS}
    with contextlib.ExitStack() as stack:
        children = {
            name: stack.enter_context(process(command(services[name], env, port), env, logs[name]))
            for name in PARTS
        }
        try:
            browser = Browser(port)
            until(lambda: ended(children) or browser.status("/healthz") == 200, "web answers")
            browser.set_up()
            photo = browser.upload("chelsea.png", CAT)
            until(lambda: ended(children) or not browser.tags(photo)["pending"], "the photo is tagged")
            assert not ended(children)
            assert "cat" in browser.tags(photo)["tags"]
            assert f"/photo/{photo}/" in browser.get("/search/?q=cat")
            until(lambda: is_well(services["worker-realtime"], env), "the worker's health check passes")
            until(lambda: any((tmp_path / "data/scheduler").iterdir()), "the scheduler writes its file")
        finally:
            print_logs(logs)
        for child in children.values():
            child.send_signal(signal.SIGTERM)
        assert {name: child.wait(STOP_S) for name, child in children.items()} == dict.fromkeys(PARTS, 0)


def command(service: dict[str, Any], env: dict[str, str], port: int) -> list[str]:
    words = [filled_in(word, env) for word in service["command"]]
    return [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in words]


def filled_in(word: str, env: dict[str, str]) -> str:
    """Fill in variables as Compose does: ${NAME:-default}, and $$ for a dollar sign."""
    return re.sub(
        r"\$\$|\$\{(\w+)(?::-([^}]*))?\}",
        lambda found: "$" if found[0] == "$$" else env.get(found[1]) or found[2] or "",
        word,
    )


def ended(children: "dict[str, subprocess.Popen[bytes]]") -> list[str]:
    """Name the parts that ended by themselves, which none of them should."""
    return [name for name, child in children.items() if child.poll() is not None]


def is_well(service: dict[str, Any], env: dict[str, str]) -> bool:
    """Run the container's own health check, for the host name of this machine."""
    test = filled_in(service["healthcheck"]["test"][1], env)
    with contextlib.suppress(AssertionError):
        run(["sh", "-c", test], env | {"HOSTNAME": os.uname().nodename})
        return True
    return False


def print_logs(logs: dict[str, Path]) -> None:
    for name, log in logs.items():
        os.write(1, f"--- {name}\n{log.read_text(errors='replace')}\n".encode())
