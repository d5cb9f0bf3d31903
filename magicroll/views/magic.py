from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from magicroll.http import HttpRequest, shows_corpus, snapshot_read
from magicroll.models import Photo
from magicroll.views import facets
from magicroll.views.frame import render_page
from magicroll.views.months import rows
from tagging import search as reading

_LONGEST_SEARCH = 200  # characters
Tile = TypeVar("Tile", bound=reading.TagTile | reading.Shelf)


@login_required
@require_safe
@shows_corpus
def magic(request: HttpRequest) -> HttpResponse:
    context = {"shelves": _with_own_covers(reading.magic_view(request.corpus))}
    return render_page(request, "magic.html", "shelves", context)


@login_required
@require_safe
@shows_corpus
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        choice = reading.read(slug, request.GET)
        shown = reading.chosen_page(request.corpus, choice, request.GET.get("before"))
    except (reading.UnknownTag, reading.BadChoice, reading.BadCursor) as error:
        raise Http404 from error
    found = shown.tag
    context = {
        "tag": replace(found, tags=_tiles(found.tags, found.count, found.page.photos)),
        "rows": rows(request, found.page, context=choice.place),
        "choice": choice,
        "title": facets.title(shown.chosen),
        "chips": facets.chips(shown.chosen),
        "matches": facets.matches(choice),
        "refine": facets.address(choice, "refine"),
    }
    return render_page(request, "tag.html", "rows", context)


@login_required
@require_safe
@shows_corpus
def refine(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what can be chosen beside a tag, with exact counts: a part of its page, or a page of its own."""
    try:
        chosen = reading.resolve(request.corpus, reading.read(slug, request.GET))
    except (reading.UnknownTag, reading.BadChoice) as error:
        raise Http404 from error
    counted = reading.facets_of(request.corpus, chosen)
    context = {
        "refinements": facets.refinements(chosen, counted),
        "title": facets.title(chosen),
        "chips": facets.chips(chosen),
        "matches": facets.matches(chosen.choice),
        "back": facets.address(chosen.choice),
    }
    return render_page(request, "refine.html", "facets", context)


@login_required
@require_safe
@snapshot_read
def search(request: HttpRequest) -> HttpResponse:
    q = " ".join(request.GET.get("q", "").split())[:_LONGEST_SEARCH]
    try:
        found = reading.find(request.corpus, q, request.GET.get("before"))
    except reading.BadCursor as error:
        raise Http404 from error
    context = {"q": q, "found": found, "rows": rows(request, found.page, context=f"search:{q}")}
    return render_page(request, "search.html", "rows", context)


def _with_own_covers(shelves: Sequence[reading.Shelf]) -> list[reading.Shelf]:
    """Let no two categories show the same photo where one has another to show, and no two tags of one."""
    covers = _own_covers(shelves, lambda shelf: [*(tile.cover for tile in shelf.tags), *shelf.photos])
    return [
        replace(shelf, cover=cover, tags=_tiles(shelf.tags, shelf.count, shelf.photos))
        for shelf, cover in zip(shelves, covers, strict=True)
    ]


def _tiles(tags: list[reading.TagTile], count: int, photos: Sequence[Photo]) -> list[reading.TagTile]:
    """Leave out tags that say no more than their category does, unless there is nothing else.

    Of the photos at hand, those that name a tag among what they show may stand for it.
    """
    narrower = [tag for tag in tags if tag.count < count] or tags
    covers = _own_covers(narrower, lambda tag: [one for one in photos if tag.name in one.seen.split(", ")])
    return [replace(tag, cover=cover) for tag, cover in zip(narrower, covers, strict=True)]


def _own_covers(
    tiles: Sequence[Tile], others: Callable[[Tile], Iterable[Photo | None]]
) -> list[Photo | None]:
    """Choose a cover for each tile: its own, or the first of the others, that no other tile shows."""
    covers = [tile.cover for tile in tiles]
    shown: set[Photo] = set()
    counts = [tile.count for tile in tiles]
    order = sorted(range(len(tiles)), key=lambda place: (not tiles[place].chosen, counts[place]))
    for place in order:  # what a person chose stays; then those with the least choice first
        candidates = [covers[place], *(() if tiles[place].chosen else others(tiles[place]))]
        covers[place] = next((one for one in candidates if one and one not in shown), covers[place])
        shown.update(filter(None, [covers[place]]))
    return covers
