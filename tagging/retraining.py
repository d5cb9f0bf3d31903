"""Teach heads that are there from photos of which people said what is in them. Pure: embeddings in, vocabulary out.

What is fitted is a correction to each tag's head, kept small by a penalty and held to the old word on photos that
nobody judged, so that forty judgements mend a tag and never make one up. A correction is taken only where it is
better on photos that it was not fitted to; a tag is shown only where it is right often enough on those.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tagging.evaluation.metrics import Counts, Truth, count, wilson
from tagging.ml.heads import Heads
from tagging.ml.heads_fitting import LinearHeads, fit_heads, normalise
from tagging.vocabulary import TagSpec, Vocabulary

Float32 = NDArray[np.float32]
Float16 = NDArray[np.float16]

LEAST = 20  # photos with a tag, and photos without it, that somebody judged
PRECISION = 0.88
BOUND = 0.6  # of the precision, one-sided 84 %
PENALTY = 0.05
STEPS = 200
N_FOLDS = 5
GRID = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_FEW = 0.02  # share of photos that a new tag is expected on
_PRIOR_PHOTOS = 2.0


class TooLittleEvidence(ValueError):
    """Nothing could be learned; the message says why, a line for each tag."""


class GivesLogits(Protocol):
    """What is needed of an encoder: its last layer."""

    def logits(self, embeddings: Float16, /) -> Float32:
        """float16 [n, d] to float32 [n, classes]."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Photos that people judged, and `context`: others of theirs, float16 [m, d], that nobody did.

    embeddings: float16 [n, d]; truth int8 [n, n_tags] in the vocabulary's order.
    """

    embeddings: Float16
    truth: Truth
    context: Float16


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of a tag: judged photos with and without it, mean log loss before and after on unseen ones."""

    slug: str
    present: int
    absent: int
    taken: bool
    shown: bool
    threshold: float
    before: float
    after: float
    counts: Counts
    why: str

    @property
    def low(self) -> float:
        """Bound the precision from below."""
        return wilson(self.counts.right, self.counts.right + self.counts.wrong, 1.0)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Retrained:
    """A new vocabulary, and what came of each tag that somebody judged."""

    vocabulary: Vocabulary
    lessons: list[Lesson]


def extended(base: Vocabulary, names: Sequence[str], category: str) -> Vocabulary:
    """Add tags of which nothing is known yet. Raises VocabularyError where one can't be."""
    if not names or base.heads is None:
        return base
    heads, n = base.heads, len(names)
    at = {heads.encoder: GRID[-1]}
    new = tuple(TagSpec(_slug(name), name, category, None, (), (), at, shown=False) for name in names)

    def wider(part: NDArray[np.float16]) -> NDArray[np.float16]:
        return np.hstack([part, np.zeros((len(part), n), np.float16)])

    odds = np.full(n, np.log(_FEW / (1 - _FEW)), np.float32)
    return replace(
        base,
        tags=base.tags + new,
        heads=replace(
            heads,
            embedding=wider(heads.embedding),
            classes=wider(heads.classes),
            rolled=np.append(heads.rolled, np.zeros(n, np.float32)),
            bias=np.append(heads.bias, odds),
        ),
    )


def retrain(base: Vocabulary, name: str, source: str, encoder: GivesLogits, examples: Examples) -> Retrained:
    """Learn from examples whatever can be learned. Raises TooLittleEvidence where that is nothing."""
    if base.heads is None:
        raise TooLittleEvidence(f"The vocabulary {base.name} has no heads that could learn.")
    x = _inputs(np.concatenate([examples.embeddings, examples.context]), encoder)
    said = _logits(base, np.concatenate([examples.embeddings, examples.context]), encoder)
    lessons, heads, tags = [], base.heads, list(base.tags)
    for i, tag in enumerate(base.tags):
        truth = examples.truth[:, i]
        if not (truth >= 0).any():
            continue
        lesson, correction = _learn(tag, base.heads.encoder, truth, x, said[:, i])
        lessons.append(lesson)
        if correction is not None:
            heads = _corrected(heads, i, correction)
            at = {base.heads.encoder: lesson.threshold}
            tags[i] = replace(tag, thresholds=at, shown=lesson.shown)
    if not any(lesson.taken for lesson in lessons):
        raise TooLittleEvidence(
            "\n".join(f"{one.slug}: {one.why}" for one in lessons) or "Nothing was judged."
        )
    return Retrained(replace(base, name=name, source=source, tags=tuple(tags), heads=heads), lessons)


