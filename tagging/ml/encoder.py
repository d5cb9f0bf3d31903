"""An installed encoder: pixels to embeddings, and embeddings to class logits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from tagging.ml.efficientnet import EMBEDDING, HEAD_BIAS, HEAD_WEIGHT, INPUT
from tagging.ml.halves import widen
from tagging.ml.install import installed_path
from tagging.ml.registry import EncoderSpec
from tagging.ml.session import open_session


class ShapeError(ValueError):
    """Images or embeddings that do not fit the encoder."""


class InferenceError(Exception):
    """The runtime or its device failed on well-formed images."""


@dataclass(frozen=True, slots=True)
class ClassifierHead:
    """The network's last, linear layer: weight float32 [classes, d], bias float32 [classes]."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, embeddings: NDArray[np.float16]) -> NDArray[np.float32]:
        """Compute class logits from stored embeddings: float16 [n, d] to float32 [n, classes].

        It takes what is stored and not what the network gave, so that tagging a photo and scoring its stored
        embedding years later are one computation.
        """
        if (
            embeddings.ndim != 2
            or embeddings.shape[1] != self.weight.shape[1]
            or embeddings.dtype != np.float16
        ):
            raise ShapeError(
                f"Embeddings must be float16 [n, {self.weight.shape[1]}], "
                f"not {embeddings.dtype} {list(embeddings.shape)}."
            )
        logits: NDArray[np.float32] = widen(embeddings) @ self.weight.T
        logits += self.bias
        return logits


@dataclass(frozen=True, slots=True)
class Encoder:
    """A spec, its open session, and its classifier. Threads may share it; processes may not."""

    spec: EncoderSpec
    session: ort.InferenceSession
    head: ClassifierHead

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute embeddings: uint8 [n, px, px, 3], RGB, to float32 [n, d], not normalised.

        Raises ShapeError, InferenceError.
        """
        px = self.spec.input_px
        if images.ndim != 4 or images.shape[1:] != (px, px, 3) or images.dtype != np.uint8:
            raise ShapeError(
                f"Images must be uint8 [n, {px}, {px}, 3], not {images.dtype} {list(images.shape)}."
            )
        if len(images) == 0:
            return np.empty((0, self.spec.dimensions), np.float32)
        try:
            embeddings: NDArray[np.float32] = self.session.run([EMBEDDING], {INPUT: images})[0]
        except Exception as error:
            raise InferenceError(str(error)) from error
        return embeddings


def open_encoder(spec: EncoderSpec, models_dir: Path, provider: str = "auto", threads: int = 1) -> Encoder:
    """Open an installed encoder in this process, after any fork.

    provider, threads: see open_session. Raises NotInstalled, ProviderError.
    """
    path = installed_path(spec, models_dir)
    return Encoder(spec, open_session(path, provider, threads), read_head(path))


def read_head(path: Path) -> ClassifierHead:
    """Read the classifier's weights out of an encoder's ONNX file, without a session."""
    tensors = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    weight, bias = (onnx.numpy_helper.to_array(tensors[name]) for name in (HEAD_WEIGHT, HEAD_BIAS))
    return ClassifierHead(weight, bias)
