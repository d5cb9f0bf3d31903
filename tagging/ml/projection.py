"""A projection for the similarity index, taken from an encoder's own weights; no photos are needed.

The embedding is the average of ReLU6(BN(H f)) over the picture, with fewer channels in f than in the
embedding: embeddings lie close to the space that the columns of H, scaled by the batch norm, span. Its
strongest directions keep neighbours as well as a PCA learnt from photos does
(docs/adr/0002-stored-vector-and-index.md).
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

INDEX_DIMENSIONS = 256
_HEAD, _SCALE, _VARIANCE = "_conv_head.weight", "_bn1.weight", "_bn1.running_var"
_EPSILON = 1e-3  # of the batch norm, as in tagging/ml/efficientnet.py


@lru_cache(maxsize=4)
def index_projection(model: Path, dimensions: int = INDEX_DIMENSIONS) -> NDArray[np.float32] | None:
    """Return the projection float32 [embedding, dimensions] for an encoder file, orthonormal columns.

    None if the network doesn't end as an EfficientNet-Lite does; the index then holds full vectors.
    Machines agree to rounding, and a snapshot carries the projection that it was built with.
    """
    graph = onnx.load(model).graph
    wanted = (_HEAD, _SCALE, _VARIANCE)
    found = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.name in wanted}
    if len(found) < len(wanted):
        return None
    return head_projection(found[_HEAD][:, :, 0, 0], found[_SCALE], found[_VARIANCE], dimensions)


def head_projection(
    head: NDArray[np.float32], scale: NDArray[np.float32], variance: NDArray[np.float32], dimensions: int
) -> NDArray[np.float32]:
    """Return the strongest left singular vectors of the batch-normed head: float32 [embedding, dimensions].

    head: [embedding, channels]; scale, variance: the batch norm's, [embedding]. Each column's largest entry
    is positive. Raises ValueError for more dimensions than channels.
    """
    if dimensions > head.shape[1]:
        raise ValueError(f"The network spans {head.shape[1]} dimensions only.")
    spanned = head.astype(np.float64) * (scale / np.sqrt(variance + _EPSILON))[:, None]
    basis = np.linalg.svd(spanned, full_matrices=False)[0][:, :dimensions]
    largest = np.abs(basis).argmax(axis=0)
    result: NDArray[np.float32] = (basis * np.sign(basis[largest, range(dimensions)])).astype(np.float32)
    return result
