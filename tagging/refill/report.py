"""What a switch would change in one corpus: the active release beside the one that waits for approval.

A person's own tags stay out of it: no release changes them, and they are nobody else's business.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import F, Max, QuerySet
from django.db.models.functions import Mod

from magicroll.models import Photo
from tagging.combine import Verdicts, unpack, visible_tags
from tagging.evaluation.metrics import wilson
from tagging.local_names import called
from tagging.models import Annotation, Corpus, CorpusRefill, Outstanding, Tag, TagCount, Verdict
from tagging.published import said_on, verdicts_on
from tagging.standing import standing_of
from tagging.wishes import Rules

SAMPLE = 2000  # photos that are compared one by one
SHOWN = 12  # of them, with both tag sets
MOST_CHANGED = 6  # of those, the rest is spread evenly
JUDGED = 5000  # photos with verdicts that are looked at, the newest
LEAST_JUDGED = 20  # of a release's tags, before their share of right ones means anything
# Numbers in a fixed disorder: a multiplication by an odd number, modulo a power of two.
_STIR, _RING = 40_503, 1 << 16


class NothingToCompare(LookupError):
    """The corpus does not wait for approval any more."""


@dataclass(frozen=True, slots=True)
class TagChange:
    """How many photos have a tag now, and how many would have it."""

    name: str
    is_category: bool
    old: int
    new: int

    @property
    def difference(self) -> int:
        return self.new - self.old


@dataclass(frozen=True, slots=True)
class SamplePhoto:
    """One photo with its tags now and then, surest first; agreement: what they share of all, 0..1."""

    photo: Photo
    kept: list[str]
    lost: list[str]
    gained: list[str]
    agreement: float

    @property
    def percent(self) -> int:
        return round(self.agreement * 100)


@dataclass(frozen=True, slots=True)
class Moves:
    """In how many photos of the sample a tag goes or comes."""

    name: str
    lost: int
    gained: int


@dataclass(frozen=True, slots=True)
class OnVerdicts:
    """What people said, which stays as it is, beside what each release says of itself."""

    added: int
    added_old: int  # tags that a person added and the release finds too
    added_new: int
    rejected: int
    rejected_old: int  # tags that a person rejected and the release says again
    rejected_new: int

    @property
    def precision_old(self) -> "EstimatedPrecision | None":
        """Estimate the old release's precision; None where too few of its tags were judged."""
        return estimate(self.added_old, self.rejected_old)

    @property
    def precision_new(self) -> "EstimatedPrecision | None":
        """Estimate the new release's precision; None where too few of its tags were judged."""
        return estimate(self.added_new, self.rejected_new)


@dataclass(frozen=True, slots=True)
class EstimatedPrecision:
    """Of `judged` tags that a release says and a person judged, `confirmed` are right; low, high: 95 % bounds."""

    confirmed: int
    judged: int
    low: float
    high: float

    @property
    def percent(self) -> int:
        return round(100 * self.confirmed / self.judged)

    @property
    def low_percent(self) -> int:
        return round(100 * self.low)

    @property
    def high_percent(self) -> int:
        return round(100 * self.high)


def estimate(confirmed: int, rejected: int) -> EstimatedPrecision | None:
    """Take the share of confirmed tags among the judged ones; None for fewer than LEAST_JUDGED."""
    judged = confirmed + rejected
    if judged < LEAST_JUDGED:
        return None
    return EstimatedPrecision(confirmed, judged, *wilson(confirmed, judged))


@dataclass(frozen=True, slots=True)
class Report:
    """photos, unseen: of the whole corpus; compared: photos of the sample; agreement: their mean, 0..1."""

    old: str
    new: str
    photos: int
    unseen: int
    tags: list[TagChange]  # exact, the largest difference first
    unchanged: int  # tags with the same count before and after
    compared: int
    same: int  # photos of the sample whose tags stay as they are
    agreement: float
    moves: list[Moves]
    shown: list[SamplePhoto]
    verdicts: OnVerdicts

    @property
    def percent(self) -> int:
        return round(self.agreement * 100)

    @property
    def all_tags(self) -> int:
        return len(self.tags) + self.unchanged


def report(corpus_refill: CorpusRefill) -> Report:
    """Compare before and after; the caller holds one snapshot. Raises NothingToCompare."""
    refill, owner_id = corpus_refill.refill, corpus_refill.owner_id
    corpus = Corpus.objects.select_related("active").filter(owner=owner_id).first()
    if corpus is None or corpus.filling_id != refill.release_id:
        raise NothingToCompare
    changes = _tag_changes(corpus)
    photos = Photo.objects.owned_by(owner_id).live()
    whole = photos.count()
    compared = _compare(corpus, _sample(photos, whole))
    aside = Outstanding.objects.filter(owner=owner_id, release=refill.release_id).exclude(set_aside_reason="")
    return Report(
        old=corpus.active.name,
        new=refill.release.name,
        photos=whole,
        unseen=aside.count(),
        tags=[change for change in changes if change.difference],
        unchanged=sum(not change.difference for change in changes),
        compared=len(compared),
        same=sum(not one.lost and not one.gained for one in compared),
        agreement=sum(one.agreement for one in compared) / len(compared) if compared else 1.0,
        moves=_moves(compared),
        shown=_shown(compared),
        verdicts=_on_verdicts(corpus),
    )


