"""Decode photos in child processes, so that a bad file costs a child and not the web or the worker.

A decoder that hangs, crashes or takes too much memory is killed and replaced; the next photo goes on.
"""

import os
import queue
import selectors
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from magicroll.imaging.keywords import Keywords
from magicroll.imaging.picture import ImageRefused, Limits, Picture
from magicroll.imaging.protocol import (
    READY,
    Answer,
    Failure,
    Job,
    SidecarJob,
    Trouble,
    read_answer,
    write_job,
)

DEFAULT_COMMAND = (sys.executable, "-m", "magicroll.imaging.decoder_child")
# A child's whole address space. 149 megapixels need 0.8 GB as JPEG or plain PNG, 1.1 as HEIC, 2.0 as PNG with
# transparency and 2.4 as WebP (measured; libwebp keeps two canvases).
DEFAULT_MEMORY_BYTES = 3 * 1024**3
DEFAULT_TIMEOUT_S = 60.0

START_TIMEOUT_S = 30.0
JOBS_PER_CHILD = 500  # so that what a C library leaks stays small
MAX_ANSWER_BYTES = 500_000

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]

# All that a decoder needs to start; what it reads is hostile, so it gets no secrets and no database address.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")


class DecoderFailed(Exception):
    """The decoder could not say whether the file is good; `detail` is for logs, not for people."""

    def __init__(self, reason: Trouble, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


class DecoderPool:
    """At most `size` decoders, each a process of one thread; callers of any thread wait for a free one.

    Children start when first needed. `timeout_s` is for one photo, by the wall clock and without the wait
    for a free child; `memory_bytes` is a child's whole address space.
    """

    def __init__(
        self,
        size: int,
        limits: Limits | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        command: Sequence[str] = DEFAULT_COMMAND,
        jobs_per_child: int = JOBS_PER_CHILD,
    ) -> None:
        self._size = size
        self._timeout_s = timeout_s
        self._jobs_per_child = jobs_per_child
        self._command = _full_command(command, limits or Limits(), timeout_s, memory_bytes)
        self._closed = False
        self._inherited: list[_Child | None] = []
        self._free = self._fill()
        # A fork copies our pipes but not our right to use them: the copy starts with children of its own.
        ours = weakref.WeakMethod(self._forget_children)
        os.register_at_fork(after_in_child=lambda: (forget := ours()) and forget())

    def process(self, source: Path, out_dir: Path, turns: int = 0) -> Picture:
        """Do `imaging.process.process` in a child.

        Raises ImageRefused (the file is at fault, for certain), DecoderFailed (nobody can say), and OSError
        where reading the file or writing to `out_dir` fails. After an error `out_dir` may hold a part.
        """
        answer = self._run(Job(source.absolute(), out_dir.absolute(), turns))
        match answer:
            case Picture():
                return answer
            case Failure(trouble=trouble, detail=detail):
                raise DecoderFailed(trouble, detail)
            case ImageRefused() | OSError():
                raise answer
            case Keywords() | None:
                raise DecoderFailed(Trouble.CRASH, "the decoder answered another question")

    def read_sidecar(self, sidecar: Path) -> Keywords | None:
        """Read the keywords of an .xmp file in a child; None if it is none that may be read.

        Raises DecoderFailed, and OSError where reading the file fails.
        """
        answer = self._run(SidecarJob(sidecar.absolute()))
        match answer:
            case Keywords() | None:
                return answer
            case Failure(trouble=trouble, detail=detail):
                raise DecoderFailed(trouble, detail)
            case OSError():
                raise answer
            case Picture() | ImageRefused():
                raise DecoderFailed(Trouble.CRASH, "the decoder answered another question")

    def close(self) -> None:
        """End all children, waiting for photos in work; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        for _ in range(self._size):
            child = self._free.get()
            if child is not None:
                child.end()
        self._free.put(None)  # wakes a caller that was already waiting; it passes the word on

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, job: Job | SidecarJob) -> Answer:
        child = self._free.get()
        if self._closed:
            self._free.put(child)
            raise RuntimeError("the decoder pool is closed")
        keep: _Child | None = None
        try:
            if child is None or not child.is_alive():
                if child is not None:
                    child.end()  # died while idle, the system's doing: no photo is to blame
                child = _Child(self._command)
            answer = child.ask(job, self._timeout_s)
            if not isinstance(answer, Failure) and child.jobs_done < self._jobs_per_child:
                keep = child
            return answer
        finally:
            if child is not None and keep is None:
                child.end()
            self._free.put(keep)

    def _fill(self) -> "queue.LifoQueue[_Child | None]":
        # Last in, first out: an idle pool keeps one child warm and lets the others sleep.
        free: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(self._size):
            free.put(None)
        return free

    def _forget_children(self) -> None:
        self._inherited = list(self._free.queue)
        for child in self._inherited:
            if child is not None:
                child.disown()
        self._free = self._fill()


class _Child:
    """One decoder process and its two pipes. Used by one thread at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self.jobs_done = 0
        # A session of its own: Ctrl-C in the terminal is for the parent, which then ends its children.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env=_environment(),
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.end()
            raise

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, job: Job | SidecarJob, timeout_s: float) -> Answer:
        """Hand over a job and wait for the answer; a child that fails is killed before this returns."""
        self.jobs_done += 1
        try:
            self._stdin.write(write_job(job))
            return read_answer(self._read_line(time.monotonic() + timeout_s))
        except TimeoutError:
            self.kill()
            return Failure(Trouble.TIMEOUT, f"no answer after {timeout_s:g} s")
        except (BrokenPipeError, EOFError):
            return self._last_words()
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self.kill()
            return Failure(Trouble.CRASH, f"the decoder wrote nonsense: {error}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Let an idle child go; it has nothing to lose, so there is no waiting for its manners."""
        self.kill()
        self._close_pipes()

    def disown(self) -> None:
        """Let go of a child that belongs to the process we were forked from."""
        self._close_pipes()
        self._process.returncode = 0  # so that nobody waits for it, or warns that it runs

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: Popen was given PIPE
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout

    def _close_pipes(self) -> None:
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()

    def _wait_until_ready(self) -> None:
        try:
            line = self._read_line(time.monotonic() + START_TIMEOUT_S)
        except TimeoutError:
            raise DecoderFailed(Trouble.TIMEOUT, "the decoder did not start") from None
        except EOFError:
            raise DecoderFailed(Trouble.CRASH, f"the decoder did not start: {self._last_words()}") from None
        if line != READY:
            raise DecoderFailed(Trouble.CRASH, "the decoder did not start as one")

    def _read_line(self, deadline: float) -> bytes:
        """Read up to a line's end; TimeoutError after `deadline` (monotonic), EOFError if the child ended."""
        line = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                part = os.read(self._stdout.fileno(), 65_536)
                if not part:
                    raise EOFError
                line += part
                if len(line) > MAX_ANSWER_BYTES:
                    raise ValueError("an answer is shorter")
        return bytes(line)

    def _last_words(self) -> Failure:
        """Judge a child that ended, or closed its pipes, in the middle of a job by how it ended."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.kill()
            return Failure(Trouble.CRASH, "closed its pipes")
        if code == -signal.SIGALRM:
            return Failure(Trouble.TIMEOUT, "stopped by its own alarm")
        if code == -signal.SIGKILL:  # not by us: the system kills so when memory runs out
            return Failure(Trouble.MEMORY, "killed from outside")
        return Failure(Trouble.CRASH, f"ended with status {code}")


def _full_command(
    command: Sequence[str], limits: Limits, timeout_s: float, memory_bytes: int
) -> tuple[str, ...]:
    return (
        *command,
        f"--max-pixels={limits.max_pixels}",
        f"--max-bytes={limits.max_bytes}",
        f"--memory-bytes={memory_bytes}",
        f"--timeout-s={timeout_s}",
    )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # `-m` finds the package wherever the parent was started; numeric libraries start no threads.
    return kept | {"PYTHONPATH": str(_PACKAGE_ROOT), "OMP_NUM_THREADS": "1"}
