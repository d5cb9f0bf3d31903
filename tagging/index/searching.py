"""Exact nearest neighbours over a snapshot and what is newer than it."""

from collections.abc import Callable
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tagging.index.snapshot import Snapshot
from tagging.index.vectors import (
    Batch,
    FloatArray,
    Ids,
    as_codes,
    check_batch,
    encode,
    has_duplicates,
    new_index,
)

Keep = Callable[[Ids], NDArray[np.bool_]]
_SPARE = 16  # fetched beyond k, for what `keep` turns down
_GROWTH = 4
_ASKED_AT_ONCE = 1024  # ids shown to `keep` in one call


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Photo ids int64 [m] and cosines float32 [m], best first; of equal scores the higher id first."""

    ids: Ids
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tail:
    """A batch made ready for searching beside one snapshot (or none), as often as wanted."""

    ids: Ids
    index: faiss.IndexIDMap
    beside: str | None  # name of the snapshot's data file, which no other snapshot has


def encode_tail(snapshot: Snapshot | None, batch: Batch) -> Tail:
    """Project and pack the annotations that a snapshot doesn't hold.

    For a long tail this costs more than the search, so keep the answer for as long as snapshot and corpus
    version stay the same. Raises ValueError for an embedding that can't be encoded or an id given twice.
    """
    check_batch(batch)
    if has_duplicates(batch.ids):
        raise ValueError("The tail names a photo twice.")
    projection = None if snapshot is None else snapshot.projection
    codes = as_codes(encode(batch.embeddings, projection))
    index = new_index(codes.shape[1] // 2)
    if len(codes):
        index.add_sa_codes(codes, batch.ids)
    return Tail(batch.ids, index, _file_of(snapshot))


def search(
    snapshot: Snapshot | None,
    tail: Batch | Tail | None,
    xq: FloatArray,
    k: int,
    *,
    exclude: ArrayLike = (),
    keep: Keep | None = None,
) -> Neighbours:
    """Return the k photos most like the embedding xq [d]; fewer only if there are no more.

    Exact over the vectors as stored: of the snapshot's projection, or the full ones without a snapshot.
    A photo in the tail hides what the snapshot has of it. `exclude` and what `keep` (ids int64 [m], at
    most 1,024 at a time and each once, to bool [m]) turns down cost no place. Safe in several threads.
    Raises ValueError for an embedding that can't be encoded or a tail made for another snapshot.
    """
    if k < 1:
        raise ValueError("k must be positive.")
    excluded = np.atleast_1d(np.asarray(exclude, np.int64))
    q = encode(xq[None, :], None if snapshot is None else snapshot.projection)
    parts: list[Neighbours] = []
    hidden = excluded
    if tail is not None:
        ready = encode_tail(snapshot, tail) if isinstance(tail, Batch) else tail
        if ready.beside != _file_of(snapshot):
            raise ValueError("The tail was made for another snapshot.")
        parts.append(_best(ready.index, q, k, excluded, keep))
        hidden = np.concatenate([excluded, ready.ids])
    if snapshot is not None:
        parts.append(_best(snapshot.index, q, k, hidden, keep))
    return _merged(parts, k)


def _file_of(snapshot: Snapshot | None) -> str | None:
    return None if snapshot is None else snapshot.manifest.file


def _best(
    index: faiss.IndexIDMap, q: NDArray[np.float32], k: int, hidden: Ids, keep: Keep | None
) -> Neighbours:
    """Fetch ever more until k are kept.

    The order is settled only above the lowest score fetched: there FAISS may have cut through equal ones.
    """
    kept: list[Neighbours] = []
    settled = found = 0
    fetch = min(index.ntotal, k + _SPARE)
    while fetch and found < k:
        ranked = _fetched(index, q, fetch, hidden)
        exhausted = len(ranked.ids) < fetch or fetch == index.ntotal
        end = len(ranked.ids) if exhausted else int((ranked.scores > ranked.scores[-1]).sum())
        while settled < end and found < k:
            stop = min(end, settled + _ASKED_AT_ONCE)
            some = _kept(Neighbours(ranked.ids[settled:stop], ranked.scores[settled:stop]), keep)
            kept.append(some)
            found, settled = found + len(some.ids), stop
        fetch = 0 if exhausted else min(index.ntotal, fetch * _GROWTH)
    return _merged(kept, k)


def _fetched(index: faiss.IndexIDMap, q: NDArray[np.float32], k: int, hidden: Ids) -> Neighbours:
    # One question is one thread's work in FAISS; the others of its pool only spin, which on a busy machine
    # made it take ten times as long. The setting is the calling thread's own.
    faiss.omp_set_num_threads(1)
    parameters = None
    if len(hidden):
        # FAISS keeps no reference to a selector: these names hold them until the search is over.
        inside = faiss.IDSelectorBatch(hidden)
        outside = faiss.IDSelectorNot(inside)
        parameters = faiss.SearchParameters()
        parameters.sel = outside
    D, I = index.search(q, k, params=parameters)  # noqa: E741 - the FAISS papers' names
    real = I[0] >= 0
    return _merged([Neighbours(I[0][real], D[0][real])], k)


def _kept(some: Neighbours, keep: Keep | None) -> Neighbours:
    if keep is None:
        return some
    mask = keep(some.ids)
    return Neighbours(some.ids[mask], some.scores[mask])


def _merged(parts: list[Neighbours], k: int) -> Neighbours:
    ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)])
    scores = np.concatenate([np.empty(0, np.float32), *(part.scores for part in parts)])
    order = np.lexsort((-ids, -scores))[:k]
    return Neighbours(ids[order], scores[order])
