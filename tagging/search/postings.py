"""The photos of a tag as arrays, kept in memory: what intersections and exact counts are made of.

Each count of the reverse index carries the version of the corpus at which the tag's rows last changed, so that what
is kept is known to be true for the snapshot of the database that a reader holds, and is read anew where it is not.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from tagging.models import Corpus
from tagging.search.keeping import Keeper

SURE_FROM = 0.8  # the score of "surer only"
MOST_BYTES = 256 * 1024**2  # of one process; a million photos with six tags each take 100 MiB

Int64 = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Live photos of a tag, newest first: their ids int64 [n], when they were taken (datetime64[us] [n], the wall
    clock), and whether their score is SURE_FROM or more: bool [n]."""

    ids: Int64
    taken: NDArray[np.datetime64]
    sure: Mask

    @property
    def nbytes(self) -> int:
        return self.ids.nbytes + self.taken.nbytes + self.sure.nbytes

    def at(self, places: Mask) -> "Postings":
        """Keep some, given as bool [n], in order."""
        return Postings(self.ids[places], self.taken[places], self.sure[places])


class _Key(NamedTuple):
    owner_id: int
    release_id: int
    tag_id: int


_kept: Keeper[Postings] = Keeper(MOST_BYTES)
forget = _kept.forget


def postings_of(corpus: Corpus, versions: Mapping[int, int]) -> dict[int, Postings]:
    """Return the photos of some tags by tag id; `versions` are those of their counts in the caller's snapshot."""
    found: dict[int, Postings] = {}
    for tag_id, version in versions.items():
        kept = _kept.get(_Key(corpus.owner_id, corpus.active_id, tag_id), version)
        if kept is not None:
            found[tag_id] = kept
    for tag_id, read in _read(corpus, versions.keys() - found.keys()):
        found[tag_id] = read
        key = _Key(corpus.owner_id, corpus.active_id, tag_id)
        _kept.put(key, versions[tag_id], read, read.nbytes)
    return found


def _read(corpus: Corpus, tag_ids: Collection[int]) -> Iterator[tuple[int, Postings]]:
    for tag_id in sorted(tag_ids):
        key = (corpus.owner_id, corpus.active_id, tag_id)
        yield tag_id, _copied(key) if connection.vendor == "postgresql" else _fetched(key)


_ROWS = (
    "SELECT photo_id, taken_at, score FROM tagging_phototag"
    " WHERE owner_id = %s AND release_id = %s AND tag_id = %s ORDER BY taken_at DESC, photo_id DESC"
)
_EPOCH_2000 = np.datetime64("2000-01-01", "us")  # of PostgreSQL's timestamps
_HEAD_BYTES, _TAIL_BYTES = 19, 2
_FIELDS = ("photo_id", ">i8"), ("taken_at", ">i8"), ("score", ">f8")
_ROW = np.dtype(
    [("n", ">i2"), *(one for field in _FIELDS for one in ((f"bytes of {field[0]}", ">i4"), field))]
)


def _copied(key: tuple[int, int, int]) -> Postings:
    """Read with COPY in its binary format, whose rows have one size here (see tagging/rows.py)."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({_ROWS % key}) TO STDOUT (FORMAT BINARY)") as copy,
    ):
        data = b"".join(copy)
    rows = np.frombuffer(
        data, _ROW, offset=_HEAD_BYTES, count=(len(data) - _HEAD_BYTES - _TAIL_BYTES) // _ROW.itemsize
    )
    taken = _EPOCH_2000 + rows["taken_at"].astype(np.int64).astype("timedelta64[us]")
    return Postings(rows["photo_id"].astype(np.int64), taken, rows["score"] >= SURE_FROM)


def _fetched(key: tuple[int, int, int]) -> Postings:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, key)
        rows = cursor.fetchall()
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    taken = np.array([row[1] for row in rows], "datetime64[us]")  # SQLite keeps them as text
    scores = np.fromiter((row[2] for row in rows), np.float64, len(rows))
    return Postings(ids, taken, scores >= SURE_FROM)
