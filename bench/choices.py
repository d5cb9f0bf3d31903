"""Addresses of the Magic View by choice, for bench/pages.py: several tags, years, surer only, and what is beside."""

from itertools import cycle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagging.models import Corpus

DEEP = 0.75  # how far down a list


def choices(corpus: "Corpus", tags: list[str]) -> dict[str, list[str]]:
    """Name pages with their addresses; `tags` are slugs from the commonest to the rarest, at least three."""
    from django.urls import reverse

    from tagging.search import Choice

    def address(choice: Choice, view: str = "tag") -> str:
        return f"{reverse(view, args=[choice.first])}?{choice.query}"

    pairs = list(zip(tags, [*tags[1:], tags[0]], strict=True))
    every = [Choice(a, (b,)) for a, b in pairs]
    either = [Choice(a, (b,), match_any=True) for a, b in pairs]
    years = [Choice(slug, years=(year, year - 3)) for slug, year in zip(tags, cycle(range(2014, 2026)))]
    mixed = [Choice(a, (b,), (tags[0],), (2020, 2019), surer=True) for a, b in pairs[1:-1]]
    return {
        "choice_all": [address(one) for one in every],
        "choice_any": [address(one) for one in either],
        "choice_not": [address(Choice(a, without=(b,))) for a, b in pairs],
        "choice_years": [address(one) for one in years],
        "choice_surer": [address(Choice(slug, surer=True)) for slug in tags],
        "choice_mixed": [address(one) for one in mixed],
        "choice_any_deep": [f"{address(one)}&before={key}" for one in either if (key := _deep(corpus, one))],
        "choice_counts": [address(one, "refine") for one in (*map(Choice, tags), *every, *either)],
        "photo_in_choice": _photos(corpus, every),
    }


def _deep(corpus: "Corpus", choice: object) -> str:
    """Return a cursor far down a list; empty for a short one."""
    from tagging.search.choosing import resolve, selection_of

    selection = selection_of(corpus, resolve(corpus, choice))
    keys = selection.older(None, selection.count)
    return str(keys[int(len(keys) * DEEP)]) if len(keys) > 4 else ""


def _photos(corpus: "Corpus", choices: list) -> list[str]:
    from urllib.parse import urlencode

    from django.urls import reverse

    from tagging import search

    found = []
    for choice in choices:
        photos = search.chosen_page(corpus, choice).tag.page.photos
        place = urlencode({"in": choice.place})
        found += [f"{reverse('photo', args=[photo.id])}?{place}" for photo in photos[-1:]]
    return found
