"""A corpus's similarity index: the snapshot on this machine's disk, and the tail of newer annotations."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging import index
from tagging.ml.install import installed_path
from tagging.ml.projection import index_projection
from tagging.ml.registry import ENCODERS
from tagging.models import Corpus, Embedding, Encoder
from tagging.pointers import settled_version
from tagging.querysets import EmbeddingQuerySet

logger = logging.getLogger(__name__)

ROWS_PER_BATCH = 4096
TAIL_ROWS = 500  # searched exactly in some 10 ms; from there on, or from 2 %, it is worth compacting
TAIL_SHARE = 0.02
LONGEST_TAIL = 10_000  # rows that a reader puts up with; a larger corpus has to wait for its snapshot


class IndexMissing(LookupError):
    """The corpus is too large to search without its snapshot, which is missing or was torn."""


@dataclass(frozen=True, slots=True)
class CorpusIndex:
    """What a search goes through: `tail` covers every annotation that the snapshot doesn't."""

    snapshot: index.Snapshot | None
    tail: index.Tail


def open_index(corpus: Corpus) -> CorpusIndex:
    """Open the index of what the active release's network made of a corpus.

    A missing or torn snapshot only makes the tail longer. Raises IndexMissing where that tail would be too long.
    """
    encoder = corpus.active.encoder
    snapshot = _snapshot_to_keep(corpus, encoder)
    if _tail_rows(corpus, encoder, snapshot)[: LONGEST_TAIL + 1].count() > LONGEST_TAIL:
        raise IndexMissing
    key = _TailKey(corpus.owner_id, encoder.pk, encoder.dimensions, corpus.version)
    return CorpusIndex(snapshot, _tail(key, snapshot))


def _snapshot(owner_id: int, encoder: Encoder) -> index.Snapshot | None:
    return index.open_snapshot(folder(owner_id), key_of(encoder.pk), encoder.sha256)


def _snapshot_to_keep(corpus: Corpus, encoder: Encoder) -> index.Snapshot | None:
    """Open the snapshot unless it is ahead of its corpus, as after the restore of an older database."""
    snapshot = _snapshot(corpus.owner_id, encoder)
    return snapshot if snapshot is not None and snapshot.version <= corpus.version else None


def folder(owner_id: int) -> Path:
    """Return where the snapshots of a corpus lie."""
    return Path(settings.INDEX_DIR) / str(owner_id)


def key_of(encoder_id: int) -> str:
    """Name the snapshot of one network's vectors."""
    return f"encoder-{encoder_id}"


def _tail_rows(corpus: Corpus, encoder: Encoder, snapshot: index.Snapshot | None) -> EmbeddingQuerySet:
    return _newer(Embedding.objects.filter(owner=corpus.owner_id, encoder=encoder), snapshot)


def _newer(rows: EmbeddingQuerySet, snapshot: index.Snapshot | None) -> EmbeddingQuerySet:
    return rows if snapshot is None else rows.filter(version__gt=snapshot.version)


def open_snapshot(corpus: Corpus, encoder: Encoder) -> index.Snapshot | None:
    """Open the snapshot of what a network made of a corpus, if it is whole and not ahead of the corpus."""
    return _snapshot_to_keep(corpus, encoder)


def newer_than(owner_id: int, encoder_id: int, snapshot: index.Snapshot | None) -> EmbeddingQuerySet:
    """Return the embeddings that a snapshot doesn't hold; without one, all."""
    return _newer(Embedding.objects.filter(owner=owner_id, encoder=encoder_id), snapshot)


def read_batches(rows: EmbeddingQuerySet) -> Iterator[index.Batch]:
    """Read embeddings, some thousand at a time."""
    return _batches(rows)


@dataclass(frozen=True, slots=True)
class _TailKey:
    owner_id: int
    encoder_id: int
    dimensions: int
    version: int


@lru_cache(maxsize=4)
def _tail(key: _TailKey, snapshot: index.Snapshot | None) -> index.Tail:
    """Read and pack the tail once for each corpus version and snapshot."""
    rows = Embedding.objects.filter(owner=key.owner_id, encoder=key.encoder_id)
    nothing = index.Batch(np.empty(0, np.int64), np.empty((0, key.dimensions), np.float16))
    read = [nothing, *_batches(_newer(rows, snapshot))]
    ids = np.concatenate([batch.ids for batch in read])
    return index.encode_tail(snapshot, index.Batch(ids, np.concatenate([batch.embeddings for batch in read])))


def _batches(rows: EmbeddingQuerySet) -> Iterator[index.Batch]:
    ids: list[int] = []
    packed: list[bytes] = []
    for photo_id, embedding in rows.values_list("photo_id", "vector").iterator(ROWS_PER_BATCH):
        ids.append(photo_id)
        packed.append(bytes(embedding))
        if len(ids) == ROWS_PER_BATCH:
            yield _batch(ids, packed)
            ids, packed = [], []
    if ids:
        yield _batch(ids, packed)


def _batch(ids: list[int], packed: list[bytes]) -> index.Batch:
    return index.Batch(np.array(ids, np.int64), np.frombuffer(b"".join(packed), "<f2").reshape(len(ids), -1))


def is_due(corpus: Corpus, encoder: Encoder) -> bool:
    """Tell whether the tail has grown so long that compacting is worth it."""
    snapshot = _snapshot(corpus.owner_id, encoder)
    if snapshot is not None and snapshot.version > corpus.version:
        return True
    rows = _tail_rows(corpus, encoder, snapshot)
    due = TAIL_ROWS if snapshot is None else max(TAIL_ROWS, round(snapshot.count * TAIL_SHARE))
    return rows[:due].count() >= due


def compact(corpus: Corpus, encoder: Encoder) -> None:
    """Make a snapshot of what a network made of a corpus, up to the corpus's version of now.

    The version is settled before the rows are read: a row that changes meanwhile carries a later one and
    stays in the tail. Another process that is at the same index leaves nothing to do.
    """
    corpus.version = settled_version(corpus.owner_id)
    snapshot = _snapshot_to_keep(corpus, encoder)
    batches = _batches(_tail_rows(corpus, encoder, snapshot))
    try:
        if snapshot is None:
            index.build(
                folder(corpus.owner_id),
                key_of(encoder.pk),
                release_sha=encoder.sha256,
                version=corpus.version,
                dimensions=encoder.dimensions,
                batches=batches,
                projection=index_projection(installed_path(ENCODERS[encoder.name], settings.MODELS_DIR)),
            )
        else:
            gone = _gone(corpus, snapshot.ids())
            index.extend(snapshot, version=corpus.version, batches=batches, drop=gone)
    except index.BusyError:
        logger.info("index is being written elsewhere", extra={"owner": corpus.owner_id})


def _gone(corpus: Corpus, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    there = Photo.objects.owned_by(corpus.owner_id).values_list("id", flat=True)
    return np.setdiff1d(ids, np.fromiter(there.iterator(), np.int64))
