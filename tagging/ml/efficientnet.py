"""Write EfficientNet-Lite as an ONNX graph from its trained weights.

Architecture: Tan and Le, EfficientNet, ICML 2019, table 1; the Lite variant (no squeeze-and-excite, ReLU6,
stem and head not scaled) is described in tensorflow/tpu, models/official/efficientnet/lite/README.md.
The bytes are the same on every machine, so that a release can name the file by its hash.
"""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper

from tagging.ml.registry import EncoderSpec

IR_VERSION = 9
OPSET = 17
INPUT = "images"
EMBEDDING = "embedding"
LOGITS = "logits"
HEAD_WEIGHT = "_fc.weight"
HEAD_BIAS = "_fc.bias"
_BATCH_NORM_EPSILON = 1e-3
_WIDTH_DIVISOR = 8
_STEM_CHANNELS = 32


class WeightsMismatchError(Exception):
    """The weights are not those of the network that the spec describes."""


@dataclass(frozen=True, slots=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


# Table 1 of the paper, stages 2 to 8.
_STAGES = (
    _Stage(repeats=1, kernel=3, stride=1, expand=1, channels=16),
    _Stage(repeats=2, kernel=3, stride=2, expand=6, channels=24),
    _Stage(repeats=2, kernel=5, stride=2, expand=6, channels=40),
    _Stage(repeats=3, kernel=3, stride=2, expand=6, channels=80),
    _Stage(repeats=3, kernel=5, stride=1, expand=6, channels=112),
    _Stage(repeats=4, kernel=5, stride=2, expand=6, channels=192),
    _Stage(repeats=1, kernel=3, stride=1, expand=6, channels=320),
)


@dataclass(frozen=True, slots=True)
class _Block:
    kernel: int
    stride: int
    expand: int
    channels_in: int
    channels_out: int


@dataclass(slots=True)
class _Graph:
    """Nodes and initializers so far; `px` is the side of the feature map that the next layer sees."""

    weights: dict[str, NDArray[np.float32]]
    px: int
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: list[TensorProto] = field(default_factory=list)

    def constant(self, name: str, values: NDArray[np.float32] | np.float32) -> str:
        raw = values.astype("<f4").tobytes()
        self.initializers.append(helper.make_tensor(name, TensorProto.FLOAT, values.shape, raw, raw=True))
        return name

    def weight(self, name: str, shape: tuple[int, ...]) -> str:
        values = self.weights.pop(name, None)
        if values is None or values.shape != shape:
            found = "missing" if values is None else f"of shape {list(values.shape)}"
            raise WeightsMismatchError(f"Weight {name} should have shape {list(shape)} but is {found}.")
        return self.constant(name, values)

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def build_model(spec: EncoderSpec, weights: dict[str, NDArray[np.float32]]) -> bytes:
    """Write the network of `spec` as a serialized ONNX model.

    Input `images`: uint8 [n, px, px, 3], RGB, not normalised. Outputs: `embedding` float32
    [n, dimensions], the globally average-pooled features, and `logits` float32 [n, classes].
    Raises WeightsMismatchError when a weight is missing, left over or of another shape.
    """
    if spec.classes is None:
        raise WeightsMismatchError(f"{spec.name} has no classifier, so it is no EfficientNet-Lite.")
    graph = _Graph(dict(weights), spec.input_px)
    graph.constant("zero", np.float32(0))
    graph.constant("six", np.float32(6))
    x = _normalise(graph, spec)
    x = _conv(graph, x, "_conv_stem", "_bn0", _Conv(3, _STEM_CHANNELS, kernel=3, stride=2), "stem")
    for number, block in enumerate(_blocks(spec)):
        x = _inverted_bottleneck(graph, x, block, f"_blocks.{number}")
    last = _blocks(spec)[-1].channels_out
    x = _conv(graph, x, "_conv_head", "_bn1", _Conv(last, spec.dimensions, kernel=1), "features")
    x = graph.node("GlobalAveragePool", [x], "pooled")
    x = graph.node("Flatten", [x], EMBEDDING, axis=1)
    weight = graph.weight(HEAD_WEIGHT, (spec.classes, spec.dimensions))
    bias = graph.weight(HEAD_BIAS, (spec.classes,))
    graph.node("Gemm", [x, weight, bias], LOGITS, transB=1)
    if graph.weights:
        raise WeightsMismatchError(f"The network has no place for the weights {sorted(graph.weights)}.")
    model: bytes = _finish(graph, spec).SerializeToString(deterministic=True)
    return model


@dataclass(frozen=True, slots=True)
class _Conv:
    channels_in: int
    channels_out: int
    kernel: int
    stride: int = 1
    groups: int = 1
    relu6: bool = True


def _normalise(graph: _Graph, spec: EncoderSpec) -> str:
    """NHWC bytes to normalised NCHW; transposed as bytes, which are a quarter of the size of floats."""
    x = graph.node("Transpose", [INPUT], "planes", perm=[0, 3, 1, 2])
    x = graph.node("Cast", [x], "pixels", to=TensorProto.FLOAT)
    x = graph.node("Sub", [x, graph.constant("mean", np.float32(spec.mean))], "centred")
    return graph.node("Div", [x, graph.constant("scale", np.float32(spec.scale))], "normalised")


def _inverted_bottleneck(graph: _Graph, x: str, block: _Block, prefix: str) -> str:
    inner = block.channels_in * block.expand
    y = x
    if block.expand != 1:
        shape = _Conv(block.channels_in, inner, kernel=1)
        y = _conv(graph, y, f"{prefix}._expand_conv", f"{prefix}._bn0", shape, f"{prefix}.expand")
    shape = _Conv(inner, inner, block.kernel, block.stride, groups=inner)
    y = _conv(graph, y, f"{prefix}._depthwise_conv", f"{prefix}._bn1", shape, f"{prefix}.depthwise")
    shape = _Conv(inner, block.channels_out, kernel=1, relu6=False)
    y = _conv(graph, y, f"{prefix}._project_conv", f"{prefix}._bn2", shape, f"{prefix}.project")
    if block.stride == 1 and block.channels_in == block.channels_out:
        y = graph.node("Add", [y, x], f"{prefix}.sum")
    return y


def _conv(graph: _Graph, x: str, conv_name: str, norm_name: str, conv: _Conv, output: str) -> str:
    """Convolution, batch norm (kept: ONNX Runtime folds it in exactly as well) and, if asked, ReLU6."""
    shape = (conv.channels_out, conv.channels_in // conv.groups, conv.kernel, conv.kernel)
    y = graph.node(
        "Conv",
        [x, graph.weight(f"{conv_name}.weight", shape)],
        f"{output}.conv",
        kernel_shape=[conv.kernel, conv.kernel],
        strides=[conv.stride, conv.stride],
        group=conv.groups,
        pads=_same_padding(graph.px, conv),
    )
    graph.px = ceil(graph.px / conv.stride)
    parts = [
        graph.weight(f"{norm_name}.{part}", (conv.channels_out,))
        for part in ("weight", "bias", "running_mean", "running_var")
    ]
    y = graph.node("BatchNormalization", [y, *parts], f"{output}.norm", epsilon=_BATCH_NORM_EPSILON)
    if not conv.relu6:
        return y
    return graph.node("Clip", [y, "zero", "six"], output)


def _same_padding(px: int, conv: _Conv) -> list[int]:
    """TensorFlow's SAME: output ceil(px / stride), the odd pixel at the end. [top, left, bottom, right]."""
    total = max((ceil(px / conv.stride) - 1) * conv.stride + conv.kernel - px, 0)
    before, after = total // 2, total - total // 2
    return [before, before, after, after]


def _blocks(spec: EncoderSpec) -> list[_Block]:
    blocks: list[_Block] = []
    channels = _STEM_CHANNELS
    for stage in _STAGES:
        # Lite scales the depth of no stage next to the unscaled stem and head.
        fixed = stage in (_STAGES[0], _STAGES[-1])
        repeats = stage.repeats if fixed else ceil(spec.network.depth * stage.repeats)
        for repeat in range(repeats):
            channels_out = _scaled_width(stage.channels, spec.network.width)
            stride = stage.stride if repeat == 0 else 1
            blocks.append(_Block(stage.kernel, stride, stage.expand, channels, channels_out))
            channels = channels_out
    return blocks


def _scaled_width(channels: int, multiplier: float) -> int:
    """Round to a multiple of 8 without losing more than a tenth (Sandler et al., MobileNetV2, 2018)."""
    scaled = channels * multiplier
    rounded = max(_WIDTH_DIVISOR, int(scaled + _WIDTH_DIVISOR / 2) // _WIDTH_DIVISOR * _WIDTH_DIVISOR)
    return rounded + _WIDTH_DIVISOR if rounded < 0.9 * scaled else rounded


def _finish(graph: _Graph, spec: EncoderSpec) -> ModelProto:
    image = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", spec.input_px, spec.input_px, 3])
    outputs = [
        helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, ["n", spec.dimensions]),
        helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["n", spec.classes]),
    ]
    body = helper.make_graph(graph.nodes, spec.name, [image], outputs, graph.initializers)
    model = helper.make_model(
        body,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="magicroll",
        producer_version=str(spec.version),
    )
    checker.check_model(model)
    return model
