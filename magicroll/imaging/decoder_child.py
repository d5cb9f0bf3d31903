"""A decoder in a process of its own: reads jobs from its standard input, answers on its standard output.

Started by DecoderPool. It ends when its input ends, which is also when its parent dies.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from magicroll.imaging.picture import ImageRefused, Limits
from magicroll.imaging.process import process
from magicroll.imaging.protocol import (
    READY,
    Answer,
    Failure,
    Job,
    SidecarJob,
    Trouble,
    read_job,
    write_answer,
)
from magicroll.imaging.xmp import read_sidecar_keywords

MAX_OUTPUT_BYTES = 64_000_000
MAX_OPEN_FILES = 64

# An alarm that kills a child which hangs in C code after its parent is gone; the parent's own clock is first.
ALARM_GRACE_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-pixels", type=int, required=True)
    parser.add_argument("--max-bytes", type=int, required=True)
    parser.add_argument("--memory-bytes", type=int, required=True)
    parser.add_argument("--timeout-s", type=float, required=True)
    options = parser.parse_args()
    set_resource_limits(options.memory_bytes)
    take_signals()
    answers = claim_stdout()
    answers.write(READY)
    serve(sys.stdin.buffer, answers, Limits(options.max_pixels, options.max_bytes), options.timeout_s)


def set_resource_limits(memory_bytes: int) -> None:
    """Bound address space, core files, file sizes and open files, where the platform honours it."""
    import resource

    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
    ):
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):  # macOS takes no RLIMIT_AS; a container may allow less than we ask
            continue


def take_signals() -> None:
    """Let the alarm kill, and leave it to the parent when to stop.

    A service manager tells the whole group to end; a parent that finishes its photo first needs its decoder.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(asked_to_stop, signal.SIG_IGN)


def claim_stdout() -> BinaryIO:
    """Keep standard output for answers alone: what C libraries print goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return answers


def serve(jobs: BinaryIO, answers: BinaryIO, limits: Limits, timeout_s: float) -> None:
    """Work off jobs until the input ends or a job brings trouble that may outlast it."""
    for line in jobs:
        job = read_job(line)
        signal.setitimer(signal.ITIMER_REAL, timeout_s + ALARM_GRACE_S)
        answer = run(job, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(write_answer(answer))
        if isinstance(answer, Failure):
            return


def run(job: Job | SidecarJob, limits: Limits) -> Answer:
    try:
        if isinstance(job, SidecarJob):
            return read_sidecar_keywords(Path(job.sidecar))
        return process(Path(job.source), Path(job.out_dir), limits, job.turns)
    except (ImageRefused, OSError) as error:
        return error
    except MemoryError as error:
        return Failure(Trouble.MEMORY, str(error))
    except Exception as error:  # noqa: BLE001 - the child's last words; the pool reports them as a crash
        return Failure(Trouble.CRASH, f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
