"""What readers are to find for some photos, computed from the truth: photos, annotations, verdicts."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from magicroll.models import Photo
from tagging.combine import Verdicts, visible_tags
from tagging.models import Annotation, Corpus, Verdict
from tagging.own_heads import own_said
from tagging.querysets import near
from tagging.standing import PhotoRules, Standing, standing_of
from tagging.wishes import Wishes


class TagRow(NamedTuple):
    """The key of a PhotoTag row below its owner."""

    release_id: int
    tag_id: int
    taken_at: datetime
    photo_id: int


@dataclass(frozen=True, slots=True)
class Published:
    """Rows of the reverse index with their scores; live photos by month, and by day with their breadth."""

    rows: dict[TagRow, float] = field(default_factory=dict)
    months: Counter[date] = field(default_factory=Counter)
    days: Counter[date] = field(default_factory=Counter)
    breadths: Counter[date] = field(default_factory=Counter)

    def add(self, other: "Published") -> None:
        """Take in what other photos contribute."""
        self.rows.update(other.rows)
        self.months.update(other.months)
        self.days.update(other.days)
        self.breadths.update(other.breadths)


SLIMMEST, WIDEST = 0.42, 5.0  # width / height; a grid crops what goes beyond
TINY_PX, ROW_PX = 120, 220  # a picture that is smaller is not blown up to the height of a row


def breadth_of(width: int, height: int) -> int:
    """Return how wide a photo is in a row of the grid, in hundredths of the row's height; as static/js/rows.js does."""
    if max(width, height) < TINY_PX:
        return max(round(100 * SLIMMEST), min(round(100 * width / height), -(-100 * width // ROW_PX)))
    return round(100 * min(WIDEST, max(SLIMMEST, width / height)))


PACKED = ("tag_ids", "scores", "faint_ids", "faint_scores")  # of an annotation, as `Rules.said` takes them


def month_of(taken_at: datetime) -> date:
    """Return the first day of the month on the wall clock where the photo was taken."""
    return taken_at.date().replace(day=1)


def published(
    corpus: Corpus,
    photo_ids: Collection[int] | None = None,
    releases: Collection[int] | None = None,
    wishes: Wishes | None = None,
) -> Published:
    """Compute what the given photos (None: all) contribute to the reverse index and to the months.

    releases: ids; None for all whose rows are kept true for this corpus. wishes: None for those of its owner, as
    they stand on each photo.

    A person's tags show at once, so a photo that the corpus's releases have not annotated yet contributes
    its verdicts. Four queries, whatever the number of photos. This is the definition that the stored rows
    must equal: the writer stores the difference between before and after, `verify` compares all of it.
    """
    releases = corpus.releases if releases is None else releases
    standing = standing_of(corpus) if wishes is None else Standing(wishes, wishes)
    rules = {release_id: standing.rules(release_id) for release_id in releases}
    photos = Photo.objects.owned_by(corpus.owner_id).live()
    annotations = Annotation.objects.filter(owner=corpus.owner_id, release__in=releases)
    if photo_ids is not None:
        photos = photos.filter(id__in=photo_ids)
        annotations = annotations.filter(photo__in=photo_ids)
    result = Published()
    taken = {}
    for photo_id, taken_at, width, height in photos.values_list("id", "taken_at", "width", "height"):
        taken[photo_id] = taken_at
        result.months[month_of(taken_at)] += 1
        result.days[taken_at.date()] += 1
        result.breadths[taken_at.date()] += breadth_of(width, height)
    verdicts = verdicts_on(corpus.owner_id, photo_ids)
    said: dict[tuple[int, int], dict[int, float]] = {
        (photo_id, release_id): {} for photo_id in verdicts for release_id in releases
    }
    for photo_id, release_id, *packed in annotations.values_list("photo_id", "release_id", *PACKED):
        said[photo_id, release_id] = rules[release_id].of(photo_id).said(*packed)
    for key, own in own_said(corpus.owner_id, releases, photo_ids).items():
        said.setdefault(key, {}).update(own)
    for (photo_id, release_id), tags in said.items():
        if photo_id in taken:
            mine = rules[release_id].of(photo_id)
            seen = visible_tags(tags, verdicts[photo_id], mine.hierarchy, mine.muted)
            for tag_id, score in seen.items():
                result.rows[TagRow(release_id, tag_id, taken[photo_id], photo_id)] = score
    return result


def said_on(
    owner_id: int, release_id: int, photo_ids: Collection[int], rules: PhotoRules
) -> dict[int, dict[int, float]]:
    """Return what a release says about photos with a person's thresholds, by photo; without those it has not seen."""
    rows = Annotation.objects.filter(owner=owner_id, release=release_id, photo__in=photo_ids)
    packed_by_photo = rows.values_list("photo_id", *PACKED)
    return {photo_id: rules.of(photo_id).said(*packed) for photo_id, *packed in packed_by_photo}


def verdicts_on(owner_id: int, photo_ids: Collection[int] | None) -> dict[int, Verdicts]:
    """Return what the owner said, by photo; photos without a word give empty verdicts."""
    said: dict[int, dict[str, set[int]]] = defaultdict(lambda: {"added": set(), "rejected": set()})
    verdicts = Verdict.objects.owned_by(owner_id)
    if photo_ids is not None:
        verdicts = verdicts.filter(near(photo_ids))
    for photo_id, tag_id, kind in verdicts.values_list("photo_id", "tag_id", "kind"):
        if photo_ids is None or photo_id in photo_ids:
            said[photo_id][kind].add(tag_id)
    return defaultdict(Verdicts, {photo: Verdicts(**kinds) for photo, kinds in said.items()})
