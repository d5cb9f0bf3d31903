"""From which score a tag is shown: the release's threshold, and how far one person's verdicts move it. Pure.

A person's photos have their own mix of subjects, and for a classifier with two answers another mix is a constant
in log-odds (Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori
probabilities", Neural Computation 14, 2002). So what is learnt is one number for each person and tag, and it
carries over to another release as it is.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

ENOUGH = 24  # verdicts within reach of the threshold, before anything is learnt from them
MAX_OFFSET = 2.0  # log-odds either way: 0.90 becomes 0.55 at least and 0.985 at most
STEP = 0.1  # an offset is rounded to it, so that a verdict more seldom moves anything
SILENCE = 0.5  # what a photo counts for that was not judged; a verdict counts 1
PRIOR_SD = 1.0  # of an offset before there are verdicts, in log-odds
_CUT = 1e-3  # scores are cut to [cut, 1 - cut] before the logit is taken
_HALVINGS = 40


def moved(threshold: float, offset: float) -> float:
    """Return a threshold in (0, 1] moved by an offset in log-odds. One of 1 can't be reached and stays."""
    if threshold >= 1.0:
        return 1.0
    odds = threshold / (1.0 - threshold) * math.exp(offset)
    return odds / (1.0 + odds)


def floors(thresholds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the lowest scores that somebody's own threshold may fall to: float32 [n], both in (0, 1]."""
    odds = thresholds.astype(np.float64) * math.exp(-MAX_OFFSET)
    lowest: NDArray[np.float32] = (odds / (odds + 1.0 - thresholds)).astype(np.float32)
    return lowest


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a release says of a tag on one person's photos, and what they said.

    scores: float64 [n], 0..1; added, rejected: bool [n], neither where nothing was said.
    """

    scores: Float64
    added: NDArray[np.bool_]
    rejected: NDArray[np.bool_]

    @property
    def verdicts(self) -> int:
        return int(self.added.sum() + self.rejected.sum())


def learned_offset(evidence: Evidence, threshold: float) -> float:
    """Say how far a person's threshold lies from the release's, in log-odds; above 0: they want it surer.

    With l a photo's score in log-odds, the tag is taken to be on it with probability s(l + b), s the logistic
    function, and b has a normal prior around 0: that shrinks towards the release's threshold, the more the fewer
    verdicts there are. b has two parts, each the maximum a posteriori:

    - b1 <= 0, from photos at or above the release's threshold: those rejected (0), those added (1), and those that
      were shown and not objected to (1, with the weight SILENCE);
    - b2 >= 0, from photos below it: those added (1), those rejected (0), and those not judged, which nobody was
      shown, and so count for what the release says of them (their score, with the weight SILENCE).

    The tag is shown where s(l + b1 + b2) reaches the release's threshold, so the offset is -(b1 + b2). Rejections
    alone never lower a threshold, additions never raise one, and silence alone changes nothing. 0 with fewer than
    ENOUGH verdicts. The order of photos, and of what was said when, makes no difference.
    """
    if evidence.verdicts < ENOUGH:
        return 0.0
    shown = evidence.scores >= threshold
    silent = ~(evidence.added | evidence.rejected)
    agreed = np.where(shown, 1.0, evidence.scores)
    wanted = np.where(silent, agreed, evidence.added.astype(np.float64))
    weights = np.where(silent, SILENCE, 1.0)
    cut = np.clip(evidence.scores, _CUT, 1.0 - _CUT)
    logits = np.log(cut / (1.0 - cut))
    rise = _fit(logits[shown], wanted[shown], weights[shown], -MAX_OFFSET, 0.0)
    fall = _fit(logits[~shown], wanted[~shown], weights[~shown], 0.0, MAX_OFFSET)
    return round(round(-(rise + fall) / STEP) * STEP, 6) + 0.0


def _fit(logits: Float64, wanted: Float64, weights: Float64, low: float, high: float) -> float:
    """Return the most likely b in [low, high]: the gradient falls in b, so halving finds where it is 0."""

    def gradient(b: float) -> float:
        return float(weights @ (wanted - 1.0 / (1.0 + np.exp(-(logits + b))))) - b / PRIOR_SD**2

    if gradient(low) <= 0.0:
        return low
    if gradient(high) >= 0.0:
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if gradient(middle) > 0.0 else (low, middle)
    return (low + high) / 2
