"""The Combiner: what a reader sees on a photo, from what a release says and what its owner said. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SURE = 1.0  # the score of what a person said


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Parents and categories of a release's tags, by database id.

    A tag that the release doesn't know (a person's own, or one of another release) has no parent and
    stands in `other_category`.
    """

    parents: Mapping[int, int]
    categories: Mapping[int, int]
    other_category: int

    def ancestors(self, tag_id: int) -> Iterator[int]:
        """Yield parents, nearest first; the vocabulary rules cycles out."""
        parent = self.parents.get(tag_id)
        while parent is not None:
            yield parent
            parent = self.parents.get(parent)

    def category(self, tag_id: int) -> int:
        """Return the category that a tag stands in."""
        return self.categories.get(tag_id, self.other_category)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the owner said about one photo: tag ids added and rejected (disjoint)."""

    added: Collection[int] = ()
    rejected: Collection[int] = ()


def visible_tags(said: Mapping[int, float], verdicts: Verdicts, hierarchy: Hierarchy) -> dict[int, float]:
    """Combine a release's tags (id -> score 0..1) with a person's verdicts.

    A verdict decides its own tag. Beyond that a rejected tag takes its descendants along ("not an animal"
    is not a dog either), and every tag left brings its parents and its category, with the best score among
    the tags that brought them. What is explicitly rejected stays away however it would come.
    """
    rejected = set(verdicts.rejected)
    seen = {
        tag: score
        for tag, score in said.items()
        if tag not in rejected and rejected.isdisjoint(hierarchy.ancestors(tag))
    }
    seen.update(dict.fromkeys(verdicts.added, SURE))
    combined = dict(seen)
    for tag, score in seen.items():
        for brought in (*hierarchy.ancestors(tag), hierarchy.category(tag)):
            if brought not in rejected:
                combined[brought] = max(score, combined.get(brought, 0.0))
    return combined


def supersedes(new_revision: int, photo_revision: int, old_revision: int | None) -> bool:
    """Tell whether an annotation of `new_revision` may be stored.

    Only pixels that the photo still has count: a bulk result computed from older pixels never replaces a
    newer real-time one, whichever arrives last.
    """
    return new_revision == photo_revision and (old_revision is None or old_revision <= new_revision)


def pack_tags(tag_ids: NDArray[np.int32]) -> bytes:
    """Pack int32 [k] as little-endian bytes."""
    return tag_ids.astype("<i4").tobytes()


def pack_scores(scores: NDArray[np.float32]) -> bytes:
    """Pack scores [k] in 0..1 as little-endian float16."""
    return scores.astype("<f2").tobytes()


def unpack(tag_ids: bytes | memoryview, scores: bytes | memoryview) -> dict[int, float]:
    """Return tag id -> score from the two packed arrays of an annotation."""
    ids = np.frombuffer(tag_ids, "<i4")
    values = np.frombuffer(scores, "<f2")
    return dict(zip(ids.tolist(), values.astype(float).tolist(), strict=True))
