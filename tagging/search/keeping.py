"""What a process keeps in memory of what a database says, each with the version at which it was true."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")


class _Kept(NamedTuple, Generic[Value]):
    version: Hashable
    value: Value
    nbytes: int


class Keeper(Generic[Value]):
    """Values by key, up to so many bytes: what was least recently used goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, _Kept[Value]] = OrderedDict()  # the least recently used first
        self._lock = Lock()

    def get(self, key: Hashable, version: Hashable) -> Value | None:
        """Return what is kept under a key if it is of this version."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.version != version:
                return None
            self._kept.move_to_end(key)
            return kept.value

    def put(self, key: Hashable, version: Hashable, value: Value, nbytes: int) -> None:
        """Keep a value; the newest one stays, however large."""
        with self._lock:
            self._kept[key] = _Kept(version, value, nbytes)
            self._kept.move_to_end(key)
            total = sum(kept.nbytes for kept in self._kept.values())
            while total > self._most_bytes and len(self._kept) > 1:
                total -= self._kept.popitem(last=False)[1].nbytes

    def forget(self) -> None:
        """Let go of everything that is kept."""
        with self._lock:
            self._kept.clear()
