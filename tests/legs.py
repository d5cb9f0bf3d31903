"""Run the tests that depend on database or broker again, on the servers that answer: `python -m tests.legs`.

What does not answer is skipped, loudly. MAGICROLL_TEST_POSTGRES, _REDIS and _RABBITMQ name other addresses,
and MAGICROLL_TEST_LEGS=all makes a missing server an error.
"""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from urllib.parse import urlsplit

DATABASE_TESTS = (
    *("tests/tagging/test_writer.py", "tests/tagging/test_outstanding.py", "tests/tagging/test_services.py"),
    *("tests/tagging/test_search_lists.py", "tests/tagging/test_search_find.py"),
    *("tests/tagging/test_search_similar.py", "tests/test_snapshot.py", "tests/test_ownership.py"),
    *("tests/test_serving.py::TestHostileInput", "tests/views/test_upload.py", "tests/views/test_trash.py"),
    *("tests/views/test_setup.py", "tests/views/test_invite.py", "tests/views/test_people.py"),
)
BROKER_TESTS = ("tests/broker_leg.py",)


@dataclass(frozen=True, slots=True)
class Leg:
    name: str
    url: str
    tests: tuple[str, ...]
    variable: str  # of the environment, that tells the tests
    options: tuple[str, ...] = field(
        default=("-q", "-n", "auto", "--maxprocesses", "4", "-m", "not browser and not torch and not fault")
    )

    def why_not(self) -> str:
        """Say why it can't run; empty if the server answers."""
        address = urlsplit(self.url)
        port = address.port or {"postgres": 5432, "redis": 6379, "amqp": 5672}[address.scheme]
        try:
            socket.create_connection((address.hostname or "127.0.0.1", port), timeout=3).close()
        except OSError as error:
            return f"nothing answers at {address.hostname}:{port} ({error})"
        return ""

    def run(self, more: list[str]) -> int:
        say(f"{self.name}: {len(self.tests)} test files again, at {self.url}")
        command = [sys.executable, "-m", "pytest", *self.options, *self.tests, *more]
        env = os.environ | {self.variable: self.url}
        child = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        with child:
            for line in child.stdout or ():
                print(f"    {line}", end="", flush=True)  # noqa: T201
        return child.returncode


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
    print(f"\n=== {text} ===", flush=True)  # noqa: T201


def main() -> int:
    """Run what can be run; return 1 if anything failed."""
    failed, skipped = [], []
    for leg in legs():
        if reason := leg.why_not():
            say(f"SKIPPED: {leg.name}: {reason}")
            skipped.append(leg.name)
        elif leg.run(sys.argv[1:]) != 0:
            failed.append(leg.name)
    if skipped and os.environ.get("MAGICROLL_TEST_LEGS") == "all":
        failed += skipped
    say(
        f"legs: {len(legs()) - len(skipped)} run, {len(skipped)} skipped"
        f"{' (' + ', '.join(skipped) + ')' if skipped else ''}; "
        + (f"FAILED: {', '.join(failed)}" if failed else "all passed")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
