"""Trained heads: from a stored embedding and its class logits to calibrated tag probabilities.

A tag's logit is linear in the embedding (of length 1), in the square roots of the class probabilities, and in the
logit of the rolled-up probability of the tag's own classes; calibration is folded into these numbers.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagging.ml.halves import widen

Float32 = NDArray[np.float32]

FORMAT = 1
_FLOOR = 1e-5  # rolled-up probabilities are cut to [floor, 1 - floor] before the logit is taken
_CHUNK = 1024  # rows at a time: what is worked on stays in the processor's cache
# BLAS multiplies small matrices (up to 1e6 products) in another order, and rows would differ in the last bit.
_MIN_ROWS = 32


class HeadsError(ValueError):
    """Heads that are damaged, or were trained for another encoder."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """Weights by tag, in the vocabulary's order, trained for the encoder with this hash.

    embedding: float16 [d, n_tags]; classes: float16 [n_classes, n_tags]; rolled, bias: float32 [n_tags].
    """

    encoder: str
    encoder_sha256: str
    embedding: NDArray[np.float16]
    classes: NDArray[np.float16]
    rolled: Float32
    bias: Float32

    def __post_init__(self) -> None:
        n = len(self.bias)
        shapes = self.embedding.shape[1:], self.classes.shape[1:], self.rolled.shape
        if self.bias.ndim != 1 or shapes != ((n,), (n,), (n,)):
            raise HeadsError(f"The heads' parts do not fit together: {shapes} for {n} tags.")
        parts = (self.embedding, self.classes, self.rolled, self.bias)
        if not all(np.isfinite(part).all() for part in parts):
            raise HeadsError("The heads hold numbers that are none.")

    def check_fits(self, encoder_sha256: str) -> None:
        """Raise HeadsError unless these heads were trained for the encoder with this hash."""
        if encoder_sha256 != self.encoder_sha256:
            raise HeadsError(
                f"These heads were trained for {self.encoder} ({self.encoder_sha256[:12]}) "
                f"and not for the encoder {encoder_sha256[:12]}."
            )

    def to_facts(self) -> dict[str, object]:
        """Return what `from_facts` reads, as values that JSON has; arrays in base64, little-endian."""
        return {
            "format": FORMAT,
            "encoder": self.encoder,
            "encoder_sha256": self.encoder_sha256,
            "embedding": _packed(self.embedding, "<f2"),
            "classes": _packed(self.classes, "<f2"),
            "rolled": _packed(self.rolled, "<f4"),
            "bias": _packed(self.bias, "<f4"),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Heads":
        """Read heads; raises HeadsError where they are damaged or of a later format."""
        try:
            if facts["format"] != FORMAT:
                raise HeadsError(f"Heads of format {facts['format']} can't be read here.")
            bias = _unpacked(facts["bias"], "<f4").astype(np.float32)
            return cls(
                str(facts["encoder"]),
                str(facts["encoder_sha256"]),
                _unpacked(facts["embedding"], "<f2").reshape(-1, len(bias)).astype(np.float16),
                _unpacked(facts["classes"], "<f2").reshape(-1, len(bias)).astype(np.float16),
                _unpacked(facts["rolled"], "<f4").astype(np.float32),
                bias,
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, HeadsError):
                raise
            raise HeadsError(f"The heads are damaged: {error!r}") from error


@dataclass(frozen=True, slots=True, eq=False)
class HeadScorer:
    """Heads made ready for use. membership: float32 [n_classes, n_tags] of 0 and 1, as a vocabulary rolls up."""

    embedding: Float32
    classes: Float32
    membership: Float32
    rolled: Float32
    bias: Float32

    @classmethod
    def of(cls, heads: Heads, membership: Float32) -> "HeadScorer":
        """Widen heads to float32. Raises HeadsError where they do not fit the vocabulary."""
        if heads.classes.shape != membership.shape:
            raise HeadsError(
                f"The heads have shape {list(heads.classes.shape)} and the vocabulary {list(membership.shape)}."
            )
        return cls(
            heads.embedding.astype(np.float32),
            heads.classes.astype(np.float32),
            membership,
            heads.rolled,
            heads.bias,
        )

    def probabilities(self, embeddings: NDArray[np.float16], logits: Float32) -> Float32:
        """Compute calibrated probabilities: float16 [n, d], float32 [n, n_classes] to float32 [n, n_tags].

        A row's result does not depend on the other rows, but for the last bit on processors whose kernels sum a row
        in another order by its place (OpenBLAS's for Haswell: up to 5e-7); scores are stored with 11 bits.
        """
        if (
            embeddings.shape != (len(logits), len(self.embedding))
            or logits.shape[1:] != self.classes.shape[:1]
        ):
            raise HeadsError(f"Embeddings {list(embeddings.shape)} do not fit logits {list(logits.shape)}.")
        result = np.empty((len(logits), len(self.bias)), np.float32)
        for start in range(0, len(logits), _CHUNK):
            rows = slice(start, start + _CHUNK)
            result[rows] = self._few(embeddings[rows], logits[rows])
        return result

    def _few(self, embeddings: NDArray[np.float16], logits: Float32) -> Float32:
        """Fill a short chunk up with null rows."""
        missing = max(0, _MIN_ROWS - len(logits))
        if missing == 0:
            return self._some(embeddings, logits)
        padding = ((0, missing), (0, 0))
        return self._some(np.pad(embeddings, padding), np.pad(logits, padding))[:-missing]

    def _some(self, embeddings: NDArray[np.float16], logits: Float32) -> Float32:
        x = widen(embeddings)
        length = np.sqrt(np.einsum("ij,ij->i", x, x))
        score = x @ self.embedding
        score /= np.maximum(length, _FLOOR)[:, None]
        # Square roots of the probabilities first, up to a factor: one exponential does for both.
        root = logits - logits.max(axis=1, keepdims=True)
        root *= 0.5
        np.exp(root, out=root)
        total = np.einsum("ij,ij->i", root, root)[:, None]
        score += (root @ self.classes) / np.sqrt(total)
        np.square(root, out=root)
        rolled = np.clip((root @ self.membership) / total, _FLOOR, 1.0 - _FLOOR)
        score += self.rolled * np.log(rolled / (1.0 - rolled))
        score += self.bias
        result: Float32 = 1.0 / (1.0 + np.exp(-np.clip(score, -60.0, 60.0)))
        return result


def _packed(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values.astype(kind)).tobytes()).decode()


def _unpacked(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), kind)
