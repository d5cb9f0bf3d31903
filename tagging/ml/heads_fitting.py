"""Fit linear heads with a penalised logistic loss: all tags at once, in NumPy alone.

The optimiser is Nesterov's accelerated gradient with the constant step 1 / L that the loss's curvature allows
(Nesterov, Introductory Lectures on Convex Optimization, 2004, section 2.2) and the restart of O'Donoghue and
Candes, Adaptive Restart for Accelerated Gradient Schemes, 2015.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_CURVATURE = 0.25  # the most that the logistic loss bends
_POWER_STEPS = 30


@dataclass(frozen=True, slots=True, eq=False)
class LinearHeads:
    """logit = x @ weight + bias. weight: float32 [d, n_tags], bias: float32 [n_tags]."""

    weight: Float32
    bias: Float32


def normalise(embeddings: NDArray[np.float16] | Float32) -> Float32:
    """Scale embeddings [n, d] to length 1; a null vector stays what it is."""
    x: Float32 = embeddings.astype(np.float32)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
    return x


def fit_heads(
    x: Float32,
    targets: Float32,
    weights: Float32,
    penalty: float,
    steps: int = 300,
    offset: Float32 | None = None,
) -> LinearHeads:
    """Minimise the weighted logistic loss of each tag plus penalty / 2 * |w|^2 per unit of total weight.

    x: float32 [n, d]; targets: float32 [n, n_tags] in [0, 1], soft ones allowed; weights: float32 [n, n_tags],
    0 where nothing is known. Features are centred and scaled to unit variance for the fit, and the result is
    given back for x as it came. offset: float32 [n, n_tags], logits that heads of another time give already; what
    is fitted then is what to add to these heads, and the penalty keeps close to them.
    """
    if not targets.shape == weights.shape == (len(x), targets.shape[1]):
        raise ValueError(
            f"{x.shape} features do not fit {targets.shape} targets with {weights.shape} weights"
        )
    centre, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    z = (x - centre) / spread
    total = np.maximum(weights.sum(axis=0), 1e-6)
    share = weights / total  # each tag's weights sum to 1, so that one penalty suits all
    step = 1.0 / (_CURVATURE * _largest_curvature(z, share) + penalty)
    base = np.zeros((1, targets.shape[1]), np.float32) if offset is None else offset
    w, b = _descend(z, targets, share, base, penalty, step.astype(np.float32), steps)
    weight = (w / spread[:, None]).astype(np.float32)
    return LinearHeads(weight, (b - centre @ weight).astype(np.float32))


def _largest_curvature(z: Float32, share: Float32) -> Float32:
    """Bound the largest eigenvalue of z' diag(share) z (bias included), by tag: float32 [n_tags]."""
    v = np.ones((z.shape[1] + 1, share.shape[1]), np.float32)
    size = np.ones(share.shape[1], np.float32)
    for _ in range(_POWER_STEPS):
        v /= np.linalg.norm(v, axis=0)
        seen = share * (z @ v[:-1] + v[-1])
        v = np.vstack([z.T @ seen, seen.sum(axis=0)])
        size = np.linalg.norm(v, axis=0)
    return (1.1 * size).astype(np.float32)


def _descend(
    z: Float32, targets: Float32, share: Float32, base: Float32, penalty: float, step: Float32, steps: int
) -> tuple[Float32, Float32]:
    w = np.zeros((z.shape[1], targets.shape[1]), np.float32)
    b = np.zeros(targets.shape[1], np.float32)
    ahead_w, ahead_b = w.copy(), b.copy()
    momentum = np.ones_like(b)
    for _ in range(steps):
        wrong = share * (sigmoid(z @ ahead_w + ahead_b + base) - targets)
        slope_w, slope_b = z.T @ wrong + penalty * ahead_w, wrong.sum(axis=0)
        new_w, new_b = ahead_w - step * slope_w, ahead_b - step * slope_b
        uphill = (slope_w * (new_w - w)).sum(axis=0) + slope_b * (new_b - b) > 0
        momentum = np.where(uphill, 1.0, momentum).astype(np.float32)
        following = ((1 + np.sqrt(1 + 4 * momentum**2)) / 2).astype(np.float32)
        push = np.where(uphill, 0.0, (momentum - 1) / following).astype(np.float32)
        ahead_w, ahead_b = new_w + push * (new_w - w), new_b + push * (new_b - b)
        w, b, momentum = new_w, new_b, following
    return w, b


def sigmoid(logits: Float32) -> Float32:
    """1 / (1 + exp(-x)), without overflow."""
    result: Float32 = (1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))).astype(np.float32)
    return result
