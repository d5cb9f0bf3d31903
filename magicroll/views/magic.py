from collections.abc import Sequence
from dataclasses import replace

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from magicroll.http import HttpRequest, shows_corpus, snapshot_read
from magicroll.models import Photo
from magicroll.views.frame import render_page
from magicroll.views.months import rows
from tagging import search as reading

_LONGEST_SEARCH = 200  # characters


@login_required
@require_safe
@shows_corpus
def magic(request: HttpRequest) -> HttpResponse:
    context = {"shelves": _with_own_covers(reading.magic_view(reading.corpus_of(request.user)))}
    return render_page(request, "magic.html", "shelves", context)


@login_required
@require_safe
@shows_corpus
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        found = reading.tag_page(reading.corpus_of(request.user), slug, request.GET.get("before"))
    except (reading.UnknownTag, reading.BadCursor) as error:
        raise Http404 from error
    context = {
        "tag": replace(found, tags=_narrower(found.tags, found.count)),
        "rows": rows(request, found.page, context=f"tag:{found.slug}"),
    }
    return render_page(request, "tag.html", "rows", context)


@login_required
@require_safe
@snapshot_read
def search(request: HttpRequest) -> HttpResponse:
    q = " ".join(request.GET.get("q", "").split())[:_LONGEST_SEARCH]
    try:
        found = reading.find(reading.corpus_of(request.user), q, request.GET.get("before"))
    except reading.BadCursor as error:
        raise Http404 from error
    context = {"q": q, "found": found, "rows": rows(request, found.page, context=f"search:{q}")}
    return render_page(request, "search.html", "rows", context)


def _with_own_covers(shelves: Sequence[reading.Shelf]) -> list[reading.Shelf]:
    """Let no two tiles show the same photo where a category has another one to show."""
    covers: dict[str, Photo] = {}
    for shelf in sorted(shelves, key=lambda shelf: shelf.count):  # those with the least choice choose first
        candidates = [shelf.cover, *(tile.cover for tile in shelf.tags), *shelf.photos]
        free = (photo for photo in candidates if photo and photo not in covers.values())
        if cover := next(free, shelf.cover):
            covers[shelf.slug] = cover
    return [
        replace(shelf, cover=covers.get(shelf.slug), tags=_narrower(shelf.tags, shelf.count))
        for shelf in shelves
    ]


def _narrower(tags: list[reading.TagTile], count: int) -> list[reading.TagTile]:
    """Leave out tags that say no more than their category does, unless there is nothing else."""
    return [tag for tag in tags if tag.count < count] or tags
