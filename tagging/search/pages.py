"""Roll, rail, tag pages, a photo's tags. Every answer comes from the corpus's one active release.

A caller that makes several reads for one answer holds them in one database snapshot.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import F, QuerySet
from django.utils.translation import gettext

from magicroll.models import Photo, User
from tagging import local_names
from tagging.certainty import in_words
from tagging.combine import Verdicts
from tagging.local_names import called
from tagging.models import Annotation, Corpus, MonthCount, Outstanding, Stream, Tag, TagCount
from tagging.own_heads import own_said
from tagging.published import PACKED, verdicts_on
from tagging.releases import OWN_CATEGORY, release_tags
from tagging.search import listing
from tagging.search.covers import with_chosen
from tagging.search.listing import PAGE, Key, Page, midnight_after
from tagging.standing import standing_of
from tagging.wishes import wishes_of
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
    chosen: bool = False  # the cover, by the owner

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

    @property
    def certainty(self) -> str:
        """Say in words how sure it is."""
        return gettext("you said") if self.by_person else gettext(in_words(self.score))


@dataclass(frozen=True, slots=True)
class PhotoTags:
    pending: bool
    release: str
    carried: bool  # from the release before, because this one could not see the photo
    tags: list[TagChip]
    rejected: list[TagChip]
    set_aside_reason: str
    automatic: bool  # whether a release looks at this person's photos at all


@dataclass(frozen=True, slots=True)
class TagPage:
    slug: str
    name: str
    is_category: bool
    choice: str  # "muted" or "hidden", as its owner wants it, else empty
    id: int
    category: TagTile | None
    tags: list[TagTile]  # of a category, by count
    count: int
    page: Page
    own_id: int | None = None  # of an own tag, which can be taught


def corpus_of(user: User) -> Corpus:
    """Return the pointer that every read of this person's photos goes through."""
    return Corpus.objects.select_related("active__encoder").defer("active__vocabulary_json").get(owner=user)


def roll_page(
    corpus: Corpus,
    before: str | None = None,
    limit: int = PAGE,
    *,
    favourites: bool = False,
    day: date | None = None,
) -> Page:
    """Return photos by date taken, from the last photo of a day on. Raises BadCursor."""
    if day is not None and before is None:
        before = str(Key(midnight_after(day), 0))
    return listing.page_of(corpus, listing.roll(corpus, favourites=favourites), before, limit)


def months(corpus: Corpus) -> list[MonthCount]:
    """Return the months that have photos, newest first, with their counts."""
    return list(MonthCount.objects.filter(owner=corpus.owner_id).order_by("-month"))


def rail_counts(corpus: Corpus) -> list[TagTile]:
    """Return the categories that have photos and are not hidden, in display order, without covers."""
    order = category_order(corpus)
    hidden = wishes_of(corpus.owner_id).hidden
    rows = counts(corpus).filter(tag__kind=Tag.Kind.CATEGORY).exclude(tag__in=hidden).select_related("tag")
    tiles = [TagTile(row.tag.slug, called(row.tag), row.count, None) for row in rows]
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
    narrower = _tags_in(corpus, tag) if tag.kind == Tag.Kind.CATEGORY and before is None else []
    return page_about(corpus, tag, count, page, narrower)


def page_about(corpus: Corpus, tag: Tag, count: int, page: Page, narrower: Sequence[TagTile] = ()) -> TagPage:
    """Put what is known of a tag beside photos of it: count of all of them, and one page."""
    hierarchy = release_tags(corpus.active_id).hierarchy
    is_category = tag.kind == Tag.Kind.CATEGORY
    category = None if is_category else Tag.objects.get(pk=hierarchy.category(tag.pk))
    return TagPage(
        slug=tag.slug,
        name=called(tag),
        is_category=is_category,
        choice=_choice(corpus, tag),
        id=tag.pk,
        category=TagTile(category.slug, called(category), 0, None) if category else None,
        tags=list(narrower),
        count=count,
        page=page,
        own_id=tag.pk if tag.kind == Tag.Kind.OWN else None,
    )


def _tags_in(corpus: Corpus, category: Tag) -> list[TagTile]:
    hierarchy = release_tags(corpus.active_id).hierarchy
    rows = [
        row
        for row in with_chosen(
            corpus, counts(corpus).exclude(tag__kind=Tag.Kind.CATEGORY).select_related("tag")
        )
        if hierarchy.category(row.tag_id) == category.pk
    ]
    covers = {photo.id: photo for photo in listing.covers(corpus, [row.cover_id for row in rows])}
    return by_count([tile(row, covers) for row in rows])


def tag_by_slug(corpus: Corpus, slug: str) -> Tag:
    """Return a tag that this person may see. Raises UnknownTag."""
    own_first = F("owner_id").desc(nulls_last=True)
    tag = Tag.objects.known_to(corpus.owner_id).filter(slug=typed(slug)).order_by(own_first).first()
    if tag is None:
        raise UnknownTag(slug)
    return tag


def photo_tags(corpus: Corpus, photo: Photo) -> PhotoTags:
    """Return the tags of one photo, a person's own first, then the surest."""
    return tags_of(corpus, [photo.id])[photo.id]


