"""Roll, rail, tag pages, a photo's tags. Every answer comes from the corpus's one active release.

A caller that makes several reads for one answer holds them in one database snapshot.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime

from django.db.models import F, QuerySet

from magicroll.models import Photo, User
from tagging.combine import Verdicts, unpack, visible_tags
from tagging.models import Annotation, Corpus, MonthCount, Outstanding, Tag, TagCount
from tagging.published import verdicts_on
from tagging.releases import OWN_CATEGORY, release_tags
from tagging.search import listing
from tagging.search.listing import PAGE, Key, Page
from tagging.words import fold, typed

COUNTED = 10_000  # a page counts no further


class UnknownTag(LookupError):
    """No such tag or category for this person."""


@dataclass(frozen=True, slots=True)
class TagTile:
    slug: str
    name: str
    count: int
    cover: Photo | None

    @property
    def place(self) -> str:
        """Name the tag's page as a place that photos are opened from."""
        return f"tag:{self.slug}"


@dataclass(frozen=True, slots=True)
class TagChip:
    """A tag on a photo; score 0..1, 1 when a person said so."""

    id: int
    slug: str
    name: str
    score: float
    by_person: bool

    @property
    def percent(self) -> int:
        return round(self.score * 100)


@dataclass(frozen=True, slots=True)
class PhotoTags:
    pending: bool
    release: str
    tags: list[TagChip]
    rejected: list[TagChip]
    set_aside_reason: str


@dataclass(frozen=True, slots=True)
class TagPage:
    slug: str
    name: str
    is_category: bool
    category: TagTile | None
    tags: list[TagTile]  # of a category, by count
    count: int
    page: Page


def corpus_of(user: User) -> Corpus:
    """Return the pointer that every read of this person's photos goes through."""
    return Corpus.objects.select_related("active__encoder").defer("active__vocabulary_json").get(owner=user)


def roll_page(
    corpus: Corpus,
    before: str | None = None,
    limit: int = PAGE,
    *,
    favourites: bool = False,
    month: date | None = None,
) -> Page:
    """Return photos by date taken; `month` starts with the last photo of that month. Raises BadCursor."""
    if month is not None and before is None:
        before = str(Key(_after(month), 0))
    return listing.page_of(corpus, listing.roll(corpus, favourites=favourites), before, limit)


def _after(month: date) -> datetime:
    year, number = divmod(month.year * 12 + month.month, 12)
    if year > MAXYEAR:
        return datetime.max.replace(tzinfo=UTC)
    return datetime(year, number + 1, 1, tzinfo=UTC)


def months(corpus: Corpus) -> list[MonthCount]:
    """Return the months that have photos, newest first, with their counts."""
    return list(MonthCount.objects.filter(owner=corpus.owner_id).order_by("-month"))


def rail_counts(corpus: Corpus) -> list[TagTile]:
    """Return the categories that have photos, in display order, without covers."""
    order = category_order(corpus)
    rows = counts(corpus).filter(tag__kind=Tag.Kind.CATEGORY).select_related("tag")
    tiles = [TagTile(row.tag.slug, row.tag.name, row.count, None) for row in rows]
    return sorted(tiles, key=lambda tile: order.get(tile.slug, len(order)))


def outstanding_count(corpus: Corpus) -> int:
    """Return how many photos wait to be tagged by the corpus's release; COUNTED means at least so many."""
    waiting = Outstanding.objects.filter(owner=corpus.owner_id, release=corpus.active_id, set_aside_reason="")
    return waiting[:COUNTED].count()


def tag_page(corpus: Corpus, slug: str, before: str | None = None, limit: int = PAGE) -> TagPage:
    """Return the photos of a tag or category, newest first. Raises UnknownTag, BadCursor."""
    tag = tag_by_slug(corpus, slug)
    count = counts(corpus).filter(tag=tag).values_list("count", flat=True).first() or 0
    page = listing.page_of(corpus, listing.tagged(corpus, tag.pk), before, limit, count)
    hierarchy = release_tags(corpus.active_id).hierarchy
    is_category = tag.kind == Tag.Kind.CATEGORY
    category = None if is_category else Tag.objects.get(pk=hierarchy.category(tag.pk))
    return TagPage(
        slug=tag.slug,
        name=tag.name,
        is_category=is_category,
        category=TagTile(category.slug, category.name, 0, None) if category else None,
        tags=_tags_in(corpus, tag) if is_category and before is None else [],
        count=count,
        page=page,
    )


