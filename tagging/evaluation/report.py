"""Put a release's scores beside the truth: figures by tag and overall, and its worst mistakes."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagging.evaluation.metrics import (
    Bin,
    Counts,
    Float32,
    Truth,
    average_precision,
    calibration_error,
    count,
    reliability,
)
from tagging.vocabulary import Vocabulary

N_WORST = 20


@dataclass(frozen=True, slots=True)
class TagFigures:
    """One tag on labelled photos: `n` have it, of `judged`; None where nothing can be said."""

    n: int
    judged: int
    shown: bool
    threshold: float
    ap: float | None
    precision: float | None
    recall: float | None
    right: int
    wrong: int
    missed: int
    ece: float | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A photo with a shown tag that isn't there, or without one that is (`missed`)."""

    path: str
    tag: str
    score: float
    missed: bool
    instead: tuple[str, ...]  # what is there, or what was shown


@dataclass(frozen=True, slots=True)
class Report:
    """`macro_ap` is over all tags with a labelled photo, `macro_ap_shown` over those that may be shown."""

    release: str
    photos: int
    macro_ap: float | None
    macro_ap_shown: float | None
    micro_precision: float | None
    micro_recall: float | None
    ece: float | None
    ece_shown: float | None
    tags: dict[str, TagFigures]
    reliability: list[Bin]
    mistakes: list[Mistake]
    unreadable: dict[str, str]

    def to_facts(self) -> dict[str, object]:
        """Return it as values that JSON has."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A release's word on photos: `scores` float32 and `shown` bool [n, n_tags], `thresholds` float32 [n_tags]."""

    release: str
    vocabulary: Vocabulary
    scores: Float32
    shown: NDArray[np.bool_]
    thresholds: Float32


def report(scored: Scored, paths: list[Path], truth: Truth, unreadable: dict[str, str]) -> Report:
    """Compare what was said with what is so; all arrays have a row for each path."""
    if not scored.scores.shape == scored.shown.shape == truth.shape == (len(paths), len(scored.thresholds)):
        raise ValueError("scores, shown tags and truth are not of one shape")
    tags = dict(_tags(scored, truth))
    may_show = np.array([tag.shown for tag in scored.vocabulary.tags])
    seen = np.where(may_show, truth, -1).astype(np.int8)
    overall = count(scored.shown & may_show, seen)
    bins = reliability(scored.scores, truth)
    return Report(
        release=scored.release,
        photos=len(paths),
        macro_ap=_mean([one.ap for one in tags.values()]),
        macro_ap_shown=_mean([one.ap for one in tags.values() if one.shown]),
        micro_precision=overall.precision,
        micro_recall=overall.recall,
        ece=calibration_error(bins),
        ece_shown=calibration_error(reliability(scored.scores, seen)),
        tags=tags,
        reliability=bins,
        mistakes=_mistakes(scored, paths, seen),
        unreadable=unreadable,
    )


def _tags(scored: Scored, truth: Truth) -> Iterator[tuple[str, TagFigures]]:
    for i, tag in enumerate(scored.vocabulary.tags):
        column = truth[:, i]
        if not (column >= 0).any():
            continue
        counts = count(scored.shown[:, i], column) if tag.shown else Counts(0, 0, int((column == 1).sum()))
        yield (
            tag.slug,
            TagFigures(
                n=int((column == 1).sum()),
                judged=int((column >= 0).sum()),
                shown=tag.shown,
                threshold=float(scored.thresholds[i]),
                ap=average_precision(scored.scores[:, i], column),
                precision=counts.precision,
                recall=counts.recall,
                right=counts.right,
                wrong=counts.wrong,
                missed=counts.missed,
                ece=calibration_error(reliability(scored.scores[:, i], column)),
            ),
        )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _mistakes(scored: Scored, paths: list[Path], truth: Truth) -> list[Mistake]:
    """Find the surest wrong tags, and the tags missed by the most."""
    wrong = np.where(scored.shown & (truth == 0), scored.scores, -1.0)
    missed = np.where(~scored.shown & (truth == 1), 1.0 - scored.scores, -1.0)
    return [
        Mistake(
            str(paths[row]),
            scored.vocabulary.slugs[tag],
            float(scored.scores[row, tag]),
            is_missed,
            _beside(scored, truth, row, is_missed),
        )
        for cells, is_missed in ((wrong, False), (missed, True))
        for row, tag in _largest(cells)
    ]


def _beside(scored: Scored, truth: Truth, row: int, is_missed: bool) -> tuple[str, ...]:
    """Name what was shown where something was missed, and else what is there."""
    there = scored.shown[row] if is_missed else truth[row] == 1
    return tuple(scored.vocabulary.slugs[i] for i in np.flatnonzero(there))


def _largest(cells: NDArray[np.floating]) -> Iterator[tuple[int, int]]:
    order = np.argsort(-cells, axis=None, kind="stable")[:N_WORST]
    for row, tag in zip(*np.unravel_index(order, cells.shape), strict=True):
        if cells[row, tag] >= 0:
            yield int(row), int(tag)
