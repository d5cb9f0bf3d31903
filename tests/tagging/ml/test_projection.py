"""The projection of the similarity index, taken from an encoder's weights."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tagging.ml.projection import head_projection, index_projection

RNG = np.random.default_rng(5)


def layer(d: int = 60, channels: int = 12) -> list[np.ndarray]:
    head, scale = (RNG.standard_normal(shape).astype(np.float32) for shape in ((d, channels), d))
    return [head, scale, RNG.random(d).astype(np.float32) + 0.5]


def test_columns_are_orthonormal() -> None:
    projection = head_projection(*layer(), 8)
    assert projection.dtype == np.float32
    np.testing.assert_allclose(projection.T @ projection, np.eye(8), atol=1e-5)


def test_embeddings_in_the_span_keep_their_cosines() -> None:
    head, scale, variance = layer()
    projection = head_projection(head, scale, variance, 12)
    mixed = RNG.random((20, 12)) @ (head * (scale / np.sqrt(variance + 1e-3))[:, None]).T
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    np.testing.assert_allclose((mixed @ projection) @ (mixed @ projection).T, mixed @ mixed.T, atol=1e-5)


def test_a_rounding_difference_in_the_weights_does_not_turn_it() -> None:
    head, *norm = layer()
    nudged = head + np.float32(1e-7)
    np.testing.assert_allclose(head_projection(head, *norm, 8), head_projection(nudged, *norm, 8), atol=1e-4)


def test_it_has_no_more_dimensions_than_the_network() -> None:
    with pytest.raises(ValueError, match="12 dimensions"):
        head_projection(*layer(), 13)


def saved(path: Path, **weights: np.ndarray) -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    onnx.save(helper.make_model(helper.make_graph(nodes, "tiny", [x], [y], constants)), path)
    return path


def test_it_is_read_from_an_encoder_file(tmp_path: Path) -> None:
    head, scale, variance = layer()
    weights = {
        "_conv_head.weight": head[:, :, None, None],
        "_bn1.weight": scale,
        "_bn1.running_var": variance,
    }
    found = index_projection(saved(tmp_path / "lite.onnx", **weights), 8)
    np.testing.assert_array_equal(found, head_projection(head, scale, variance, 8))


def test_another_kind_of_network_has_none(tmp_path: Path) -> None:
    assert index_projection(saved(tmp_path / "other.onnx", weight=np.ones(3, np.float32))) is None