def _tag_changes(corpus: Corpus) -> list[TagChange]:
    rows = TagCount.objects.filter(owner=corpus.owner_id, release__in=(corpus.active_id, corpus.filling_id))
    rows = rows.exclude(count=0).exclude(tag__in=corpus.aside)
    counts: dict[int, dict[int, int]] = {}
    for release_id, tag_id, count in rows.values_list("release", "tag", "count"):
        counts.setdefault(tag_id, {})[release_id] = count
    tags = Tag.objects.filter(owner=None).in_bulk(counts.keys())
    changes = [
        TagChange(
            called(tag),
            tag.kind == Tag.Kind.CATEGORY,
            counts[tag.pk].get(corpus.active_id, 0),
            counts[tag.pk].get(corpus.filling_id or 0, 0),
        )
        for tag in tags.values()
    ]
    return sorted(changes, key=lambda one: (not one.is_category, -abs(one.difference), one.name))


def _sample(photos: QuerySet[Photo], whole: int) -> list[Photo]:
    """Return all photos, or SAMPLE of them spread over the roll: the same ones every time."""
    if whole > SAMPLE:
        stirred = photos.annotate(place=Mod(F("id") * _STIR, _RING))
        photos = stirred.filter(place__lt=_RING * SAMPLE // whole)
    return list(photos.order_by("id")[:SAMPLE])


def _compare(corpus: Corpus, photos: Collection[Photo]) -> list[SamplePhoto]:
    """Hold what a reader sees of each photo against what they would see."""
    ids = [photo.id for photo in photos]
    verdicts = verdicts_on(corpus.owner_id, ids)
    standing = standing_of(corpus)
    rules = [standing.rules(release) for release in _both(corpus)]
    old, new = (
        said_on(corpus.owner_id, release, ids, own) for release, own in zip(_both(corpus), rules, strict=True)
    )
    # What the new release could not see keeps its tags at the switch.
    new |= {photo_id: said for photo_id, said in old.items() if photo_id not in new}
    names = {tag.pk: called(tag) for tag in Tag.objects.filter(owner=None, kind=Tag.Kind.TAG)}
    return [
        _sample_photo(
            photo,
            _seen(rules[0].of(photo.id), old.get(photo.id, {}), verdicts[photo.id], names),
            _seen(rules[1].of(photo.id), new.get(photo.id, {}), verdicts[photo.id], names),
        )
        for photo in photos
    ]


def _both(corpus: Corpus) -> tuple[int, int]:
    """Return the release that readers see and the one that is compared with it."""
    return corpus.active_id, corpus.filling_id or corpus.active_id


def _said(owner_id: int, release_id: int, photo_ids: Collection[int]) -> dict[int, dict[int, float]]:
    rows = Annotation.objects.filter(owner=owner_id, release=release_id, photo__in=photo_ids)
    return {
        photo_id: unpack(*packed) for photo_id, *packed in rows.values_list("photo_id", "tag_ids", "scores")
    }


def _seen(rules: Rules, said: Mapping[int, float], verdicts: Verdicts, names: Mapping[int, str]) -> list[str]:
    seen = visible_tags(said, verdicts, rules.hierarchy, rules.muted)
    return [names[tag] for tag in sorted(seen, key=lambda tag: (-seen[tag], tag)) if tag in names]


def _sample_photo(photo: Photo, old: list[str], new: list[str]) -> SamplePhoto:
    either = len({*old, *new})
    kept = [name for name in old if name in new]
    return SamplePhoto(
        photo,
        kept=kept,
        lost=[name for name in old if name not in new],
        gained=[name for name in new if name not in old],
        agreement=len(kept) / either if either else 1.0,  # the Jaccard index of the two sets
    )


def _moves(compared: Collection[SamplePhoto]) -> list[Moves]:
    moves: dict[str, list[int]] = {}
    for one in compared:
        for place, names in enumerate((one.lost, one.gained)):
            for name in names:
                moves.setdefault(name, [0, 0])[place] += 1
    rows = [Moves(name, *numbers) for name, numbers in moves.items()]
    return sorted(rows, key=lambda row: (-(row.lost + row.gained), row.name))


def _shown(compared: list[SamplePhoto]) -> list[SamplePhoto]:
    """Choose the photos that change most, and others evenly from the rest: neither praise nor blame alone."""
    ranked = sorted(compared, key=lambda one: one.agreement)
    if len(ranked) <= SHOWN:
        return ranked
    rest = ranked[MOST_CHANGED:]
    step = len(rest) / (SHOWN - MOST_CHANGED)
    return ranked[:MOST_CHANGED] + [rest[int(number * step)] for number in range(SHOWN - MOST_CHANGED)]


def _on_verdicts(corpus: Corpus) -> OnVerdicts:
    """Count how often each release agrees with its owner; own tags are in no release."""
    judged = Verdict.objects.owned_by(corpus.owner_id).exclude(tag__kind=Tag.Kind.OWN)
    newest = (
        judged.values("photo").annotate(at=Max("said_at")).order_by("-at").values_list("photo", flat=True)
    )
    ids = list(newest[:JUDGED])
    old, new = (_said(corpus.owner_id, release, ids) for release in _both(corpus))
    found = {kind: [0, 0, 0] for kind in Verdict.Kind.values}
    for photo_id, tag_id, kind in judged.filter(photo__in=ids).values_list("photo", "tag", "kind"):
        found[kind][0] += 1
        found[kind][1] += tag_id in old.get(photo_id, {})
        found[kind][2] += tag_id in new.get(photo_id, {})
    return OnVerdicts(*found[Verdict.Kind.ADDED], *found[Verdict.Kind.REJECTED])
