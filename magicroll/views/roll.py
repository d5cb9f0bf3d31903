from datetime import date

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from magicroll.http import HttpRequest, photo_or_404, shows_corpus
from magicroll.views import timeline
from magicroll.views.frame import render_page
from magicroll.views.months import rows
from tagging import search
from tagging.search.timeline import Place, place_of


@login_required
@require_safe
@shows_corpus
def roll(request: HttpRequest) -> HttpResponse:
    place = _place(request)
    try:
        page = search.roll_page(request.corpus, request.GET.get("before"), day=place.day if place else None)
    except search.BadCursor as error:
        raise Http404 from error
    months = search.months(request.corpus)
    context = {"rows": rows(request, page, counts=months), "months": months}
    if not request.htmx or request.htmx.boosted:
        context["timeline"] = timeline.in_page(request.corpus, place)
    return render_page(request, "roll.html", "rows", context)


@login_required
@require_safe
@shows_corpus
def favourites(request: HttpRequest) -> HttpResponse:
    try:
        page = search.roll_page(request.corpus, request.GET.get("before"), favourites=True)
    except search.BadCursor as error:
        raise Http404 from error
    return render_page(
        request, "favourites.html", "rows", {"rows": rows(request, page, context="favourites")}
    )


def _place(request: HttpRequest) -> Place | None:
    """Read where the roll is to be opened: at a photo of it, at one of the photos of a day, or at a month."""
    if photo_id := timeline.number_of(request.GET.get("photo")):
        photo = photo_or_404(request, photo_id)
        return Place(photo.taken_at.date(), place_of(request.corpus, photo))
    if day := timeline.day_of(request.GET.get("at")):
        return Place(day, timeline.number_of(request.GET.get("nth")) or 0)
    if month := request.GET.get("month"):
        return Place(search.last_day(timeline.day_of(f"{month}-01") or date.max))
    return None
