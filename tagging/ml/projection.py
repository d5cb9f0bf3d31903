"""A projection for the similarity index, taken from an encoder's own weights; no photos are needed.

The embedding is the average of ReLU6(BN(H f)) over the picture, so embeddings lie close to the space that
the columns of the last convolution H (scaled by its batch norm) span, and the direction of their mean,
which the batch norm's shift tells. docs/adr/0002-stored-vector-and-index.md has the measurements.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from onnx import numpy_helper

INDEX_DIMENSIONS = 256
_HEAD = "_conv_head.weight"
_SCALE, _SHIFT, _VARIANCE = "_bn1.weight", "_bn1.bias", "_bn1.running_var"
_EPSILON = 1e-3  # of the batch norm, as in tagging/ml/efficientnet.py
_MEAN_WEIGHT = 10.0  # keeps the mean direction first; 3 to 30 give the same neighbours
_QUADRATURE_POINTS = 32


@lru_cache(maxsize=4)
def index_projection(model: Path, dimensions: int = INDEX_DIMENSIONS) -> NDArray[np.float32] | None:
    """Return the projection float32 [embedding, dimensions] for an encoder file, orthonormal columns.

    None if the network doesn't end as an EfficientNet-Lite does; the index then holds full vectors.
    About a second; machines agree to rounding, and a snapshot carries the one that it was built with.
    """
    graph = onnx.load(model).graph
    wanted = (_HEAD, _SCALE, _SHIFT, _VARIANCE)
    found = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.name in wanted}
    if len(found) < len(wanted):
        return None
    return head_projection(
        found[_HEAD][:, :, 0, 0], found[_SCALE], found[_SHIFT], found[_VARIANCE], dimensions
    )


def head_projection(
    head: NDArray[np.float32],
    scale: NDArray[np.float32],
    shift: NDArray[np.float32],
    variance: NDArray[np.float32],
    dimensions: int,
) -> NDArray[np.float32]:
    """Return the strongest left singular vectors of [batch-normed head | expected embedding].

    head: [embedding, channels]; scale, shift, variance: the batch norm's, [embedding]. Raises ValueError
    for more dimensions than channels.
    """
    if dimensions > head.shape[1]:
        raise ValueError(f"The network spans {head.shape[1]} dimensions only.")
    spanned = head.astype(np.float64) * (scale / np.sqrt(variance + _EPSILON))[:, None]
    columns = np.column_stack([spanned, _MEAN_WEIGHT * _expected(scale, shift)])
    basis = np.linalg.svd(columns, full_matrices=False)[0][:, :dimensions]
    largest = np.abs(basis).argmax(axis=0)
    result: NDArray[np.float32] = (basis * np.sign(basis[largest, range(dimensions)])).astype(np.float32)
    return result


def _expected(scale: NDArray[np.float32], shift: NDArray[np.float32]) -> NDArray[np.float64]:
    """E[ReLU6(z)] of z normal with the batch norm's shift and scale, by Gauss-Hermite quadrature."""
    points, weights = hermegauss(_QUADRATURE_POINTS)
    z = shift.astype(np.float64)[:, None] + np.abs(scale.astype(np.float64))[:, None] * points
    expected: NDArray[np.float64] = np.clip(z, 0, 6) @ weights / weights.sum()
    return expected
