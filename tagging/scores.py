"""What a release says of some tags on all photos of a corpus, as columns, out of the annotations."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagging.models import Annotation

ROWS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True, eq=False)
class TagScores:
    """Photos with a tag and its score, shown or faint: int64 [n], int32 [n], float64 [n] in 0..1."""

    photo_ids: NDArray[np.int64]
    tag_ids: NDArray[np.int32]
    scores: NDArray[np.float64]

    def of(self, tag_id: int) -> "TagScores":
        """Keep one tag's."""
        mine = self.tag_ids == tag_id
        return TagScores(self.photo_ids[mine], self.tag_ids[mine], self.scores[mine])

    def between(self, low: float, high: float) -> "TagScores":
        """Keep scores in [low, high)."""
        mine = (self.scores >= low) & (self.scores < high)
        return TagScores(self.photo_ids[mine], self.tag_ids[mine], self.scores[mine])


def tag_scores(
    owner_id: int, release_id: int, tag_ids: Collection[int], photos: range | None = None
) -> TagScores:
    """Read all that a release says of these tags: one pass over the annotations of a corpus.

    photos: ids that are looked at; None: all.
    """
    wanted = np.array(sorted(tag_ids), np.int32)
    parts = [_nothing()]
    if len(wanted):
        parts += [_some(rows, wanted) for rows in _batches(owner_id, release_id, photos)]
    return TagScores(
        np.concatenate([part.photo_ids for part in parts]),
        np.concatenate([part.tag_ids for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


_Packed = bytes | memoryview
_Row = tuple[int, _Packed, _Packed, _Packed, _Packed]


def _batches(owner_id: int, release_id: int, photos: range | None) -> Iterator[list[_Row]]:
    mine = Annotation.objects.filter(owner=owner_id, release=release_id).order_by("photo")
    if photos is not None:
        mine = mine.filter(photo__gte=photos.start, photo__lt=photos.stop)
    rows = mine.values_list("photo_id", "tag_ids", "faint_ids", "scores", "faint_scores")
    after = 0
    while some := list(rows.filter(photo__gt=after)[:ROWS_AT_ONCE]):
        yield some
        after = some[-1][0]


def _some(rows: Sequence[_Row], wanted: NDArray[np.int32]) -> TagScores:
    ids = np.frombuffer(b"".join(part for row in rows for part in row[1:3]), "<i4")
    scores = np.frombuffer(b"".join(part for row in rows for part in row[3:5]), "<f2")
    photos = np.array([row[0] for row in rows], np.int64)
    lengths = np.array([(len(row[1]) + len(row[2])) // 4 for row in rows], np.intp)
    mine = np.isin(ids, wanted)
    return TagScores(np.repeat(photos, lengths)[mine], ids[mine].astype(np.int32), scores[mine].astype(float))


def _nothing() -> TagScores:
    return TagScores(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0))
