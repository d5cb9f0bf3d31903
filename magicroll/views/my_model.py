"""For everybody: which release tags one's own photos, and how far another one is."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from magicroll import exporting
from magicroll.http import HttpRequest, snapshot_read
from tagging import search, services


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def my_model(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _told(request)
    if request.htmx and not request.htmx.boosted:
        return _line(request)
    return _page(request)


@snapshot_read
def _page(request: HttpRequest) -> HttpResponse:
    about, told = search.about(request.corpus), exporting.anything_told(request.user)
    return render(request, "my_model.html", {"about": about, "told": told})


@snapshot_read
def _line(request: HttpRequest) -> HttpResponse:
    """Tell how far it is; once it is over, let the page show what changed."""
    response = render(request, "partials/refill_line.html")
    over = search.refill_of(request.corpus) is None
    return trigger_client_event(response, "photos-changed") if over else response


def _told(request: HttpRequest) -> HttpResponse:
    """Remember that the news was shown."""
    release = request.POST.get("release", "")
    if not release.isdecimal() or not services.told(request.user, int(release[:18])):
        return HttpResponse("This release does not tag your photos.", status=422, content_type="text/plain")
    return HttpResponse("") if request.htmx else redirect("roll")
