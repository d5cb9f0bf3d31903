"""The 1,000 classes of ILSVRC-2012 by name, and which of them speak for a tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

NAMES = "imagenet-classes.txt"  # and imagenet-classes.*.txt for other languages
_LEAST = 0.01  # less likely classes say nothing


@dataclass(frozen=True, slots=True)
class ClassSeen:
    """A class of the network and its probability, 0..1."""

    name: str
    probability: float

    @property
    def percent(self) -> int:
        return round(self.probability * 100)


@cache
def class_names(language: str = "") -> tuple[str, ...]:
    """Return the classes in the order of the network's outputs, in English where a language has no names."""
    data = resources.files("tagging") / "data"
    file = data / NAMES.replace(".txt", f".{language}.txt")
    return tuple((file if language and file.is_file() else data / NAMES).read_text("utf-8").splitlines())


def strongest(
    logits: NDArray[np.float32], weights: NDArray[np.float32], names: Sequence[str], most: int = 4
) -> list[ClassSeen]:
    """Return the likely classes that speak for a tag, the strongest first.

    logits: float32 [1000]; weights: float32 [1000], of the square root of each class's probability; names: of the
    classes, in order.
    """
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = shifted / shifted.sum()
    says = np.where(probabilities >= _LEAST, weights * np.sqrt(probabilities), 0.0)
    order = np.argsort(-says, kind="stable")[:most]
    return [ClassSeen(names[k], float(probabilities[k])) for k in order.tolist() if says[k] > 0.0]
