"""Every photo of an index under one linear function: all products, where a search would give the best few."""

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from tagging.index.vectors import Batch, Codes, Ids, as_codes, encode

_BLOCK = 1024  # rows; as float32 they stay in a processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Photo ids int64 [n] and their codes, uint8 [n, 2 * d]."""

    ids: Ids
    codes: Codes


def part_of(batch: Batch, projection: NDArray[np.float32] | None) -> Part:
    """Encode stored embeddings as the index does. Raises what `encode` raises."""
    return Part(batch.ids, as_codes(encode(batch.embeddings, projection)))


def features(codes: Codes) -> NDArray[np.float32]:
    """Return the numbers behind codes uint8 [n, 2 * d]: float32 [n, d]."""
    return codes.view("<f2").astype(np.float32)


def products(codes: Codes, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply each photo's features by weights float32 [d]: float32 [n].

    A row's product is the same to the last bit whatever rows stand beside it, which BLAS doesn't promise.
    """
    n, d = len(codes), len(weights)
    if codes.shape[1] != 2 * d:
        raise ValueError(f"{d} weights don't fit codes of {codes.shape[1]} bytes.")
    found = np.empty(n, np.float32)
    # FAISS decodes float16 several times as fast as NumPy.
    half = faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    faiss.omp_set_num_threads(1)
    for start in range(0, n, _BLOCK):
        rows = half.sa_decode(np.ascontiguousarray(codes[start : start + _BLOCK]))
        found[start : start + _BLOCK] = np.einsum("ij,j->i", rows, weights)
    return found
