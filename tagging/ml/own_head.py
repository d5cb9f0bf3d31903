"""A head for one person's own tag: fitted from a few of their photos, in milliseconds. Pure NumPy.

It looks at photos as the similarity index does (tagging/index/vectors.py): normalised, projected, normalised again
and rounded to float16. So a scan of the index needs no second look, and a head is some hundred numbers.

The fit is logistic regression with a ridge penalty, around the middle of the photos nobody has judged:

    minimise  sum_i c_i log(1 + exp(-t_i (w (x_i - m) / s + b)))  +  PENALTY / 2 |w|^2

x_i: a photo's features; t_i: +1 confirmed, -1 rejected or unjudged; m: mean of the unjudged sample; s: its mean
distance from m. The confirmed weigh 1 together; so do the others, of which a rejected photo weighs
REJECTED times what an unjudged one does: unlabelled does not mean absent, and a few of the unjudged do show the
thing. With one confirmed photo and none rejected this is the prototype's direction, away from the middle. Solved by
Newton's method in float64 (Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2nd ed., 4.4.1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

PENALTY = 0.1
REJECTED = 20.0  # weight of a photo that a person rejected, beside one that nobody has judged
STEPS = 25
LIMIT = 0.9999  # the highest score
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class OwnHead:
    """logit = x @ weights + bias; weights: float32 [d]."""

    weights: Float32
    bias: np.float32


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Features, float32 [n, d] each: what a person confirmed, rejected, and a sample that nobody judged."""

    confirmed: Float32
    rejected: Float32
    unjudged: Float32


def fit(examples: Examples) -> OwnHead:
    """Fit a head. The same examples give the same head. Raises ValueError without a confirmed photo.

    Promised of the examples themselves, but for the bias's small penalty: the mean score of the confirmed and the
    weighted mean of the others add up to 1 (the slope along the bias is 0), and the confirmed have the larger half
    (else no weights at all would cost less). Of other photos the order is what counts: with one confirmed photo,
    others of the same thing come first, and may all stay below 0.5.
    """
    if not len(examples.confirmed):
        raise ValueError("A head needs at least one confirmed photo.")
    parts = (examples.confirmed, examples.rejected, examples.unjudged)
    x = np.concatenate(parts).astype(np.float64)
    middle, spread = _middle(examples)
    z = np.hstack([(x - middle) / spread, np.ones((len(x), 1))])
    target = np.concatenate([np.ones(len(parts[0])), np.zeros(len(x) - len(parts[0]))])
    w = _newton(z, target, _weights(*map(len, parts)))
    weights = (w[:-1] / spread).astype(np.float32)
    return OwnHead(weights, np.float32(w[-1] - middle @ (w[:-1] / spread)))


def _middle(examples: Examples) -> tuple[Float64, float]:
    others = (
        examples.unjudged
        if len(examples.unjudged)
        else np.concatenate([examples.confirmed, examples.rejected])
    )
    x = others.astype(np.float64)
    middle = x.mean(axis=0)
    spread = float(np.linalg.norm(x - middle, axis=1).mean())
    return middle, spread or 1.0


def _weights(confirmed: int, rejected: int, unjudged: int) -> Float64:
    against = np.concatenate([np.full(rejected, REJECTED), np.ones(unjudged)])
    if len(against):
        against /= against.sum()
    return np.concatenate([np.full(confirmed, 1 / confirmed), against])


def _newton(z: Float64, target: Float64, weights: Float64) -> Float64:
    """Minimise; the bias is penalised too, hardly, so that there is one answer without a negative."""
    penalty = np.full(z.shape[1], PENALTY)
    penalty[-1] = 1e-3
    w = np.zeros(z.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ w, -60, 60)))
        slope = z.T @ (weights * (p - target)) + penalty * w
        bend = (z * (weights * p * (1 - p))[:, None]).T @ z
        bend[np.diag_indices_from(bend)] += penalty
        step = np.linalg.solve(bend, slope)
        w -= step
        if np.abs(step).max() < _CLOSE:
            break
    return w


def probabilities(products: Float32, bias: float) -> Float64:
    """Turn products of features and weights, float32 [n], into scores in [0, LIMIT], to four decimals.

    So coarse that no rounding on the way shows, and never 1, which is what a person says.
    """
    logits = products.astype(np.float64) + bias
    scores: Float64 = np.round(1 / (1 + np.exp(-np.clip(logits, -60, 60))), 4)
    return np.minimum(scores, LIMIT)