def _learn(
    tag: TagSpec, encoder: str, truth: Truth, x: Float32, said: Float32
) -> tuple[Lesson, LinearHeads | None]:
    """Fit a tag's correction, and judge it by photos left out. x, said: judged photos first, then the context."""
    present, absent = int((truth == 1).sum()), int((truth == 0).sum())
    at = tag.thresholds[encoder]
    nothing = Lesson(tag.slug, present, absent, False, tag.shown, at, np.nan, np.nan, Counts(0, 0, 0), "")
    if present < LEAST or absent < LEAST:
        why = f"{present} photos with it and {absent} without; it takes {LEAST} of each"
        return replace(nothing, why=why), None
    known = np.append(truth >= 0, np.ones(len(x) - len(truth), np.bool_))
    x, said, y = x[known], said[known], truth[truth >= 0]
    unseen = _out_of_fold(x, said, y)
    before, after = _loss(said[: len(y)], y), _loss(unseen, y)
    at, counts = _threshold(_sigmoid(unseen), y)
    lesson = replace(nothing, before=before, after=after, threshold=at, counts=counts)
    if after >= before:
        return replace(lesson, why=f"no better on photos left out ({after:.3f} after {before:.3f})"), None
    lesson = replace(lesson, taken=True, shown=counts.right >= LEAST // 4 and lesson.low >= BOUND)
    why = "" if lesson.shown else f"right on {counts.right} and wrong on {counts.wrong} photos left out"
    return replace(lesson, why=why), _fit(x, said, y)


def _out_of_fold(x: Float32, said: Float32, y: Truth) -> Float32:
    """Correct each judged photo without its fold: logits float32 [n]."""
    fold = np.empty(len(y), np.intp)
    for value in (0, 1):  # as many with the tag in each fold
        rows = np.random.default_rng(0).permutation(np.flatnonzero(y == value))
        fold[rows] = np.arange(len(rows)) % N_FOLDS
    result = said[: len(y)].copy()
    for k in range(N_FOLDS):
        out = fold == k
        kept = np.append(~out, np.ones(len(x) - len(y), np.bool_))
        found = _fit(x[kept], said[kept], y[~out])
        result[out] += (x[: len(y)][out] @ found.weight + found.bias)[:, 0]
    return result


def _fit(x: Float32, said: Float32, y: Truth) -> LinearHeads:
    """Fit to what was judged; what was not is to stay as it was, and weighs as much in all."""
    n_context = len(x) - len(y)
    targets = np.append(y.astype(np.float32), _sigmoid(said[len(y) :]))
    weights = np.append(np.ones(len(y)), np.full(n_context, len(y) / max(n_context, 1))).astype(np.float32)
    return fit_heads(x, targets[:, None], weights[:, None], PENALTY, STEPS, offset=said[:, None])


def _threshold(p: Float32, y: Truth) -> tuple[float, Counts]:
    """Take the lowest probability that aims at the precision, by what was right and what was said."""
    best = (GRID[-1], count(p >= GRID[-1], y))
    for at in reversed(GRID):
        over, counts = p >= at, count(p >= at, y)
        expected = float(p[over].mean()) if over.any() else at
        n = counts.right + counts.wrong
        if (counts.right + _PRIOR_PHOTOS * expected) / (n + _PRIOR_PHOTOS) >= PRECISION:
            best = (at, counts)
    return best


def _corrected(heads: Heads, tag: int, correction: LinearHeads) -> Heads:
    d = len(heads.embedding)
    embedding, classes, bias = heads.embedding.copy(), heads.classes.copy(), heads.bias.copy()
    embedding[:, tag] += correction.weight[:d, 0].astype(np.float16)
    classes[:, tag] += correction.weight[d:, 0].astype(np.float16)
    bias[tag] += correction.bias[0]
    return replace(heads, embedding=embedding, classes=classes, bias=bias)


def _inputs(embeddings: Float16, encoder: GivesLogits) -> Float32:
    """Join what heads read: embeddings of length 1, and the square roots of class probabilities."""
    logits = encoder.logits(embeddings)
    root = np.exp(0.5 * (logits - logits.max(axis=1, keepdims=True)))
    root /= np.sqrt((root * root).sum(axis=1, keepdims=True))
    return np.hstack([normalise(embeddings), root]).astype(np.float32)


def _logits(vocabulary: Vocabulary, embeddings: Float16, encoder: GivesLogits) -> Float32:
    """Say what each tag's own head says, float32 [n, n_tags]: a parent is not raised to its child here."""
    heads = vocabulary.own_scores(encoder.logits(embeddings), embeddings)
    p = np.clip(heads, 1e-6, 1 - 1e-6)
    result: Float32 = np.log(p / (1 - p)).astype(np.float32)
    return result


def _sigmoid(logits: Float32) -> Float32:
    result: Float32 = (1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))).astype(np.float32)
    return result


def _loss(logits: Float32, y: Truth) -> float:
    p = np.clip(_sigmoid(logits), 1e-6, 1 - 1e-6)
    return float(-np.where(y == 1, np.log(p), np.log1p(-p)).mean())


def _slug(name: str) -> str:
    return "-".join(_words(name.casefold()))


def _words(text: str) -> Iterator[str]:
    yield from "".join(c if c.isalnum() else " " for c in text).split()
