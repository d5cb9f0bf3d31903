"""Average precision, precision and recall, and calibration. Pure.

`truth` is int8: 1 present, 0 absent, -1 nobody knows; cells that nobody knows count nowhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Truth = NDArray[np.int8]

N_BINS = 10


@dataclass(frozen=True, slots=True)
class Counts:
    """How shown tags and the truth met."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float | None:
        """Share of what was shown that is right; None where nothing was shown."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """Share of what is there that was shown; None where nothing is there."""
        return self.right / (self.right + self.missed) if self.right + self.missed else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Cells whose probability lies in one tenth: how many, what was said of them, how many are so."""

    n: int
    said: float
    so: float


def average_precision(scores: Float32, truth: Truth) -> float | None:
    """Mean of the precision at each positive, equal scores counted together; None without a positive.

    scores, truth: [n]. The definition is that of sum (R_k - R_k-1) P_k over distinct scores
    (Manning, Raghavan, Schuetze, Introduction to Information Retrieval, 2008, section 8.4).
    """
    known = truth >= 0
    scores, present = scores[known], truth[known] == 1
    n_positive = int(present.sum())
    if n_positive == 0:
        return None
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(present[order])
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # of each run of equal scores
    precision = hits[last] / (last + 1)
    gained = np.diff(hits[last], prepend=0)
    return float((precision * gained).sum() / n_positive)


def count(shown: NDArray[np.bool_], truth: Truth) -> Counts:
    """Count right, wrong and missed over all known cells; arrays of one shape."""
    if shown.shape != truth.shape:
        raise ValueError(f"{shown.shape} shown, but {truth.shape} known")
    return Counts(
        right=int((shown & (truth == 1)).sum()),
        wrong=int((shown & (truth == 0)).sum()),
        missed=int((~shown & (truth == 1)).sum()),
    )


def reliability(scores: Float32, truth: Truth, n_bins: int = N_BINS) -> list[Bin]:
    """Sort the known cells into equal bins of probability; empty ones have n 0."""
    known = truth >= 0
    said, so = scores[known].astype(np.float64), truth[known] == 1
    place = np.minimum((said * n_bins).astype(int), n_bins - 1)
    n = np.bincount(place, minlength=n_bins)
    sums = np.bincount(place, said, n_bins), np.bincount(place, so, n_bins)
    return [
        Bin(int(k), float(s / k) if k else 0.0, float(t / k) if k else 0.0)
        for k, s, t in zip(n, *sums, strict=True)
    ]


def calibration_error(bins: list[Bin]) -> float | None:
    """Expected calibration error (Naeini, Cooper, Hauskrecht, AAAI 2015); None without a cell."""
    n = sum(one.n for one in bins)
    return sum(one.n * abs(one.said - one.so) for one in bins) / n if n else None


def wilson(right: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Bound a share by Wilson's score interval (JASA 22, 1927): (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    share, spread = right / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * float(np.sqrt(share * (1 - share) / n + spread / (4 * n)))
    return max(0.0, centre - half), min(1.0, centre + half)
