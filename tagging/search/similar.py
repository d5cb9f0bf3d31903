"""Photos like one: exact nearest neighbours, from the snapshot and what is newer than it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging import index
from tagging.models import Corpus, Embedding
from tagging.search import listing
from tagging.snapshots import IndexMissing, open_index


@dataclass(frozen=True, slots=True)
class Similar:
    """Photos by likeness and their cosines.

    ready: False while the photo has no embedding yet, or the index has to be built anew (`index_missing`).
    """

    photos: list[Photo]
    scores: list[float]
    ready: bool
    index_missing: bool = False


def similar_photos(corpus: Corpus, photo: Photo, k: int = 24) -> Similar:
    """Return the k live photos most like this one, most alike first; exact over the stored vectors."""
    mine = Embedding.objects.seen_in(corpus).filter(photo=photo.id).values_list("vector", flat=True).first()
    if mine is None:
        return Similar([], [], ready=False)
    try:
        searched = open_index(corpus)
    except IndexMissing:
        return Similar([], [], ready=False, index_missing=True)
    found = index.search(
        searched.snapshot,
        searched.tail,
        np.frombuffer(mine, "<f2"),
        k,
        exclude=[photo.id],
        keep=lambda ids: _live(corpus, ids),
    )
    photos = listing.cards(corpus, found.ids.tolist())
    return Similar(photos, found.scores.tolist(), ready=True)


def _live(corpus: Corpus, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    live = Photo.objects.owned_by(corpus.owner_id).live().filter(id__in=ids.tolist())
    return np.isin(ids, list(live.values_list("id", flat=True)))
