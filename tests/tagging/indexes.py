"""What the tests of the similarity index share."""

from pathlib import Path

import numpy as np

from tagging import index

D = 24
RNG = np.random.default_rng(2)


def some(n: int, start: int = 1, d: int = D) -> index.Batch:
    return index.Batch(np.arange(start, start + n), RNG.random((n, d)).astype(np.float16))


def built(folder: Path, batch: index.Batch, version: int = 1, **more: object) -> index.Snapshot:
    settings = {"release_sha": "sha-a", "dimensions": batch.embeddings.shape[1]} | more
    return index.build(folder, "release-1", version=version, batches=[batch], **settings)


def opened(folder: Path, release: str = "sha-a") -> index.Snapshot | None:
    return index.open_snapshot(folder, "release-1", release)