def _tags_in(corpus: Corpus, category: Tag) -> list[TagTile]:
    hierarchy = release_tags(corpus.active_id).hierarchy
    rows = [
        row
        for row in counts(corpus).exclude(tag__kind=Tag.Kind.CATEGORY).select_related("tag")
        if hierarchy.category(row.tag_id) == category.pk
    ]
    covers = {photo.id: photo for photo in listing.covers(corpus, [row.cover_id for row in rows])}
    return by_count([tile(row, covers) for row in rows])


def tag_by_slug(corpus: Corpus, slug: str) -> Tag:
    """Return a tag that this person may see. Raises UnknownTag."""
    tags = Tag.objects.filter(slug=typed(slug))
    own_first = F("owner_id").desc(nulls_last=True)
    tag = (tags.filter(owner=None) | tags.filter(owner=corpus.owner_id)).order_by(own_first).first()
    if tag is None:
        raise UnknownTag(slug)
    return tag


def photo_tags(corpus: Corpus, photo: Photo) -> PhotoTags:
    """Return the tags of one photo, a person's own first, then the surest."""
    return tags_of(corpus, [photo.id])[photo.id]


def tags_of(corpus: Corpus, photo_ids: Collection[int]) -> dict[int, PhotoTags]:
    """Return the tags of several photos by id: four queries, whatever their number."""
    mine = {"owner": corpus.owner_id, "release": corpus.active_id, "photo__in": photo_ids}
    rows = Annotation.objects.filter(**mine).values_list("photo_id", "tag_ids", "scores")
    said = {photo_id: unpack(*packed) for photo_id, *packed in rows}
    todo = {row.photo_id: row for row in Outstanding.objects.filter(**mine)}
    verdicts = verdicts_on(corpus.owner_id, photo_ids)
    hierarchy = release_tags(corpus.active_id).hierarchy
    seen = {i: visible_tags(said.get(i, {}), verdicts[i], hierarchy) for i in photo_ids}
    shown = {tag_id for i in photo_ids for tag_id in (*seen[i], *verdicts[i].rejected)}
    names = Tag.objects.exclude(kind=Tag.Kind.CATEGORY).in_bulk(shown)
    return {i: _photo_tags(corpus, seen[i], verdicts[i], names, todo.get(i)) for i in photo_ids}


def _photo_tags(
    corpus: Corpus,
    seen: Mapping[int, float],
    verdicts: Verdicts,
    names: Mapping[int, Tag],
    todo: Outstanding | None,
) -> PhotoTags:
    chips = [
        TagChip(
            tag_id, names[tag_id].slug, names[tag_id].name, seen.get(tag_id, 0.0), tag_id in verdicts.added
        )
        for tag_id in {*seen, *verdicts.rejected} & names.keys()
    ]
    return PhotoTags(
        pending=todo is not None and not todo.set_aside_reason,
        release=corpus.active.name,
        tags=sorted(
            (chip for chip in chips if chip.id in seen), key=lambda c: (not c.by_person, -c.score, c.name)
        ),
        rejected=sorted((chip for chip in chips if chip.id not in seen), key=lambda c: c.name),
        set_aside_reason=todo.set_aside_reason if todo else "",
    )


def suggest(corpus: Corpus, prefix: str) -> list[str]:
    """Return names of tags that begin so, the person's own first; at most 12."""
    vocabulary = release_tags(corpus.active_id).vocabulary
    prefix = typed(prefix)
    folded = fold(prefix)
    own = Tag.objects.filter(owner=corpus.owner_id, name__istartswith=prefix).order_by("name")
    meant = vocabulary.meant(prefix)
    found = [tag.name for tag in vocabulary.tags if tag.slug in meant or fold(tag.name).startswith(folded)]
    return [*own.values_list("name", flat=True)[:6], *found][:12]


def counts(corpus: Corpus) -> QuerySet[TagCount]:
    return TagCount.objects.filter(owner=corpus.owner_id, release=corpus.active_id)


def category_order(corpus: Corpus) -> dict[str, int]:
    slugs = [category.slug for category in release_tags(corpus.active_id).vocabulary.categories]
    return {slug: place for place, slug in enumerate([*slugs, OWN_CATEGORY])}


def tile(row: TagCount, covers: Mapping[int, Photo]) -> TagTile:
    return TagTile(row.tag.slug, row.tag.name, row.count, covers.get(row.cover_id))


def by_count(tiles: list[TagTile]) -> list[TagTile]:
    return sorted(tiles, key=lambda tile: (-tile.count, tile.name))
