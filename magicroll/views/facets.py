"""What can be chosen beside a tag, as links: each leads to an address that says the whole choice."""

from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tagging.local_names import called
from tagging.models import Tag
from tagging.search import Choice, Chosen, Facets, TagFacet

MOST_AT_HAND = 10  # tags beside the title; the others are in the menu


@dataclass(frozen=True, slots=True)
class Chip:
    """Something that is chosen, and the address without it."""

    name: str
    url: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step more, and how many photos it leaves."""

    name: str
    count: int
    url: str
    on: bool = False


@dataclass(frozen=True, slots=True)
class TagStep:
    """A further tag: photos with it too, and photos without it. An address is empty where that changes nothing."""

    name: str
    with_it: Step | None
    without_it: Step | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """The further tags of one category."""

    name: str
    tags: list[TagStep]


@dataclass(frozen=True, slots=True)
class Refinements:
    total: int
    years: list[Step]
    surer: Step
    at_hand: list[TagStep]
    shelves: list[Shelf]


def address(choice: Choice | None, view: str = "tag") -> str:
    """Return the address of a choice; without one, that of the Magic View."""
    if choice is None:
        return reverse("magic")
    return reverse(view, args=[choice.first]) + (f"?{choice.query}" if choice.query else "")


def title(chosen: Chosen) -> str:
    """Say a choice in words: "Dog and beach, without person, in 2019 or 2021"."""
    choice = chosen.choice
    asked = [called(tag) for tag in chosen.asked]
    words = capfirst(_any_of(asked) if choice.match_any else _all_of(asked))
    if chosen.refused:
        refused = _any_of([called(tag) for tag in chosen.refused])
        words = _("%(tags)s, without %(refused)s") % {"tags": words, "refused": refused}
    if choice.years:
        years = _any_of([str(year) for year in choice.years])
        words = _("%(tags)s, in %(years)s") % {"tags": words, "years": years}
    return words


def _all_of(words: list[str]) -> str:
    return reduce(
        lambda first, second: _("%(first)s and %(second)s") % {"first": first, "second": second}, words
    )


def _any_of(words: list[str]) -> str:
    return reduce(
        lambda first, second: _("%(first)s or %(second)s") % {"first": first, "second": second}, words
    )


def chips(chosen: Chosen) -> list[Chip]:
    """Name what is chosen beside the page's own tag, each to be taken back."""
    choice = chosen.choice
    if choice.is_plain:
        return []
    asked = [Chip(capfirst(called(tag)), address(choice.dropping(tag.slug))) for tag in chosen.asked]
    refused = [
        Chip(_without(called(tag)), address(choice.dropping(tag.slug)), refused=True)
        for tag in chosen.refused
    ]
    years = [Chip(str(year), address(choice.toggling_year(year))) for year in choice.years]
    surer = [Chip(_("Surer only"), address(replace(choice, surer=False)))] if choice.surer else []
    return [*asked, *refused, *years, *surer]


def _without(name: str) -> str:
    return pgettext("left out", "Not %(name)s") % {"name": name}


def matches(choice: Choice) -> list[Step]:
    """Offer "all of these" and "any of these" where there are several."""
    if not choice.further:
        return []
    return [
        Step(name, 0, address(replace(choice, match_any=match_any)), on=choice.match_any == match_any)
        for name, match_any in ((_("All of these"), False), (_("Any of these"), True))
    ]


def refinements(chosen: Chosen, facets: Facets) -> Refinements:
    """Turn counts into links. At hand are tags, no categories, and none that the page shows as tiles already."""
    choice, first = chosen.choice, chosen.asked[0]
    shown_already = called(first) if first.kind == Tag.Kind.CATEGORY and choice.is_plain else ""
    steps = {facet.slug: _tag_step(choice, facets, facet) for facet in facets.tags}
    useful = [facet for facet in facets.tags if steps[facet.slug].with_it or steps[facet.slug].without_it]
    by_category = sorted(useful, key=lambda facet: facet.category)  # stable: the commonest first
    return Refinements(
        total=facets.total,
        years=_years(choice, facets),
        surer=Step(
            _("Surer only"), facets.surer, address(replace(choice, surer=not choice.surer)), choice.surer
        ),
        at_hand=[
            steps[facet.slug]
            for facet in useful
            if steps[facet.slug].with_it and facet.category not in (facet.name, shown_already)
        ][:MOST_AT_HAND],
        shelves=[
            Shelf(name, [steps[facet.slug] for facet in of_one])
            for name, of_one in groupby(by_category, key=lambda facet: facet.category)
        ],
    )


def _tag_step(choice: Choice, facets: Facets, facet: TagFacet) -> TagStep:
    name = capfirst(facet.name)
    adds = 0 < facet.with_it != facets.total
    takes = 0 < facet.without_it != facets.total
    return TagStep(
        name,
        Step(name, facet.with_it, address(choice.adding(facet.slug))) if adds else None,
        Step(name, facet.without_it, address(choice.excluding(facet.slug))) if takes else None,
    )


def _years(choice: Choice, facets: Facets) -> list[Step]:
    found = {year.year: year.count for year in facets.years}
    shown = sorted(found.keys() | set(choice.years), reverse=True)
    return [
        Step(str(year), found.get(year, 0), address(choice.toggling_year(year)), on=year in choice.years)
        for year in shown
    ]
