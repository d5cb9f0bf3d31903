"""The search box: tags with their synonyms, years, months, file names; all words must hold."""

import re
from calendar import month_abbr, month_name
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from django.db.models import Exists, OuterRef, Q
from django.utils.text import slugify

from magicroll.models import Photo
from tagging import local_names
from tagging.models import Corpus, MonthCount, PhotoTag, Tag
from tagging.releases import release_tags
from tagging.search import listing
from tagging.search.choice import Choice
from tagging.search.choosing import Chosen, selection_of
from tagging.search.covers import with_chosen
from tagging.search.listing import PAGE, Listing, Ordered, Page
from tagging.search.names import Named
from tagging.search.pages import TagTile, counts, is_muted, tile
from tagging.words import typed

MAX_WORDS = 12
LONGEST_TAG = 4  # words
# Said around what is meant; as parts of file names they would rule out every photo.
FILLERS = {
    *("a", "an", "and", "at", "by", "for", "from", "in", "me", "my", "of", "on", "our", "the", "with"),
    *("image", "images", "photo", "photos", "picture", "pictures", "show"),
}
MONTHS = {
    name.lower(): number
    for names in (month_name, month_abbr)
    for number, name in enumerate(names)
    if name
} | {"sept": 9}  # fmt: skip


@dataclass(slots=True)
class Query:
    """What a search was understood to ask for."""

    tags: list[Tag] = field(default_factory=list)
    years: list[int] = field(default_factory=list)
    months: list[int] = field(default_factory=list)
    name_parts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """Photos, newest first, and the tags that the words may mean, for one click more."""

    query: Query
    tags: list[TagTile]
    page: Page


def find(corpus: Corpus, text: str, before: str | None = None, limit: int = PAGE) -> Found:
    """Search one corpus. Empty text finds nothing. Raises listing.BadCursor."""
    text = typed(text)
    query = understand(corpus, text)
    if query == Query():
        return Found(query, [], Page([], None, 0))
    page = listing.page_of(corpus, in_order(corpus, query), before, limit)
    return Found(query, _tiles(corpus, query, text) if before is None else [], page)


def understand(corpus: Corpus, text: str) -> Query:
    """Read words from left to right; the longest run that names a tag wins, then dates, then file names."""
    words = typed(text).split()[:MAX_WORDS]
    query = Query()
    while words:
        words = words[_take(corpus, words, query) :]
    if query.tags or query.years or query.months:
        query.name_parts = [part for part in query.name_parts if part not in FILLERS | local_names.fillers()]
    return query


def _take(corpus: Corpus, words: list[str], query: Query) -> int:
    """Move the first meaning into the query and return how many words it used."""
    for n in range(min(LONGEST_TAG, len(words)), 0, -1):
        tag = _tag(corpus, " ".join(words[:n]))
        if tag is not None:
            query.tags.append(tag)
            return n
    word = words[0].casefold()
    if re.fullmatch(r"(18|19|20)\d\d", word):
        query.years.append(int(word))
    elif match := re.fullmatch(r"((?:18|19|20)\d\d)-(0?[1-9]|1[0-2])", word):
        query.years.append(int(match[1]))
        query.months.append(int(match[2]))
    elif month := MONTHS.get(word) or local_names.month_named(word):
        query.months.append(month)
    else:
        query.name_parts.append(word)
    return 1


def _tag(corpus: Corpus, words: str) -> Tag | None:
    slug = slugify(words, allow_unicode=True)  # without case or quotes, alike in every database
    own = Tag.objects.filter(owner=corpus.owner_id, slug=slug).first() if slug else None
    slugs = local_names.meant(release_tags(corpus.active_id).vocabulary, words) if own is None else []
    tag = own or (Tag.objects.filter(owner=None, slug=slugs[0]).first() if slugs else None)
    # What is muted is no word of this person's, and can still be a part of a file's name.
    return None if tag is None or is_muted(corpus, tag.pk) else tag


def in_order(corpus: Corpus, query: Query) -> Ordered:
    """List what `matching` does, with the help of what is kept in memory where names or several tags must hold.

    A database takes the rows of several tags for independent, expects next to none to be left, and reads all of each.
    """
    if query.name_parts:
        return Named.of(corpus, matching(corpus, query), query.name_parts)
    if len(query.tags) < 2 or query.months:
        return matching(corpus, query)
    first, *others = query.tags
    choice = Choice(first.slug, tuple(tag.slug for tag in others), years=tuple(query.years))
    return selection_of(corpus, Chosen(choice, query.tags, []))


def matching(corpus: Corpus, query: Query) -> Listing:
    """List the photos that answer a query, from the reverse index where it names a tag."""
    photos = Photo.objects.owned_by(corpus.owner_id).live()
    for part in query.name_parts:
        photos = photos.filter(name_folded__contains=part)
    if not query.tags:
        return Listing(photos.filter(_dates(corpus, query)), "id")
    first, *others = query.tags
    rows = PhotoTag.objects.seen_in(corpus).filter(_dates(corpus, query), tag=first)
    for tag in others:
        same = PhotoTag.objects.seen_in(corpus).filter(
            tag=tag, taken_at=OuterRef("taken_at"), photo=OuterRef("photo")
        )
        rows = rows.filter(Exists(same))
    if query.name_parts:
        same_photo = photos.filter(taken_at=OuterRef("taken_at"), id=OuterRef("photo_id"))
        rows = rows.filter(Exists(same_photo))
    return Listing(rows, "photo_id")


def _dates(corpus: Corpus, query: Query) -> Q:
    """Any of the years, any of the months, as ranges, so that the key's index serves them.

    A month without a year is that month of each year in which the roll has it.
    """
    if not query.months:
        firsts = [date(year, 1, 1) for year in query.years]
        return _any_of(firsts, months=12)
    months = MonthCount.objects.filter(owner=corpus.owner_id, month__month__in=query.months)
    if query.years:
        months = months.filter(month__year__in=query.years)
    return _any_of(list(months.values_list("month", flat=True)), months=1) or Q(taken_at__in=[])


def _any_of(firsts: Sequence[date], months: int) -> Q:
    """Match what was taken in the given number of months from any of these days on."""
    spans = [(_midnight(first, 0), _midnight(first, months)) for first in sorted(firsts, reverse=True)]
    if not spans:
        return Q()
    # The outer bounds let the index scan begin at the newest span instead of the newest photo.
    found = Q()
    for start, end in spans:
        found |= Q(taken_at__gte=start, taken_at__lt=end)
    return Q(taken_at__gte=spans[-1][0], taken_at__lt=spans[0][1]) & found


def _midnight(first: date, months_later: int) -> datetime:
    year, month = divmod(first.year * 12 + first.month - 1 + months_later, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def _tiles(corpus: Corpus, query: Query, text: str) -> list[TagTile]:
    vocabulary = release_tags(corpus.active_id).vocabulary
    slugs = [tag.slug for tag in query.tags] or local_names.suggested(vocabulary, text)
    named = Q(tag__slug__in=slugs) | Q(tag__owner=corpus.owner_id, tag__name__icontains=text)
    rows = counts(corpus).filter(named).select_related("tag")
    counted = with_chosen(corpus, rows)
    covers = {photo.id: photo for photo in listing.covers(corpus, [row.cover_id for row in counted])}
    tiles = [tile(row, covers) for row in counted]
    order = {slug: place for place, slug in enumerate(slugs)}
    return sorted(tiles, key=lambda tile: order.get(tile.slug, len(order)))[:12]
