"""Magic View by choice: several tags, years, surer only; what is left, and how much with one step more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tagging.local_names import called
from tagging.models import Corpus, Tag, TagCount
from tagging.releases import release_tags
from tagging.search import listing
from tagging.search.choice import Choice
from tagging.search.listing import PAGE
from tagging.search.pages import TagPage, UnknownTag, counts, page_about, tag_page
from tagging.search.postings import Mask, Postings, postings_of
from tagging.search.selecting import NOTHING, Selection, Span, Wanted, count_by_year, in_years, select, surest
from tagging.words import typed


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice with its tags, in the choice's order."""

    choice: Choice
    asked: list[Tag]
    refused: list[Tag]


@dataclass(frozen=True, slots=True)
class ChosenPage:
    """One page of a choice; `tag` is the page's own, `tag.count` the whole list's."""

    chosen: Chosen
    tag: TagPage


@dataclass(frozen=True, slots=True)
class TagFacet:
    """One tag more: how many photos with it as well, and how many without it."""

    slug: str
    name: str
    category: str  # its name
    with_it: int
    without_it: int


@dataclass(frozen=True, slots=True)
class YearFacet:
    year: int
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What one step more leaves, exactly. Tags by count; years newest first, as if no year was chosen; `surer`: of
    the photos shown, or of those that would be shown without it."""

    total: int
    tags: list[TagFacet]
    years: list[YearFacet]
    surer: int


def chosen_page(corpus: Corpus, choice: Choice, before: str | None = None, limit: int = PAGE) -> ChosenPage:
    """Return one page of a choice, newest first. Raises UnknownTag, BadCursor."""
    chosen = resolve(corpus, choice)
    if choice.is_plain:
        return ChosenPage(chosen, tag_page(corpus, choice.first, before, limit))
    selection = selection_of(corpus, chosen)
    page = listing.page_of(corpus, selection, before, limit, selection.count)
    return ChosenPage(chosen, page_about(corpus, chosen.asked[0], selection.count, page))


def resolve(corpus: Corpus, choice: Choice) -> Chosen:
    """Look up the tags of a choice: one query. Raises UnknownTag."""
    slugs = {slug: typed(slug) for slug in (*choice.tags, *choice.without)}
    tags = Tag.objects.filter(slug__in=slugs.values())
    visible = tags.filter(owner=None) | tags.filter(owner=corpus.owner_id)
    by_slug: dict[str, Tag] = {}
    for tag in visible:  # a person's own tag stands before the shared one
        if tag.slug not in by_slug or tag.owner_id is not None:
            by_slug[tag.slug] = tag
    missing = [slug for slug in slugs if slugs[slug] not in by_slug]
    if missing:
        raise UnknownTag(missing[0])
    named = {slug: by_slug[clean] for slug, clean in slugs.items()}
    return Chosen(choice, [named[slug] for slug in choice.tags], [named[slug] for slug in choice.without])


def selection_of(corpus: Corpus, chosen: Chosen) -> Selection:
    """Return all photos of a choice, in order."""
    wanted = {tag.pk for tag in (*chosen.asked, *chosen.refused)}
    versions = dict(counts(corpus).filter(tag__in=wanted).values_list("tag_id", "version"))
    found = select(_wanted(chosen, postings_of(corpus, versions)))
    return Selection(in_years(found, chosen.choice.years))


def facets_of(corpus: Corpus, chosen: Chosen) -> Facets:
    """Count what one step more leaves: every further tag, every year, surer only."""
    rows = list(counts(corpus).select_related("tag"))
    postings = postings_of(corpus, {row.tag_id: row.version for row in rows})
    choice = chosen.choice
    wanted = _wanted(chosen, postings)
    of_all_years = select(wanted, in_order=False)
    shown = in_years(of_all_years, choice.years)
    sure = select(replace(wanted, surer=True), in_order=False)
    return Facets(
        total=shown.ids.size,
        tags=_tag_facets(corpus, chosen, rows, postings, shown),
        years=[YearFacet(year, count) for year, count in count_by_year(of_all_years).items()],
        surer=in_years(sure, choice.years).ids.size,
    )


def _wanted(chosen: Chosen, postings: Mapping[int, Postings]) -> Wanted:
    return Wanted(
        [postings.get(tag.pk, NOTHING) for tag in chosen.asked],
        [postings.get(tag.pk, NOTHING) for tag in chosen.refused],
        chosen.choice.match_any,
        chosen.choice.surer,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What further tags are held against: the photos shown, and those refused, as tables over one span."""

    choice: Choice
    span: Span
    total: int
    shown: Mask
    refused: Mask

    def shared(self, photos: Postings) -> int:
        """Count the photos of a tag that are shown."""
        return int(np.count_nonzero(self.span.among(photos.ids, self.shown)))

    def with_it(self, photos: Postings) -> int:
        """Count what would be shown with this tag too."""
        if self.choice.surer:
            photos = surest(photos)
        if not self.choice.match_any:
            return self.shared(photos)
        allowed = in_years(photos, self.choice.years)
        allowed = allowed.at(~self.span.among(allowed.ids, self.refused))
        return self.total + allowed.ids.size - self.shared(photos)


def _tag_facets(
    corpus: Corpus,
    chosen: Chosen,
    rows: Collection[TagCount],
    postings: Mapping[int, Postings],
    shown: Postings,
) -> list[TagFacet]:
    span = Span(postings.values())
    refused = [NOTHING.ids, *(one.ids for one in _wanted(chosen, postings).refused)]
    ground = _Ground(
        chosen.choice, span, shown.ids.size, span.table(shown.ids), span.table(np.concatenate(refused))
    )
    used = {tag.pk for tag in (*chosen.asked, *chosen.refused)}
    categories = _category_names(corpus, rows)
    facets = [
        TagFacet(
            row.tag.slug,
            called(row.tag),
            categories.get(row.tag_id, ""),
            ground.with_it(postings[row.tag_id]),
            ground.total - ground.shared(postings[row.tag_id]),
        )
        for row in rows
        if row.tag_id not in used
    ]
    return sorted(facets, key=lambda facet: (-facet.with_it, facet.name))


def _category_names(corpus: Corpus, rows: Collection[TagCount]) -> dict[int, str]:
    """Name the category of each tag that is counted; a category is its own."""
    hierarchy = release_tags(corpus.active_id).hierarchy
    names = {row.tag_id: called(row.tag) for row in rows if row.tag.kind == Tag.Kind.CATEGORY}
    return {
        row.tag_id: called(row.tag)
        if row.tag.kind == Tag.Kind.CATEGORY
        else names.get(hierarchy.category(row.tag_id), "")
        for row in rows
    }
