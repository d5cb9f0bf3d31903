"""Embeddings as the index holds them: projected, L2-normalised, float16."""

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Codes = NDArray[np.uint8]  # [n, 2 * dimensions]: float16 as FAISS's scalar quantizer stores it
FloatArray = NDArray[np.float16] | NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Photo ids int64 [n], each once, and their stored embeddings float16 [n, d], not normalised."""

    ids: Ids
    embeddings: NDArray[np.float16]


def new_index(dimensions: int) -> faiss.IndexIDMap:
    """Make an empty index: exact inner product over float16 vectors, int64 photo ids."""
    half = faiss.IndexScalarQuantizer(dimensions, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexIDMap(half)


def encode(embeddings: FloatArray, projection: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Normalise, project (float32 [d, p]) and normalise again: float32 [n, d or p], rows of length 1 or 0.

    Raises ValueError for an embedding that is not finite or of other dimensions than the projection.
    """
    x = embeddings.astype(np.float32)
    if not np.isfinite(x).all():
        raise ValueError("An embedding holds numbers that are not finite.")
    x = _normalised(x)
    if projection is None:
        return x
    if x.shape[1] != projection.shape[0]:
        raise ValueError(f"Embeddings have {x.shape[1]} dimensions, not {projection.shape[0]}.")
    return _normalised(x @ projection)


def as_codes(x: NDArray[np.float32]) -> Codes:
    """Round to the nearest float16; FAISS's own encoder rounds some values the other way."""
    return np.ascontiguousarray(x.astype("<f2")).view(np.uint8)


def check_batch(batch: Batch) -> None:
    """Raise ValueError unless ids and embeddings have the promised types and fit each other."""
    if batch.ids.dtype != np.int64 or batch.embeddings.dtype != np.float16:
        raise ValueError(f"Expected int64 and float16, not {batch.ids.dtype} and {batch.embeddings.dtype}.")
    if batch.embeddings.ndim != 2 or batch.ids.shape != batch.embeddings.shape[:1]:
        raise ValueError(f"Shapes {batch.ids.shape} and {batch.embeddings.shape} don't fit.")


def has_duplicates(ids: Ids) -> bool:
    """Tell whether an id is there twice."""
    return len(np.unique(ids)) != len(ids)


def _normalised(x: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    result: NDArray[np.float32] = np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)
    return result