def tags_of(corpus: Corpus, photo_ids: Collection[int]) -> dict[int, PhotoTags]:
    """Return the tags of several photos by id: five queries, whatever their number."""
    mine = {"owner": corpus.owner_id, "release": corpus.active_id, "photo__in": photo_ids}
    standing = standing_of(corpus)
    rules = standing.rules(corpus.active_id)
    rows = list(Annotation.objects.filter(**mine).values_list("photo_id", "stream", *PACKED))
    said = {photo_id: rules.of(photo_id).said(*packed) for photo_id, _, *packed in rows}
    for (photo_id, _), own in own_said(corpus.owner_id, [corpus.active_id], photo_ids).items():
        said.setdefault(photo_id, {}).update(own)
    carried = {photo_id for photo_id, stream, *_ in rows if stream == Stream.CARRIED}
    todo = {row.photo_id: row for row in Outstanding.objects.filter(**mine)}
    verdicts = verdicts_on(corpus.owner_id, photo_ids)
    seen = {i: listing.visible(said.get(i, {}), verdicts[i], rules.of(i), standing.aside) for i in photo_ids}
    rejected = {
        tag_id for i in photo_ids for tag_id in verdicts[i].rejected if tag_id not in rules.of(i).muted
    }
    shown = {tag_id for i in photo_ids for tag_id in seen[i]} | (rejected - standing.aside)
    names = Tag.objects.exclude(kind=Tag.Kind.CATEGORY).in_bulk(shown)
    return {
        i: _photo_tags(corpus, seen[i], verdicts[i], names, todo.get(i), carried=i in carried)
        for i in photo_ids
    }


def _photo_tags(
    corpus: Corpus,
    seen: Mapping[int, float],
    verdicts: Verdicts,
    names: Mapping[int, Tag],
    todo: Outstanding | None,
    *,
    carried: bool,
) -> PhotoTags:
    chips = [
        TagChip(
            tag_id, names[tag_id].slug, called(names[tag_id]), seen.get(tag_id, 0.0), tag_id in verdicts.added
        )
        for tag_id in {*seen, *verdicts.rejected} & names.keys()
    ]
    return PhotoTags(
        pending=todo is not None and not todo.set_aside_reason,
        release=corpus.active.name,
        carried=carried,
        tags=sorted(
            (chip for chip in chips if chip.id in seen), key=lambda c: (not c.by_person, -c.score, c.name)
        ),
        rejected=sorted((chip for chip in chips if chip.id not in seen), key=lambda c: c.name),
        set_aside_reason=todo.set_aside_reason if todo else "",
        automatic=corpus.is_automatic,
    )


def suggest(corpus: Corpus, prefix: str) -> list[str]:
    """Return names of tags that begin so, the person's own first, English ones last; at most 12."""
    known = release_tags(corpus.active_id)
    prefix = typed(prefix)
    folded = fold(prefix)
    rules = wishes_of(corpus.owner_id).rules(corpus.active_id)
    own = Tag.objects.filter(owner=corpus.owner_id, name__istartswith=prefix).order_by("name")
    own_names = [name for pk, name in own.values_list("pk", "name") if not rules.mutes(pk)]
    meant, names = local_names.meant(known.vocabulary, prefix), local_names.names_of(known)
    found, by_english = [], []
    for tag_id, tag in zip(known.ids.tolist(), known.vocabulary.tags, strict=True):
        if tag_id in rules.muted:
            continue
        if tag.slug in meant or fold(names[tag_id]).startswith(folded):
            found.append(names[tag_id])
        elif fold(tag.name).startswith(folded):
            by_english.append(names[tag_id])
    return [*own_names[:6], *found, *by_english][:12]


def _choice(corpus: Corpus, tag: Tag) -> str:
    wishes = wishes_of(corpus.owner_id)
    if wishes.rules(corpus.active_id).mutes(tag.pk):
        return "muted"
    return "hidden" if tag.pk in wishes.hidden else ""


def is_muted(corpus: Corpus, tag_id: int) -> bool:
    """Tell whether this person muted a tag, a wider one, or its category."""
    return wishes_of(corpus.owner_id).rules(corpus.active_id).mutes(tag_id)


def counts(corpus: Corpus) -> QuerySet[TagCount]:
    """Keep the counts of the corpus's active release, without what was muted just now."""
    rows = TagCount.objects.filter(owner=corpus.owner_id, release=corpus.active_id)
    return rows.exclude(tag__in=corpus.aside) if corpus.aside else rows


def category_order(corpus: Corpus) -> dict[str, int]:
    slugs = [category.slug for category in release_tags(corpus.active_id).vocabulary.categories]
    return {slug: place for place, slug in enumerate([*slugs, OWN_CATEGORY])}


def tile(row: TagCount, covers: Mapping[int, Photo]) -> TagTile:
    return TagTile(row.tag.slug, called(row.tag), row.count, covers.get(row.cover_id), row.is_chosen)


def by_count(tiles: list[TagTile]) -> list[TagTile]:
    return sorted(tiles, key=lambda tile: (-tile.count, tile.name))
