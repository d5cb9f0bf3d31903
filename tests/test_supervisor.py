"""Real processes: a supervisor in its own process, small Python scripts as its children."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO

import pytest

LIMIT_S = 20

SUPERVISOR = """
import logging, sys
from magicroll.supervisor import Program, Supervisor

def program(number, code):
    name = f"child{number}"
    before = lambda: print(f"before {name}\\n", end="", flush=True)
    return Program(name, (sys.executable, "-c", code), before)

logging.basicConfig(level="INFO", stream=sys.stdout, format="log %(message)s")
answers = iter([False, False, True])
supervisor = Supervisor(
    tuple(program(number, code) for number, code in enumerate(sys.argv[2:])),
    probe=lambda: next(answers),
    on_ready=lambda: print("ready\\n", end="", flush=True),
    stop_s=float(sys.argv[1]),
    first_backoff_s=0.05,
    same_request_s=0,
)
sys.exit(supervisor.run())
"""
# One os.write a line: the children share a pipe.
SAY = "import os, signal\ndef say(name): os.write(1, f'{name} {os.getpid()}\\n'.encode())\n"
OBEDIENT = SAY + "say('pid'); signal.pause()"
STUBBORN = SAY + "signal.signal(15, lambda *_: say('asked')); say('stubborn')\nwhile True: signal.pause()"
WITH_GRANDCHILD = SAY + "say('child' if os.fork() else 'grandchild'); signal.pause()"
SHORT_LIVED = SAY + "say('pid')"


class Running:
    """The supervisor under test and what it has printed."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        self.process = process
        self.output = output
        self.lines: list[str] = []

    def next_line(self, beginning: str) -> str:
        """Read until a line begins so."""
        while True:
            readable, _, _ = select.select([self.output], [], [], LIMIT_S)
            line = self.output.readline().decode().rstrip() if readable else ""
            assert line, f"no line beginning with {beginning!r}, only {self.lines}"
            self.lines.append(line)
            if line.startswith(beginning):
                return line

    def next_pid(self, name: str = "pid") -> int:
        return int(self.next_line(name).split()[1])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


@pytest.fixture
def supervise() -> Iterator[Callable[..., Running]]:
    with contextlib.ExitStack() as stack:

        def start(*children: str, stop_s: float = 10) -> Running:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", SUPERVISOR, str(stop_s), *children],
                    stdout=subprocess.PIPE,
                    bufsize=0,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            return Running(process, process.stdout)

        yield start


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    return True


def ends(pid: int) -> bool:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if not is_alive(pid):
            return True
        select.select([], [], [], 0.01)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_supervisor_and_every_child(supervise: Callable[..., Running], number: int) -> None:
    running = supervise(OBEDIENT, OBEDIENT)
    pids = [running.next_pid(), running.next_pid()]
    running.process.send_signal(number)
    assert running.process.wait(LIMIT_S) == 0
    assert not any(is_alive(pid) for pid in pids)


def test_a_killed_child_comes_back(supervise: Callable[..., Running]) -> None:
    running = supervise(OBEDIENT)
    first = running.next_pid()
    os.kill(first, signal.SIGKILL)
    assert running.next_line("log child0 ended (killed by SIGKILL)")
    assert running.next_line("before child0")
    assert running.next_pid() != first
    assert running.stop() == 0


def test_a_child_that_keeps_ending_is_started_less_and_less_often(supervise: Callable[..., Running]) -> None:
    running = supervise(SHORT_LIVED)
    began = time.monotonic()
    for _ in range(4):
        running.next_pid()
    assert time.monotonic() - began > 0.05 + 0.1 + 0.2
    assert running.stop() == 0


def test_what_a_dead_child_left_behind_is_killed_before_it_starts_again(
    supervise: Callable[..., Running],
) -> None:
    running = supervise(WITH_GRANDCHILD)
    pids = {}
    while len(pids) < 2:
        name, _, number = running.next_line("").partition(" ")
        if name.endswith("child"):
            pids[name] = int(number)
    os.kill(pids["child"], signal.SIGKILL)
    assert running.next_line("before child0")
    assert ends(pids["grandchild"])
    assert running.stop() == 0


def test_a_child_that_does_not_end_when_asked_is_killed(supervise: Callable[..., Running]) -> None:
    running = supervise(STUBBORN, stop_s=0.3)
    stubborn = running.next_pid("stubborn")
    assert running.stop() == 1
    assert not is_alive(stubborn)


def test_a_second_signal_does_not_wait(supervise: Callable[..., Running]) -> None:
    running = supervise(STUBBORN, stop_s=600)
    stubborn = running.next_pid("stubborn")
    running.process.send_signal(signal.SIGINT)
    running.next_line("asked")
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(LIMIT_S) == 1
    assert not is_alive(stubborn)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(PR_SET_PDEATHSIG) is Linux's")
def test_children_do_not_outlive_a_killed_supervisor(supervise: Callable[..., Running]) -> None:
    running = supervise(OBEDIENT, OBEDIENT)
    pids = [running.next_pid(), running.next_pid()]
    running.process.kill()
    assert all(ends(pid) for pid in pids)


def test_readiness_is_announced_once(supervise: Callable[..., Running]) -> None:
    running = supervise(OBEDIENT)
    running.next_line("ready")
    assert running.stop() == 0
    assert b"ready" not in running.output.read()
