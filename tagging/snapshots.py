"""A corpus's similarity index: the snapshot on disk, and the tail of annotations newer than it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from django.conf import settings

from tagging import index
from tagging.models import Annotation, Corpus

ROWS_PER_BATCH = 4096
TAIL_ROWS = 500  # searched exactly in about 10 ms; beyond it (or 2 %) the index is compacted
TAIL_SHARE = 50


def folder(corpus: Corpus) -> Path:
    """Return where this machine keeps the snapshots of a corpus."""
    return settings.INDEX_DIR / str(corpus.owner_id)


def key(corpus: Corpus) -> str:
    """Name the snapshot of the corpus's active release."""
    return f"release-{corpus.active_id}"


def opened(corpus: Corpus) -> "index.Snapshot | None":
    """Open the snapshot; None if there is none that is whole and of this release."""
    return index.open_snapshot(folder(corpus), key(corpus), corpus.active.encoder_sha256)


def tail_rows(corpus: Corpus, snapshot: "index.Snapshot | None"):
    """Return the annotations that a snapshot doesn't know."""
    rows = Annotation.objects.seen_in(corpus)
    return rows if snapshot is None else rows.filter(version__gt=snapshot.version)


def batches(rows) -> "Iterator[index.Batch]":
    """Read (photo ids int64 [b], embeddings float16 [b, d]) in batches."""
    ids, vectors = [], []
    for photo_id, embedding in rows.values_list("photo_id", "embedding").iterator(ROWS_PER_BATCH):
        ids.append(photo_id)
        vectors.append(np.frombuffer(embedding, "<f2"))
        if len(ids) == ROWS_PER_BATCH:
            yield index.Batch(np.array(ids, np.int64), np.stack(vectors))
            ids, vectors = [], []
    if ids:
        yield index.Batch(np.array(ids, np.int64), np.stack(vectors))
