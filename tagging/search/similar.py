"""Photos like one: exact nearest neighbours, from the snapshot and what is newer than it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging import index, snapshots
from tagging.models import Annotation, Corpus
from tagging.search import listing


@dataclass(frozen=True, slots=True)
class Similar:
    """Photos by likeness and their cosines; `ready` is False while the photo has no embedding yet."""

    photos: list[Photo]
    scores: list[float]
    ready: bool


def similar_photos(corpus: Corpus, photo: Photo, k: int = 24) -> Similar:
    """Return the k live photos most like this one, most alike first; exact over the stored vectors."""
    mine = Annotation.objects.seen_in(corpus).filter(photo=photo.id).values_list("embedding", flat=True).first()
    if mine is None:
        return Similar([], [], ready=False)
    snapshot = snapshots.opened(corpus)
    found = index.search(
        snapshot,
        snapshots.tail(corpus, snapshot),
        np.frombuffer(mine, "<f2"),
        k,
        keep=lambda ids: _live(corpus, ids, photo.id),
    )
    photos = listing.cards(corpus, found.ids.tolist())
    return Similar(photos, found.scores.tolist(), ready=True)


def _live(corpus: Corpus, ids: NDArray[np.int64], asked: int) -> NDArray[np.bool_]:
    live = Photo.objects.owned_by(corpus.owner_id).live().filter(id__in=ids.tolist()).exclude(id=asked)
    return np.isin(ids, list(live.values_list("id", flat=True)))
