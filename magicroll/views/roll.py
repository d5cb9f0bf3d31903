from datetime import UTC, date, datetime

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from magicroll.http import HttpRequest, shows_corpus
from magicroll.views.frame import render_page
from magicroll.views.months import rows
from tagging import search


@login_required
@require_safe
@shows_corpus
def roll(request: HttpRequest) -> HttpResponse:
    corpus = search.corpus_of(request.user)
    try:
        page = search.roll_page(corpus, request.GET.get("before"), month=_month(request))
    except search.BadCursor as error:
        raise Http404 from error
    context = {"rows": rows(request, page, counts=search.months(corpus))}
    return render_page(request, "roll.html", "rows", context)


@login_required
@require_safe
@shows_corpus
def favourites(request: HttpRequest) -> HttpResponse:
    corpus = search.corpus_of(request.user)
    try:
        page = search.roll_page(corpus, request.GET.get("before"), favourites=True)
    except search.BadCursor as error:
        raise Http404 from error
    return render_page(
        request, "favourites.html", "rows", {"rows": rows(request, page, context="favourites")}
    )


def _month(request: HttpRequest) -> date | None:
    text = request.GET.get("month")
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise Http404 from error
