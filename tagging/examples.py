"""What people said about their photos, as examples to learn from: stored embeddings, no image."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from django.db.models import F
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging.evaluation.metrics import Truth
from tagging.models import Embedding, Tag, Verdict
from tagging.querysets import among
from tagging.retraining import Examples
from tagging.vocabulary import Vocabulary

CONTEXT = 2000  # photos of a person that nobody judged, the newest ones

Float16 = NDArray[np.float16]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    photos: list[int]
    vectors: Float16


def examples_of(owners: Iterable[int], encoder_id: int, dimensions: int, vocabulary: Vocabulary) -> Examples:
    """Read the verdicts of these people on live photos whose pixels an encoder has seen as they are now.

    A tag that is there brings its parents along, one that is not takes what is below it away; what a person said
    of these themselves counts more.
    """
    parts = [_examples(owner, encoder_id, dimensions, vocabulary) for owner in owners]
    nothing = np.empty((0, dimensions), np.float16)
    return Examples(
        np.concatenate([nothing, *(one.embeddings for one in parts)]),
        np.concatenate([np.empty((0, len(vocabulary.tags)), np.int8), *(one.truth for one in parts)]),
        np.concatenate([nothing, *(one.context for one in parts)]),
    )


def _examples(owner: int, encoder_id: int, dimensions: int, vocabulary: Vocabulary) -> Examples:
    said: dict[int, dict[str, bool]] = {}
    verdicts = Verdict.objects.owned_by(owner).filter(tag__owner=None, tag__kind=Tag.Kind.TAG)
    for photo, slug, kind in verdicts.values_list("photo_id", "tag__slug", "kind"):
        said.setdefault(photo, {})[slug] = kind == Verdict.Kind.ADDED
    judged = _vectors(owner, encoder_id, dimensions, said)
    live = Photo.objects.owned_by(owner).live()
    others = live.exclude(id__in=among(said)).order_by("-id").values_list("id", flat=True)
    return Examples(
        judged.vectors,
        _truth([said[photo] for photo in judged.photos], vocabulary),
        _vectors(owner, encoder_id, dimensions, list(others[:CONTEXT])).vectors,
    )


def _vectors(owner: int, encoder_id: int, dimensions: int, photos: Collection[int]) -> _Rows:
    """Return stored embeddings of the very pixels that live photos have now."""
    live = Photo.objects.owned_by(owner).live()
    rows = list(
        Embedding.objects.filter(
            owner=owner,
            encoder=encoder_id,
            photo__in=among(photos),
            photo_id__in=live.values("id"),
            revision=F("photo__revision"),
        )
        .order_by("photo_id")
        .values_list("photo_id", "vector")
    )
    vectors = [np.frombuffer(vector, "<f2") for _, vector in rows]
    stacked = np.stack(vectors) if vectors else np.empty((0, dimensions), np.float16)
    return _Rows([photo for photo, _ in rows], stacked.astype(np.float16))


def _truth(said: list[Mapping[str, bool]], vocabulary: Vocabulary) -> Truth:
    column = {slug: i for i, slug in enumerate(vocabulary.slugs)}
    below: dict[str, list[str]] = {slug: [] for slug in column}
    for slug in column:
        for above in vocabulary.ancestors(slug):
            below[above].append(slug)
    truth = np.full((len(said), len(column)), -1, np.int8)
    for row, verdicts in zip(truth, said, strict=True):
        known = {slug: present for slug, present in verdicts.items() if slug in column}
        for slug, present in known.items():
            implied = vocabulary.ancestors(slug) if present else below[slug]
            row[[column[one] for one in implied]] = int(present)
        for slug, present in known.items():
            row[column[slug]] = int(present)
    return truth
