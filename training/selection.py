"""Which tags are shown, from which probability on, and how right that is on photos that decided nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagging.evaluation.metrics import (
    Counts,
    Truth,
    average_precision,
    calibration_error,
    count,
    reliability,
    wilson,
)
from training.calibration import About, Calibration, calibrate
from training.fitting import Scores

N_FOLDS = 5
PRECISION = 0.9  # what a tag's threshold aims at, at the base rate of an ordinary roll
ROLL_PRECISION = 0.87  # and what it has to keep on photos that look like a roll, as they are
BOUND = 0.65  # what the lower bound of its precision has to reach
BOUND_Z = 1.0  # one-sided, 84 %
LEAST_RIGHT = 3
LEAST_UNSEEN = 1  # of these in photos that did not train the encoders
LEAST_KNOWN = 5  # right ones that let a tag speak for like ones, and tags that have to
LEAST_RECALL = 0.05  # a shelf that misses more is none
GRID = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
ROLL_LIKE = ("calib", "roll")
SEEN_BY_ENCODERS = "imagenet"  # photos that trained the encoders: no calibration may rest on them
_PRIOR_PHOTOS = 5.0  # how much what is expected counts beside what was right there
N_RESAMPLES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Photos with known tags: raw scores, truth, number of the series, what each counts, where it comes from."""

    scores: Scores
    truth: Truth
    series: NDArray[np.intp]
    weight: NDArray[np.float32]
    source: NDArray[np.str_]

    def some(self, rows: NDArray[np.bool_]) -> "Sample":
        """Keep some rows."""
        scores = Scores(self.scores.head[rows], self.scores.rolled[rows])
        return Sample(scores, self.truth[rows], self.series[rows], self.weight[rows], self.source[rows])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a tag's threshold does to photos that did not calibrate it.

    precision: at the base rate of an ordinary roll; low: its lower bound; by_source: photos as they are.
    borrowed: that too few photos have the tag to say how often it is found, so that like tags say it. rarer: how
    many times an ordinary roll has it as often as the photos that look like one, 1 at least: among wild animals, what
    is right of the pets says more about the photos than about the threshold; 0 where none of them has it.
    """

    precision: float
    low: float
    recall: float
    by_source: dict[str, Counts]
    borrowed: bool = False
    rarer: float = 1.0

    @property
    def right(self) -> int:
        return sum(counts.right for counts in self.by_source.values())

    @property
    def unseen(self) -> int:
        """Count the right ones that the encoders have not been trained on."""
        return sum(c.right for source, c in self.by_source.items() if source != SEEN_BY_ENCODERS)

    @property
    def like_a_roll(self) -> Counts:
        """Sum up the photos that look like a roll."""
        some = [counts for source, counts in self.by_source.items() if source in ROLL_LIKE]
        return Counts(sum(c.right for c in some), sum(c.wrong for c in some), sum(c.missed for c in some))

    @property
    def keeps(self) -> bool:
        """Tell whether it is right often enough, both as expected of a roll and where it was seen on one."""
        seen = self.like_a_roll
        right = seen.right * self.rarer
        on_roll = (right + _PRIOR_PHOTOS * self.precision) / (right + seen.wrong + _PRIOR_PHOTOS)
        return self.precision >= PRECISION and (on_roll >= ROLL_PRECISION or self.rarer == 0.0)

    @property
    def proven(self) -> bool:
        """Tell whether it may be shown."""
        least = 1 if self.borrowed else LEAST_RIGHT
        enough = self.right >= least and self.unseen >= LEAST_UNSEEN and self.recall >= LEAST_RECALL
        return enough and self.keeps and self.low >= BOUND


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """`thresholds` float32 [n_tags]; `shown` bool [n_tags]; `evidence`: what is so from there on, unseen."""

    thresholds: NDArray[np.float32]
    shown: NDArray[np.bool_]
    evidence: list[Evidence]


def choose(sample: Sample, about: About) -> Choice:
    """Set thresholds by probabilities that each photo got from a calibration without its fold."""
    p = out_of_fold(sample, about)
    tags = range(p.shape[1])
    found = [_threshold(p[:, i], sample, i, about.rates[i]) for i in tags]
    if about.named is not None:
        usual = _usual_recall([one for (_, one), named in zip(found, about.named, strict=True) if named])
        for i in tags:
            if about.named[i] and not found[i][1].proven and usual is not None:
                found[i] = _threshold(p[:, i], sample, i, about.rates[i], usual)
    evidence = [one for _, one in found]
    shown = np.array([one.proven for one in evidence]) & about.may_show
    return Choice(np.array([at for at, _ in found], np.float32), shown, evidence)


def _usual_recall(known: list[Evidence]) -> float | None:
    """Say how often proven tags are found, at least: what 84 % of them reach; None where few are proven."""
    recalls = [one.recall for one in known if one.proven and one.right >= LEAST_KNOWN]
    return float(np.quantile(recalls, 0.16)) if len(recalls) >= LEAST_KNOWN else None


def _threshold(
    p: NDArray[np.float32], sample: Sample, tag: int, rate: float, usual: float | None = None
) -> tuple[float, Evidence]:
    """Take the lowest probability that keeps the precision."""
    best = (GRID[-1], evidence_of(p >= GRID[-1], sample, tag, rate, usual))
    for at in reversed(GRID):
        found = evidence_of(p >= at, sample, tag, rate, usual)
        if found.keeps:
            best = (at, found)
    return best


def evidence_of(
    said: NDArray[np.bool_], sample: Sample, tag: int, rate: float, usual: float | None = None
) -> Evidence:
    """Count what is said rightly and wrongly, and expect the same shares of an ordinary roll.

    said: bool [n]; rate: share of an ordinary roll's photos with the tag, NaN for that of the sample; usual: how
    often it is taken to be found, where its own photos are too few to say.
    """
    truth = sample.truth[:, tag]
    hits = _weighed(said, truth == 1, sample.weight)
    alarms = _weighed(said, truth == 0, sample.weight)
    share = hits.of / max(hits.of + alarms.of, 1e-9) if np.isnan(rate) else rate
    by_source = {
        str(source): count(said[sample.source == source], truth[sample.source == source])
        for source in np.unique(sample.source[truth >= 0])
    }
    found, least = hits.share, wilson_of(hits.n, hits.of, BOUND_Z)[0]
    if usual is not None:
        found = least = usual
    alarmed, most = alarms.share, wilson_of(alarms.n, alarms.of, BOUND_Z)[1]
    recall = hits.n / max(hits.of, 1e-9)
    precision, low = _precision(found, alarmed, share), _precision(least, most, share)
    like_a_roll = truth[np.isin(sample.source, ROLL_LIKE)]
    has, known = (like_a_roll == 1).sum(), (like_a_roll >= 0).sum()
    rarer = 1.0 if np.isnan(rate) else 0.0 if has == 0 else max(1.0, float(rate * known / has))
    return Evidence(precision, low, recall, by_source, usual is not None, rarer)


@dataclass(frozen=True, slots=True)
class _Share:
    """`n` of so many, by weight."""

    n: float
    of: float

    @property
    def share(self) -> float:
        """The share, with half a photo's doubt."""
        return (self.n + 0.25) / (self.of + 0.5)


