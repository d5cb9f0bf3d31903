"""What readers are to find for some photos, computed from the truth: Photo, Annotation and Verdict."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from magicroll.models import Photo
from tagging.combine import Verdicts, unpack, visible_tags
from tagging.models import Annotation, Corpus, Verdict
from tagging.releases import release_tags


class TagRow(NamedTuple):
    """The key of a PhotoTag row below its owner."""

    release_id: int
    tag_id: int
    taken_at: datetime
    photo_id: int


@dataclass(frozen=True, slots=True)
class Published:
    """Rows of the reverse index with their scores, and live photos by month."""

    rows: dict[TagRow, float] = field(default_factory=dict)
    months: Counter[date] = field(default_factory=Counter)


def month_of(taken_at: datetime) -> date:
    """Return the first day of the month on the wall clock where the photo was taken."""
    return taken_at.date().replace(day=1)


def published(corpus: Corpus, photo_ids: Collection[int] | None = None) -> Published:
    """Compute what the given photos (None: all) contribute to the reverse index and to the months.

    A person's tags show at once, so a photo that the corpus's releases have not annotated yet contributes
    its verdicts. Three queries, whatever the number of photos. This is the definition that the stored rows
    must equal: the writer stores the difference between before and after, `verify` compares all of it.
    """
    photos = Photo.objects.owned_by(corpus.owner_id).live()
    annotations = Annotation.objects.filter(owner=corpus.owner_id, release__in=corpus.releases)
    if photo_ids is not None:
        photos = photos.filter(id__in=photo_ids)
        annotations = annotations.filter(photo__in=photo_ids)
    taken = dict(photos.values_list("id", "taken_at"))
    verdicts = verdicts_on(corpus.owner_id, photo_ids)
    said: dict[tuple[int, int], dict[int, float]] = {
        (photo_id, release_id): {} for photo_id in verdicts for release_id in corpus.releases
    }
    for photo_id, release_id, *packed in annotations.values_list(
        "photo_id", "release_id", "tag_ids", "scores"
    ):
        said[photo_id, release_id] = unpack(*packed)
    result = Published()
    result.months.update(month_of(taken_at) for taken_at in taken.values())
    for (photo_id, release_id), tags in said.items():
        if photo_id in taken:
            seen = visible_tags(tags, verdicts[photo_id], release_tags(release_id).hierarchy)
            for tag_id, score in seen.items():
                result.rows[TagRow(release_id, tag_id, taken[photo_id], photo_id)] = score
    return result


def verdicts_on(owner_id: int, photo_ids: Collection[int] | None) -> dict[int, Verdicts]:
    """Return what the owner said, by photo; photos without a word give empty verdicts."""
    said: dict[int, dict[str, set[int]]] = defaultdict(lambda: {"added": set(), "rejected": set()})
    verdicts = Verdict.objects.owned_by(owner_id)
    if photo_ids is not None:
        verdicts = verdicts.filter(photo__in=photo_ids)
    for photo_id, tag_id, kind in verdicts.values_list("photo_id", "tag_id", "kind"):
        said[photo_id][kind].add(tag_id)
    return defaultdict(Verdicts, {photo: Verdicts(**kinds) for photo, kinds in said.items()})
