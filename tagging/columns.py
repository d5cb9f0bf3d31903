"""Rows of the reverse index of many photos at a time, as columns.

For photos that nobody has judged: all that happens to a release's tags there is that each brings its parents and
its category. `published` is the definition, which the tests hold this against; a row at a time it would cost more
than storing the rows does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagging.counts import Counted, Cover, Gain
from tagging.releases import release_tags


class Live(NamedTuple):
    """A photo that readers see. Sorts as the reverse index does below its tag."""

    taken_at: datetime
    photo_id: int


@dataclass(frozen=True, slots=True)
class TagColumns:
    """Rows of the reverse index of one release, in the order of its key, without repetition.

    tag_ids: int64 [n]; places: positions in `photos`, intp [n]; scores: float64 [n]. photos: sorted.
    """

    release_id: int
    photos: Sequence[Live]
    tag_ids: NDArray[np.int64]
    places: NDArray[np.intp]
    scores: NDArray[np.float64]

    def gains(self) -> Iterator[Gain]:
        """Say what the counts and covers gain by these rows, by tag."""
        ids = np.array([photo.photo_id for photo in self.photos], np.int64)[self.places]
        order = np.lexsort((ids, self.scores, self.tag_ids))
        tags, counts = np.unique(self.tag_ids, return_counts=True)
        best = order[np.cumsum(counts) - 1]
        covers = map(Cover, self.scores[best].tolist(), ids[best].tolist())
        for tag, count, cover in zip(tags.tolist(), counts.tolist(), covers, strict=True):
            yield Gain(Counted(self.release_id, tag), count, cover)


def tag_columns(
    release_id: int,
    photos: Sequence[Live],
    tags: Sequence[NDArray[np.int32]],
    scores: Sequence[NDArray[np.float32]],
) -> TagColumns:
    """Compute what unjudged photos contribute: tags and scores of a release for each, sorted as `photos` are.

    tags: positions in the release's vocabulary, int32 [k]; scores: float32 [k] in 0..1.
    """
    brought = release_tags(release_id).brought
    said = np.concatenate([np.empty(0, np.int32), *tags])
    score = np.concatenate([np.empty(0, np.float32), *scores]).astype("<f2").astype(np.float64)
    of_photo = np.repeat(np.arange(len(photos)), np.array([len(one) for one in tags], np.intp))
    # Each tag with all that it brings, then the best score of each tag on each photo.
    spans = brought.starts[said + 1] - brought.starts[said]
    source = np.repeat(np.arange(len(said)), spans)
    within = np.arange(len(source)) - np.repeat(np.cumsum(spans) - spans, spans)
    keys = brought.ids[brought.starts[said][source] + within] * len(photos) + of_photo[source]
    order = np.argsort(keys, kind="stable")
    keys, starts = np.unique(keys[order], return_index=True)
    best = np.maximum.reduceat(score[source][order], starts) if len(starts) else np.empty(0)
    tag_ids, places = np.divmod(keys, max(1, len(photos)))
    return TagColumns(release_id, photos, tag_ids, places, best)
