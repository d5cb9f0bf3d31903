"""Keep a few child processes alive and stop them together. Knows neither Django nor Celery."""

import contextlib
import ctypes
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 30.0
STEADY_S = 60.0  # a child that lived this long starts over with the first back-off
STOP_S = 10.0
SAME_REQUEST_S = 0.5  # make and a service manager may both pass on one SIGTERM
PROBE_S = 0.25
SLOW_START_S = 60.0
PR_SET_PDEATHSIG = 1  # prctl(2)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Program:
    """One child: its name in the log, its command line, and what to do before each of its starts."""

    name: str
    command: tuple[str, ...]
    before: Callable[[], None] = _nothing


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    backoff_s: float = FIRST_BACKOFF_S


@dataclass(slots=True)
class Supervisor:
    """Run programs until SIGINT, SIGTERM or SIGHUP; start again whatever dies by itself.

    `probe` is asked again and again until it says True once; then `on_ready` runs.
    """

    programs: tuple[Program, ...]
    probe: Callable[[], bool]
    on_ready: Callable[[], None]
    on_slow: Callable[[], None] = _nothing
    stop_s: float = STOP_S
    first_backoff_s: float = FIRST_BACKOFF_S
    same_request_s: float = SAME_REQUEST_S
    _children: list[_Child] = field(init=False, default_factory=list)
    _stop_at: float | None = field(init=False, default=None)
    _hurry: bool = field(init=False, default=False)
    _ready: bool = field(init=False, default=False)
    _told_slow: bool = field(init=False, default=False)

    def run(self) -> int:
        """Block until stopped; return 0 when every child ended when asked, 1 when one had to be killed."""
        self._children = [_Child(program, backoff_s=self.first_backoff_s) for program in self.programs]
        with _wakeups(self._note_signal) as wakeup:
            begun_at = time.monotonic()
            try:
                while self._stop_at is None:
                    self._reap()
                    self._start_due()
                    self._look_whether_ready(begun_at)
                    _wait(wakeup, self._pause_s())
                return self._stop(wakeup)
            finally:
                self._kill_all()

    def _note_signal(self, number: int) -> None:
        if number == signal.SIGCHLD:
            return
        if self._stop_at is None:
            self._stop_at = time.monotonic()
        elif time.monotonic() - self._stop_at > self.same_request_s:
            self._hurry = True

    def _start_due(self) -> None:
        for child in self._children:
            if child.process is None and time.monotonic() >= child.restart_at:
                child.program.before()
                child.process = _spawn(child.program)
                child.started_at = time.monotonic()
                logger.debug("%s started", child.program.name, extra={"pid": child.process.pid})

    def _reap(self) -> None:
        for child in self._children:
            if child.process is None or (status := child.process.poll()) is None:
                continue
            _kill_group(child.process.pid)  # what it left behind would hold its port and its work
            child.process = None
            if time.monotonic() - child.started_at > STEADY_S:
                child.backoff_s = self.first_backoff_s
            child.restart_at = time.monotonic() + child.backoff_s
            logger.warning(
                "%s ended (%s); starting it again in %.0f s",
                child.program.name,
                _ending(status),
                child.backoff_s,
            )
            child.backoff_s = min(child.backoff_s * 2, LONGEST_BACKOFF_S)

    def _look_whether_ready(self, begun_at: float) -> None:
        if self._ready:
            return
        if self.probe():
            self._ready = True
            self.on_ready()
        elif not self._told_slow and time.monotonic() - begun_at > SLOW_START_S:
            self._told_slow = True
            self.on_slow()

    def _pause_s(self) -> float | None:
        """Seconds until there is something to do; None = until a signal comes."""
        due = [child.restart_at - time.monotonic() for child in self._children if child.process is None]
        if not self._ready:
            due.append(PROBE_S)
        return max(0.0, min(due)) if due else None

    def _stop(self, wakeup: socket.socket) -> int:
        """Ask every child to end; a second signal or the time limit ends them by force."""
        for child in self._children:
            if child.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.terminate()
        deadline = time.monotonic() + self.stop_s
        while self._running() and not self._hurry and time.monotonic() < deadline:
            _wait(wakeup, deadline - time.monotonic())
        late = self._running()
        for child in late:
            logger.warning("%s did not end when asked; killing it", child.program.name)
        return 1 if late else 0

    def _running(self) -> list[_Child]:
        return [
            child for child in self._children if child.process is not None and child.process.poll() is None
        ]

    def _kill_all(self) -> None:
        for child in self._children:
            if child.process is not None:
                _kill_group(child.process.pid)
                child.process.wait()


@contextlib.contextmanager
def _wakeups(note: Callable[[int], None]) -> Iterator[socket.socket]:
    """Yield a socket that turns readable with each signal; put the old handlers back afterwards."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    old_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    old = {number: signal.signal(number, lambda number, _frame: note(number)) for number in SIGNALS}
    try:
        yield reader
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_fd)
        reader.close()
        writer.close()


def _wait(wakeup: socket.socket, seconds: float | None) -> None:
    readable, _, _ = select.select([wakeup], [], [], seconds)
    if readable:
        with contextlib.suppress(BlockingIOError):
            while wakeup.recv(4096):
                pass


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own: a terminal's Ctrl-C is to reach the supervisor alone."""
    return subprocess.Popen(
        program.command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent()
    )


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux, have the kernel send the child SIGTERM when this process dies, however it dies (prctl(2))."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return ask_kernel


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
        os.killpg(pid, signal.SIGKILL)


def _ending(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"
