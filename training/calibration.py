"""From raw scores to probabilities: per tag a logistic regression on two numbers, shrunk towards all tags' own.

Platt scaling (Advances in Large Margin Classifiers, 1999) with the roll-up as a second input, so that evidence
decides between head, roll-up and a blend of both; a tag with few positives stays close to the pooled slopes. Tags
that are ImageNet classes by other names share more than slopes: how much more probable a score makes a cat is taken
from dogs, cars and birds, until there are cats enough to say.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagging.evaluation.metrics import Truth
from tagging.ml.heads_fitting import sigmoid

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

SLOPE_PRECISION = 6.0  # of the prior on both slopes
RARE = 0.004  # what share of photos has a tag that no calibration photo has
PRIOR_PHOTOS = 100.0  # how many photos that guess weighs as much as
LIKE_PRECISION = 1.0  # of the prior on a named tag's bias, which like tags give
_ENOUGH = 10  # positives that let a tag have a say in the pooled slopes
_STEPS = 25
_STILL = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """logit p = head * z + rolled * r + bias, float64 [n_tags] each, for z and r as they came."""

    head: Float64
    rolled: Float64
    bias: Float64

    def probabilities(self, z: Float32, r: Float32) -> Float32:
        """Calibrate scores of heads and logits of roll-ups: float32 [n, n_tags] each."""
        return sigmoid((self.head * z + self.rolled * r + self.bias).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class About:
    """What is known of the tags beforehand, [n_tags] each.

    has_classes: for which the roll-up means something; may_show; rates: the share of photos of an ordinary roll
    that have the tag; NaN for that of the photos at hand. pairs: each tag's column with those of its ancestors.
    named: which tags are ImageNet classes by other names, so that one of them speaks for the next; alone: which of
    these have too few photos to train and to judge a head, so that the roll-up speaks alone.
    """

    has_classes: NDArray[np.bool_]
    may_show: NDArray[np.bool_]
    rates: Float64
    pairs: tuple[tuple[int, int], ...] = ()
    named: NDArray[np.bool_] | None = None
    alone: NDArray[np.bool_] | None = None

    def raised(self, p: Float32) -> Float32:
        """Let no parent be less probable than its child, as a vocabulary does: float32 [n, n_tags]."""
        result = p.copy()
        for child, above in self.pairs:
            np.maximum(result[:, above], result[:, child], out=result[:, above])
        return result

    def brought(self, shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Show the parents of what is shown: bool [n, n_tags]."""
        result = shown.copy()
        for child, above in self.pairs:
            result[:, above] |= result[:, child]
        return result


def calibrate(z: Float32, r: Float32, truth: Truth, weight: Float32, about: About) -> Calibration:
    """Fit every tag, and move it from the base rate of these photos to that of an ordinary roll.

    weight: float32 [n], how much each photo counts.
    """
    has_classes = about.has_classes
    spread = np.stack([z.std(axis=0), r.std(axis=0)]).astype(np.float64) + 1e-6
    centre = np.stack([z.mean(axis=0), r.mean(axis=0)]).astype(np.float64)
    scaled = ((z - centre[0]) / spread[0], (r - centre[1]) / spread[1])
    pooled = _pooled(*scaled, truth, weight, has_classes)
    likes = _likes(z, r, truth, weight, about)
    slopes, bias = np.zeros_like(spread), np.zeros(z.shape[1])
    for i in range(z.shape[1]):
        known = truth[:, i] >= 0
        x = np.stack([one[known, i] for one in scaled])
        if (like := likes[i]) is not None:
            level = like[2] + like[:2] @ centre[:, i] + _logit(_found(truth[:, i], weight))
            y = (truth[known, i] == 1).astype(np.float64)
            prior = np.array([*like[:2] * spread[:, i], level])
            used = x * (like[:2] > 0)[:, None]
            slopes[:, i], bias[i] = _fit_like(used, y, weight[known].astype(np.float64), prior)
            continue
        use = np.array([1.0, float(has_classes[i])])
        prior = pooled * use if has_classes[i] else np.array([pooled.sum(), 0.0])
        y = (truth[known, i] == 1).astype(np.float64)
        slopes[:, i], bias[i] = _fit(x * use[:, None], y, weight[known].astype(np.float64), prior)
    bias += _shift(truth, weight, about.rates)
    slopes /= spread
    return Calibration(slopes[0], slopes[1], bias - (slopes * centre).sum(axis=0))


def _found(truth: Truth, weight: Float32) -> Any:
    """Share of the photos with the tag, as a fit sees it: with the photos that it takes for granted."""
    present, known = weight @ (truth == 1), weight @ (truth >= 0)
    return np.clip((present + RARE * PRIOR_PHOTOS / 20) / (known + PRIOR_PHOTOS / 20), 1e-3, 1 - 1e-3)


def _shift(truth: Truth, weight: Float32, rates: Float64) -> Float64:
    """Correct for another base rate (Saerens, Latinne, Decaestecker, Neural Computation 14, 2002)."""
    found = _found(truth, weight)
    result: Float64 = _logit(np.where(np.isnan(rates), found, rates)) - _logit(found)
    return result