def _weighed(said: NDArray[np.bool_], cells: NDArray[np.bool_], weight: NDArray[np.float32]) -> _Share:
    return _Share(float(weight[said & cells].sum()), float(weight[cells].sum()))


def wilson_of(n: float, of: float, z: float) -> tuple[float, float]:
    """Bound a weighted share as `wilson` does a counted one."""
    return wilson(n, of, z) if of > 0 else (0.0, 1.0)


def _precision(found: float, alarmed: float, rate: float) -> float:
    """Share of right ones among what is said, where `rate` of the photos have the tag (Bayes)."""
    right, wrong = rate * found, (1 - rate) * alarmed
    return right / max(right + wrong, 1e-12)


def folds(sample: Sample, seed: int = 0) -> Iterator[NDArray[np.bool_]]:
    """Yield which photos are left out, a series never torn apart."""
    series = np.unique(sample.series)
    fold = np.random.default_rng(seed).permutation(len(series)) % N_FOLDS
    of = fold[np.searchsorted(series, sample.series)]
    for k in range(N_FOLDS):
        yield of == k


def calibrated(sample: Sample, about: About) -> Calibration:
    """Calibrate on all photos but those that the encoders have seen before."""
    rest = sample.some(sample.source != SEEN_BY_ENCODERS)
    return calibrate(rest.scores.head, rest.scores.rolled, rest.truth, rest.weight, about)


