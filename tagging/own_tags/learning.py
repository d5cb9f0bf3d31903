"""What an own tag has learnt so far, from the verdicts as they stand; computed anew for each question."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tagging.ml.own_head import Examples, OwnHead, fit, probabilities
from tagging.models import Tag, Verdict
from tagging.own_tags.space import Ids, Space

MOST_JUDGED = 1000  # of a kind, that a head is fitted from
UNJUDGED = 500


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Photos of one person by what they said about one own tag: sorted ids, int64."""

    confirmed: Ids
    rejected: Ids


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A head and the scores that it gives all photos of a space: float64 [n], in the order of its ids."""

    head: OwnHead
    products: NDArray[np.float32]
    scores: NDArray[np.float64]


def evidence_of(owner_id: int, tag: Tag) -> Evidence:
    """Return what a person said about one of their own tags."""
    said = Verdict.objects.owned_by(owner_id).filter(tag=tag).values_list("photo_id", "kind")
    by_kind: dict[str, list[int]] = {kind: [] for kind in Verdict.Kind.values}
    for photo_id, kind in said:
        by_kind[kind].append(photo_id)
    confirmed, rejected = by_kind[Verdict.Kind.ADDED], by_kind[Verdict.Kind.REJECTED]
    return Evidence(np.sort(np.array(confirmed, np.int64)), np.sort(np.array(rejected, np.int64)))


def learn(space: Space, evidence: Evidence) -> Lesson | None:
    """Fit a head and hold all photos against it; None where no confirmed photo has been looked at yet."""
    confirmed = space.places(_some(evidence.confirmed, MOST_JUDGED))
    if not len(confirmed):
        return None
    rejected = space.places(_some(evidence.rejected, MOST_JUDGED))
    judged = np.concatenate([evidence.confirmed, evidence.rejected])
    unjudged = space.places(_some(np.setdiff1d(space.ids, judged, assume_unique=True), UNJUDGED))
    _in_one_thread()
    head = fit(Examples(*(space.features(places) for places in (confirmed, rejected, unjudged))))
    products = space.products(head.weights)
    return Lesson(head, products, probabilities(products, float(head.bias)))


@cache
def _in_one_thread() -> None:
    """Let NumPy's BLAS use one thread in this process: for matrices this small, others only spin."""
    threadpool_limits(limits=1, user_api="blas")


def _some(ids: Ids, most: int) -> Ids:
    """Choose some ids as if by chance, but always the same: those whose hashes are lowest."""
    if len(ids) <= most:
        return ids
    hashes = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.sort(ids[np.argpartition(hashes, most)[:most]])
