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

    def within(self, chosen: Collection[int]) -> frozenset[int]:
        """Return chosen tags and categories with all narrower tags, and the tags that stand in them."""
        if not chosen:
            return frozenset()
        lines = ((tag, *self.ancestors(tag), category) for tag, category in self.categories.items())
        return frozenset(chosen) | {line[0] for line in lines if not set(chosen).isdisjoint(line)}


@dataclass(frozen=True, slots=True, eq=False)
class Brought:
    """What each tag of a vocabulary comes with where nobody has judged: itself, its parents, its category.

    Database ids, int64; those of the tag at position p are ids[starts[p]:starts[p + 1]].
    """

    starts: NDArray[np.intp]
    ids: NDArray[np.int64]


def brought_by(tag_ids: NDArray[np.int32], hierarchy: Hierarchy) -> Brought:
    """Write a hierarchy as columns, for tags int32 [n] in the order of their vocabulary."""
    lines = [[tag, *hierarchy.ancestors(tag), hierarchy.category(tag)] for tag in tag_ids.tolist()]
    starts = np.cumsum([0, *map(len, lines)])
    return Brought(starts, np.array([tag for line in lines for tag in line], np.int64))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the owner said about one photo: tag ids added and rejected (disjoint)."""

    added: Collection[int] = ()
    rejected: Collection[int] = ()


def visible_tags(
    said: Mapping[int, float],
    verdicts: Verdicts,
    hierarchy: Hierarchy,
    muted: Collection[int] = frozenset(),
) -> dict[int, float]:
    """Combine a release's tags (id -> score 0..1) with a person's verdicts.

    A verdict decides its own tag. Beyond that a rejected tag takes its descendants along ("not an animal"
    is not a dog either), and every tag left brings its parents and its category, with the best score among
    the tags that brought them. What is explicitly rejected stays away however it would come.

    muted: tags and categories that are shown on no photo, even where they were added, narrower ones included
    (`Hierarchy.within`).
    """
    rejected = {*verdicts.rejected, *muted}
    seen = {
        tag: score
        for tag, score in said.items()
        if tag not in rejected
        and rejected.isdisjoint(hierarchy.ancestors(tag))
        and not (muted and hierarchy.category(tag) in muted)
    }
    added = (tag for tag in verdicts.added if tag not in muted and hierarchy.category(tag) not in muted)
    seen.update(dict.fromkeys(added, SURE))
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


def restrict(
    tag_ids: bytes | memoryview, scores: bytes | memoryview, known: NDArray[np.int32]
) -> dict[str, bytes]:
    """Return the two packed arrays of an annotation without the tags that are not in `known`: int32 [n]."""
    ids = np.frombuffer(tag_ids, "<i4")
    kept = np.isin(ids, known)
    return {"tag_ids": pack_tags(ids[kept]), "scores": np.frombuffer(scores, "<f2")[kept].tobytes()}


def unpack(tag_ids: bytes | memoryview, scores: bytes | memoryview) -> dict[int, float]:
    """Return tag id -> score from the two packed arrays of an annotation."""
    ids = np.frombuffer(tag_ids, "<i4")
    values = np.frombuffer(scores, "<f2")
    return dict(zip(ids.tolist(), values.astype(float).tolist(), strict=True))