def out_of_fold(sample: Sample, about: About, seed: int = 0) -> NDArray[np.float32]:
    """Calibrate each photo without its fold: float32 [n, n_tags]."""
    result = np.zeros_like(sample.scores.head)
    for out in folds(sample, seed):
        fitted = calibrated(sample.some(~out), about)
        p = fitted.probabilities(sample.scores.head[out], sample.scores.rolled[out])
        result[out] = about.raised(p)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """Probabilities and shown tags of photos that neither calibrated nor chose thresholds; `blend`: for ranking."""

    p: NDArray[np.float32]
    blend: NDArray[np.float32]
    shown: NDArray[np.bool_]
    eligible: NDArray[np.bool_]
    truth: Truth


def cross_validate(sample: Sample, other: Sample, about: About) -> Unseen:
    """Repeat the whole choice without each fold of `sample`, with `other` always in; heads saw neither."""
    shape = sample.truth.shape
    p, blend = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    shown, eligible = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for out in folds(sample, seed=1):
        rest = joined([sample.some(~out), other])
        made = judge(rest, sample.some(out), about)
        p[out], blend[out], shown[out], eligible[out] = made.p, made.blend, made.shown, made.eligible
    return Unseen(p, blend, shown, eligible, sample.truth)


def judge(rest: Sample, unseen: Sample, about: About) -> Unseen:
    """Calibrate and choose on some photos, and look at others."""
    fitted = calibrated(rest, about)
    choice = choose(rest, about)
    head, rolled = unseen.scores.head, unseen.scores.rolled
    p = about.raised(fitted.probabilities(head, rolled))
    # Folds differ in their intercepts by chance; of no matter within a release, they would mix up the ranks here.
    blend = (fitted.head * head + fitted.rolled * rolled).astype(np.float32)
    shown = about.brought((p >= choice.thresholds) & choice.shown)
    return Unseen(p, blend, shown, np.broadcast_to(choice.shown, p.shape), unseen.truth)


def joined(samples: list[Sample]) -> Sample:
    """Put samples on top of each other."""
    return Sample(
        Scores(
            np.concatenate([one.scores.head for one in samples]),
            np.concatenate([one.scores.rolled for one in samples]),
        ),
        *(
            np.concatenate([getattr(one, part) for one in samples])
            for part in ("truth", "series", "weight", "source")
        ),
    )


def figures(unseen: Unseen) -> dict[str, object]:
    """Sum up, each with its 95 % interval from resampled photos."""
    rng = np.random.default_rng(0)
    n = len(unseen.truth)
    samples = [_figures(unseen, rng.integers(0, n, n)) for _ in range(N_RESAMPLES)]
    whole = _figures(unseen, np.arange(n))
    bounds = {name: np.nanquantile([one[name] for one in samples], [0.025, 0.975]) for name in whole}
    return {
        name: {
            "value": round(value, 4),
            "low": round(float(bounds[name][0]), 4),
            "high": round(float(bounds[name][1]), 4),
        }
        for name, value in whole.items()
    }


def _figures(unseen: Unseen, rows: NDArray[np.intp]) -> dict[str, float]:
    truth, eligible = unseen.truth[rows], unseen.eligible[rows]
    judged = np.where(eligible, truth, -1).astype(np.int8)
    counts = count(unseen.shown[rows], judged)
    often = eligible.mean(axis=0) > 0.5
    found = [average_precision(unseen.blend[rows, i], truth[:, i]) for i in range(truth.shape[1])]
    known = np.array([np.nan if one is None else one for one in found])
    return {
        "micro_precision": counts.precision or 0.0,
        "micro_recall": counts.recall or 0.0,
        "macro_ap": float(np.nanmean(known)),
        "macro_ap_shown": float(np.nanmean(known[often]))
        if np.isfinite(known[often]).any()
        else float("nan"),
        "ece": calibration_error(reliability(unseen.p[rows], truth)) or 0.0,
        "ece_shown": calibration_error(reliability(unseen.p[rows], judged)) or 0.0,
    }
