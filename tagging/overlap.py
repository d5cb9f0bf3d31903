"""Batch after batch: while one is committed, the next one is encoded."""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar


class Batch(Protocol):
    """Photos on their way: how many, and whether nothing may be on its way beside them.

    near_end: waits until the last of them are being encoded.
    """

    @property
    def size(self) -> int: ...
    @property
    def alone(self) -> bool: ...
    def near_end(self) -> None: ...


B = TypeVar("B", bound=Batch)


def run_overlapped(
    begin: Callable[[bool], B | None], finish: Callable[[B], None], abandon: Callable[[B], None], until: float
) -> int:
    """Begin and finish batches; return how many photos they had.

    begin: leases a batch and starts to encode it, or gives None; told whether another one is on its way.
    finish: waits for it and commits. abandon: hands back a batch that was begun, after an error in another.
    until: of the monotonic clock, in seconds; one batch is begun in any case.
    """
    done = 0
    batch = begin(False)
    while batch:
        done += batch.size
        ahead: B | None = None
        try:
            if not batch.alone and time.monotonic() < until:
                # No sooner: what comes in meanwhile, an upload say, would have to wait for two batches.
                batch.near_end()
                ahead = begin(True)
        except BaseException:
            finish(batch)  # it is not to blame
            raise
        try:
            finish(batch)
        except BaseException:
            if ahead:
                abandon(ahead)
            raise
        if ahead is None and time.monotonic() < until:
            ahead = begin(False)
        batch = ahead
    return done
