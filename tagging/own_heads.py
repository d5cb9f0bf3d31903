"""What people's own heads say about photos, beside releases: the part of it that the writer needs."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from tagging import index
from tagging.ml.install import installed_path
from tagging.ml.own_head import probabilities
from tagging.ml.projection import index_projection
from tagging.ml.registry import ENCODERS
from tagging.models import Annotation, Embedding, Encoder, OwnAnnotation, OwnHead
from tagging.querysets import near

Said = dict[int, float]  # tag id -> score
# A projection's sums differ in the last bit with the batch they are made in, and a step of float16 with it.
CLOSE = 0.002


def projection_of(encoder: Encoder) -> NDArray[np.float32] | None:
    """Return what own heads and the index see embeddings through: float32 [d, p]; None = as they are.

    Raises NotInstalled.
    """
    return _projection(encoder.name, settings.MODELS_DIR)


@lru_cache(maxsize=4)
def _projection(encoder_name: str, models_dir: Path) -> NDArray[np.float32] | None:
    """Check and read an encoder's file once in a process."""
    return index_projection(installed_path(ENCODERS[encoder_name], models_dir))


def own_said(
    owner_id: int, releases: Collection[int], photo_ids: Collection[int] | None
) -> dict[tuple[int, int], Said]:
    """Return what is stored of own heads, by (photo, release); photo_ids None: of all photos."""
    rows = OwnAnnotation.objects.filter(owner=owner_id, release__in=releases)
    if photo_ids is not None:
        rows = rows.filter(near(photo_ids))
    found: dict[tuple[int, int], Said] = defaultdict(dict)
    for photo_id, release_id, tag_id, score in rows.values_list("photo_id", "release_id", "tag_id", "score"):
        if photo_ids is None or photo_id in photo_ids:
            found[photo_id, release_id][tag_id] = score
    return dict(found)


def say(heads: Iterable[OwnHead], codes: NDArray[np.uint8]) -> list[Said]:
    """Return what heads give each photo of codes [n, 2 * d]; one that doesn't fit the codes says nothing."""
    said: list[Said] = [{} for _ in codes]
    for head in heads:
        weights = np.frombuffer(head.weights, "<f4")
        if head.ending or codes.shape[1] != 2 * len(weights):
            continue
        scores = probabilities(index.products(codes, weights), head.bias)
        for place in np.flatnonzero(scores >= head.cut).tolist():
            said[place][head.tag_id] = float(scores[place])
    return said


def store_said(
    owner_id: int, release_id: int, encoder_id: int, embeddings: Mapping[int, NDArray[np.float16]]
) -> None:
    """Store what the owner's heads say about photos that a release annotated just now, in their transaction."""
    heads = list(OwnHead.objects.filter(owner=owner_id, encoder=encoder_id).select_related("encoder"))
    if not heads or not embeddings:
        return
    batch = index.Batch(np.array(list(embeddings), np.int64), np.stack(list(embeddings.values())))
    codes = index.part_of(batch, projection_of(heads[0].encoder)).codes
    replace_said(owner_id, release_id, dict(zip(embeddings, say(heads, codes), strict=True)))


def replace_said(owner_id: int, release_id: int, said: Mapping[int, Said], tag_id: int | None = None) -> None:
    """Let own heads say this about photos (of one tag), and nothing else."""
    old = OwnAnnotation.objects.filter(owner=owner_id, release=release_id, photo__in=said)
    (old if tag_id is None else old.filter(tag=tag_id)).delete()
    OwnAnnotation.objects.bulk_create(
        [
            OwnAnnotation(owner_id=owner_id, release_id=release_id, photo_id=photo, tag_id=tag, score=score)
            for photo, tags in said.items()
            for tag, score in tags.items()
        ]
    )


def spoken_of(owner_id: int, release_id: int, photo_ids: Collection[int]) -> set[int]:
    """Return which of these photos have an own tag by a head."""
    rows = OwnAnnotation.objects.filter(near(photo_ids), owner=owner_id, release=release_id)
    return set(rows.values_list("photo_id", flat=True)) & set(photo_ids)


def carry_over(owner_id: int, from_id: int, to_id: int, photo_ids: Collection[int]) -> None:
    """Let a release's photos keep what own heads said beside another one."""
    said = own_said(owner_id, [from_id], photo_ids)
    replace_said(owner_id, to_id, {photo: said.get((photo, from_id), {}) for photo in photo_ids})


def are_ready(owner_id: int, active_encoder: int, encoder_id: int) -> bool:
    """Tell whether each own tag that is given now has its head for another network, held against all photos."""
    mine = OwnHead.objects.filter(owner=owner_id)
    lessons = set(mine.filter(encoder=active_encoder, ending=False).values_list("tag_id", "lesson"))
    ready = set(mine.filter(encoder=encoder_id, settled=True).values_list("tag_id", "lesson"))
    return lessons <= ready and not mine.filter(encoder=encoder_id, settled=False).exists()


def is_taught(owner_id: int, tag_id: int) -> bool:
    """Tell whether an own tag is given to photos by itself."""
    return OwnHead.objects.filter(owner=owner_id, tag=tag_id, ending=False).exists()


def differences(owner_id: int, release_id: int, encoder_id: int) -> list[str]:
    """Say where what own heads said is not what they say, of photos whose embedding the release has seen."""
    heads = list(OwnHead.objects.filter(owner=owner_id, encoder=encoder_id).select_related("encoder"))
    stored = own_said(owner_id, [release_id], None)
    unknown = {tag for tags in stored.values() for tag in tags} - {head.tag_id for head in heads}
    seen = comparable(owner_id, release_id, encoder_id)
    found = [f"own tag {tag} without a head" for tag in unknown if _is_said(stored, seen, tag)]
    if not heads or not seen:
        return found
    batch = index.Batch(np.array(list(seen), np.int64), np.stack(list(seen.values())))
    said = say(heads, index.part_of(batch, projection_of(heads[0].encoder)).codes)
    for photo_id, tags in zip(seen, said, strict=True):
        mine = stored.get((photo_id, release_id), {})
        found += [
            f"own tags {mine} instead of {tags} on photo {photo_id} for release {release_id}"
            for head in heads
            if head.settled and not _agree(mine.get(head.tag_id), tags.get(head.tag_id), head.cut)
        ]
    return found


def _agree(stored: float | None, said: float | None, cut: float) -> bool:
    """Tell whether two scores are as good as the same; None: below the cut."""
    low = cut if stored is None or said is None else 0.0
    return abs(max(stored or 0.0, low) - max(said or 0.0, low)) <= CLOSE


def _is_said(stored: Mapping[tuple[int, int], Said], seen: Collection[int], tag_id: int) -> bool:
    return any(photo in seen and tag_id in tags for (photo, _), tags in stored.items())


def comparable(
    owner_id: int, release_id: int, encoder_id: int, photo_ids: Collection[int] | None = None
) -> dict[int, NDArray[np.float16]]:
    """Return the embeddings of photos that a release annotated from the very same pixels, by photo."""
    annotations = Annotation.objects.filter(owner=owner_id, release=release_id)
    embeddings = Embedding.objects.filter(owner=owner_id, encoder=encoder_id)
    if photo_ids is not None:
        annotations, embeddings = annotations.filter(near(photo_ids)), embeddings.filter(near(photo_ids))
    revisions = dict(annotations.values_list("photo_id", "revision"))
    return {
        photo_id: np.frombuffer(vector, "<f2")
        for photo_id, revision, vector in embeddings.values_list("photo_id", "revision", "vector")
        if revisions.get(photo_id) == revision and (photo_ids is None or photo_id in photo_ids)
    }