def _logit(share: Any) -> Any:
    return np.log(share / (1 - share))


def _likes(z: Float32, r: Float32, truth: Truth, weight: Float32, about: About) -> list[Float64 | None]:
    """Give each tag the line of like ones, float64 [3]: that of the roll-up alone where no head was trained."""
    nothing: list[Float64 | None] = [None] * z.shape[1]
    if about.named is None:
        return nothing
    alone = np.zeros_like(about.named) if about.alone is None else about.alone
    both = _like(z, r, truth, weight, about.named & ~alone)
    rolled = _like(np.zeros_like(z), r, truth, weight, about.named)
    return [
        None if not named else rolled if by_itself else both
        for named, by_itself in zip(about.named, alone, strict=True)
    ]


def _like(z: Float32, r: Float32, truth: Truth, weight: Float32, named: NDArray[np.bool_]) -> Float64 | None:
    """Fit one line for all named tags with enough positives, above what their share makes probable.

    Returns the slopes of z and r as they come and the level, float64 [3]; None where no tag has enough.
    """
    columns = np.flatnonzero(named & ((truth == 1).sum(axis=0) >= _ENOUGH))
    if not len(columns):
        return None
    x, y, w, offset = [], [], [], []
    for i in columns:
        known = truth[:, i] >= 0
        present = (truth[known, i] == 1).astype(np.float64)
        counts = weight[known].astype(np.float64)
        x.append(np.stack([z[known, i], r[known, i]]).astype(np.float64))
        y.append(present)
        w.append(counts * _ENOUGH / max(float(counts @ present), 1e-9))  # each tag has the same say
        offset.append(np.full(len(present), _logit(_found(truth[:, i], weight))))
    start = np.array([0.5 if z.any() else 0.0, 0.5, 0.0])
    return _newton(
        np.hstack(x), np.concatenate(y), np.concatenate(w), np.concatenate(offset), start, np.full(3, 1e-2)
    )


def _fit_like(x: Float64, y: Float64, weight: Float64, prior: Float64) -> tuple[Float64, float]:
    """Fit a named tag close to what like tags say. x: [2, n]; prior: its slopes and bias, [3]."""
    precision = np.array([SLOPE_PRECISION, SLOPE_PRECISION, LIKE_PRECISION])
    w = _newton(x, y, weight, np.zeros(len(y)), prior, precision)
    return w[:2], float(w[2])


def _newton(
    x: Float64, y: Float64, weight: Float64, offset: Float64, prior: Float64, precision: Float64
) -> Float64:
    """Newton's method on the logistic loss with a normal prior; slopes stay at 0 or above."""
    ones = np.vstack([x, np.ones(x.shape[1])])
    w = prior.copy()
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(w @ ones + offset, -40, 40)))
        slope = ones @ (weight * (p - y)) + precision * (w - prior)
        bend = (ones * (weight * p * (1 - p))) @ ones.T + np.diag(precision)
        before, w = w, w - np.clip(np.linalg.solve(bend, slope), -2.0, 2.0)
        w[:2] = np.maximum(w[:2], 0.0)
        if np.abs(w - before).max() < _STILL:
            break
    return w


def _pooled(z: Float64, r: Float64, truth: Truth, weight: Float32, has_classes: NDArray[np.bool_]) -> Float64:
    """Average the slopes of tags with enough positives to have some of their own."""
    found = []
    for i in np.flatnonzero(has_classes & ((truth == 1).sum(axis=0) >= _ENOUGH)):
        known = truth[:, i] >= 0
        x, y = np.stack([z[known, i], r[known, i]]), (truth[known, i] == 1).astype(np.float64)
        found.append(_fit(x, y, weight[known].astype(np.float64), np.ones(2))[0])
    return np.median(found, axis=0) if found else np.ones(2)


def _fit(x: Float64, y: Float64, weight: Float64, prior: Float64) -> tuple[Float64, float]:
    """Newton's method on the penalised loss; slopes stay at 0 or above. x: [2, n], y and weight: [n]."""
    ones = np.vstack([x, np.ones(x.shape[1])])
    share = (weight @ y + RARE * PRIOR_PHOTOS) / (weight.sum() + PRIOR_PHOTOS)
    centre = np.array([*prior, 0.0])
    w = np.array([*prior, np.log(share / (1 - share)) - 1.0])
    penalty = np.diag([SLOPE_PRECISION, SLOPE_PRECISION, 1e-3])
    extra = PRIOR_PHOTOS / 20 * np.array([0.0, 0.0, 1.0])  # photos of the mean, without the tag
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(w @ ones, -40, 40)))
        mean = 1.0 / (1.0 + np.exp(-np.clip(w[2], -40, 40)))
        slope = ones @ (weight * (p - y)) + penalty @ (w - centre) + extra * (mean - RARE)
        bend = (ones * (weight * p * (1 - p))) @ ones.T + penalty + np.diag(extra * mean * (1 - mean))
        before, w = w, w - np.clip(np.linalg.solve(bend, slope), -2.0, 2.0)
        w[:2] = np.maximum(w[:2], 0.0)
        if np.abs(w - before).max() < _STILL:
            break
    return w[:2], float(w[2])
