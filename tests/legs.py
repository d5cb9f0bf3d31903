"""Run the test suite, and beside it what depends on database or broker again on the servers that answer.

`python -m tests.legs [pytest's options]` is what `make test` runs. What does not answer is skipped, loudly.
MAGICROLL_TEST_POSTGRES, _REDIS and _RABBITMQ name other addresses; MAGICROLL_TEST_LEGS=all makes a missing
server an error, MAGICROLL_TEST_LEGS=none runs the suite alone.
"""

import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PYTEST = (sys.executable, "-m", "pytest")
DATABASE_TESTS = (
    *("tests/tagging/test_writer.py", "tests/tagging/test_outstanding.py", "tests/tagging/test_services.py"),
    *(
        "tests/tagging/test_search_lists.py",
        "tests/tagging/test_search_find.py",
        "tests/tagging/test_search_names.py",
    ),
    *("tests/tagging/test_search_similar.py", "tests/test_snapshot.py", "tests/test_ownership.py"),
    *("tests/test_serving.py::TestHostileInput", "tests/views/test_upload.py", "tests/views/test_trash.py"),
    *("tests/views/test_setup.py", "tests/views/test_invite.py", "tests/views/test_people.py"),
    *("tests/tagging/refill/test_machine.py", "tests/tagging/refill/test_worked_example.py"),
    *("tests/tagging/refill/test_locks.py", "tests/tagging/refill/test_hammer.py"),
    *("tests/tagging/refill/test_automatic.py", "tests/tagging/own_tags", "tests/tagging/test_wishes.py"),
    *("tests/tagging/test_choosing.py", "tests/tagging/test_columns.py", "tests/tagging/test_covers.py"),
    *("tests/operations", "tests/test_rotating.py", "tests/test_storage.py", "tests/views/test_timeline.py"),
)
BROKER_TESTS = ("tests/broker_leg.py",)
PORTS = {"postgres": 5432, "postgresql": 5432, "redis": 6379, "amqp": 5672}


@dataclass(slots=True)
class Leg:
    """Tests to run again with a server; their output is shown when all is over."""

    name: str
    url: str
    tests: tuple[str, ...]
    variable: str  # of the environment, that tells the tests
    output: str = field(init=False, default="")
    status: int = field(init=False, default=1)

    def why_not(self) -> str:
        """Say why it can't run; empty if the server answers."""
        address = urlsplit(self.url)
        port = address.port or PORTS[address.scheme]
        try:
            socket.create_connection((address.hostname or "127.0.0.1", port), timeout=3).close()
        except OSError as error:
            return f"nothing answers at {address.hostname}:{port} ({error})"
        return ""

    def run(self) -> None:
        env = os.environ | {self.variable: self.url}
        done = subprocess.run(
            [*PYTEST, "-q", *self.tests], env=env, capture_output=True, text=True, check=False
        )
        self.output, self.status = done.stdout + done.stderr, done.returncode

    def report(self) -> None:
        say(f"{self.name}, at {urlsplit(self.url).hostname}: {'passed' if self.status == 0 else 'FAILED'}")
        for line in self.output.splitlines() if self.status else self.output.splitlines()[-1:]:
            print(f"    {line}", flush=True)  # noqa: T201


def legs() -> tuple[Leg, ...]:
    address = os.environ.get
    postgres = address("MAGICROLL_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
    redis = address("MAGICROLL_TEST_REDIS", "redis://127.0.0.1:6379/9")
    rabbitmq = address("MAGICROLL_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
    return (
        Leg("PostgreSQL", postgres, DATABASE_TESTS, "DATABASE_URL"),
        Leg("Celery over Redis", redis, BROKER_TESTS, "MAGICROLL_TEST_BROKER"),
        Leg("Celery over RabbitMQ", rabbitmq, BROKER_TESTS, "MAGICROLL_TEST_BROKER"),
    )


def say(text: str) -> None:
    print(f"\n=== {text}", flush=True)  # noqa: T201


def run_all(running: list[Leg]) -> None:
    for leg in running:
        leg.run()


def main(options: list[str]) -> int:
    """Run everything; return 1 if anything failed."""
    how = os.environ.get("MAGICROLL_TEST_LEGS", "")
    reasons = {leg.name: leg.why_not() for leg in legs()}
    running = [leg for leg in legs() if not reasons[leg.name] and how != "none"]
    beside = threading.Thread(target=run_all, args=[running])
    beside.start()
    status = subprocess.run([*PYTEST, *options], check=False).returncode
    if running:
        say(f"waiting for the same on servers: {', '.join(leg.name for leg in running)}")
    beside.join()
    for leg in running:
        leg.report()
    for name, reason in reasons.items():
        if how == "none" or reason:
            say(f"SKIPPED: {name}: {reason or 'MAGICROLL_TEST_LEGS=none'}")
    missing = how == "all" and any(reasons.values())
    return status or int(missing or any(leg.status for leg in running))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
