from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from magicroll import intake, services
from magicroll.facts import facts_of
from magicroll.http import HttpRequest, photo_or_404, snapshot_read
from magicroll.models import Photo
from magicroll.photo_forms import date_as_typed
from tagging import search, tasks
from tagging import services as tagging
from tagging.search.listing import describe

_NAME_CHARS = 80
_DIGITS = 19  # 2**63 has as many: no id is as long


@dataclass(frozen=True, slots=True)
class Beside:
    """A neighbour: its page, and the picture to fetch ahead."""

    url: str
    preview: str


@login_required
@require_safe
@snapshot_read
def photo(request: HttpRequest, photo_id: int) -> HttpResponse:
    return show_photo(request, photo_or_404(request, photo_id))


def show_photo(request: HttpRequest, found: Photo, *, status: int = 200, **more: object) -> HttpResponse:
    """Show a photo as a page, or as what the viewer over a list shows, where that asks.

    more: what else the templates need, such as a form that was filled in wrongly.
    """
    within = within_of(request)
    neighbours = search.neighbours(request.corpus, found, within)
    context = {
        "photo": found,
        "facts": facts_of(found),
        "within": within,
        "back": _back(found, within),
        "previous": _neighbour(request, neighbours.previous, within),
        "next": _neighbour(request, neighbours.next, within),
        "tags": search.photo_tags(request.corpus, found),
        "days_left": _days_left(found),
        "date_typed": date_as_typed(found),
    }
    describe(request.corpus, [found])
    in_viewer = request.htmx and not request.htmx.boosted
    response = render(
        request, "partials/photo_viewer.html" if in_viewer else "photo.html", context | more, status=status
    )
    patch_vary_headers(response, ["HX-Request", "HX-Boosted"])
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def photo_tags(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    if request.method != "POST":
        return _tags(request, found)
    error = _judge(request, found)
    if error:
        return _tags(request, found, error=error, status=422)
    if request.htmx:
        return _tags(request, found)
    return to_photo(request, found)


@login_required
@require_safe
@snapshot_read
def similar(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    alike = search.similar_photos(request.corpus, found)
    if alike.index_missing:
        tasks.hint_index(request.user.pk)
    context = {"photo": found, "origin": found.pk, "similar": alike}
    template = "partials/photo_similar.html" if request.htmx and not request.htmx.boosted else "similar.html"
    return render(request, template, context)


@login_required
@require_POST
def photo_favourite(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    wanted = request.POST.get("favourite")
    if wanted not in ("yes", "no"):
        return HttpResponse("Say favourite=yes or favourite=no.", status=422, content_type="text/plain")
    services.set_favourite(request.user, found.pk, wanted == "yes")
    if request.htmx:
        found.refresh_from_db(fields=["favourite"])
        context = {"photo": found, "within": within_of(request)}
        return render(request, "partials/photo_bar.html#favourite", context)
    return to_photo(request, found)


@login_required
@require_POST
def photo_trash(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    within = within_of(request)
    neighbours = search.neighbours(search.corpus_of(request.user), found, within)
    services.trash(request.user, [found.pk])
    messages.success(request, _("Moved to trash."), extra_tags=f"undo-{found.pk}")
    beside = neighbours.next or neighbours.previous
    return redirect(_address(beside, within)) if beside else _to_list(request, _back(found, within))


@login_required
@require_POST
def photo_restore(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    services.restore(request.user, [found.pk])
    messages.success(request, _("Back in your roll."))
    return to_photo(request, found)


@login_required
@require_POST
def photo_delete(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    if found.is_live:
        return HttpResponse(_("Move the photo to the trash first."), status=422, content_type="text/plain")
    services.purge(request.user, [found.pk])
    messages.success(request, _("Deleted for good."))
    return _to_list(request, reverse("set_aside" if found.state == Photo.State.SET_ASIDE else "trash"))


@login_required
@require_POST
def photo_retry(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    intake.retry_set_aside(request.user, found)
    return to_photo(request, found)


@login_required
@require_safe
def suggest(request: HttpRequest) -> HttpResponse:
    prefix = request.GET.get("q", request.GET.get("name", "")).strip()[:_NAME_CHARS]
    words = search.suggest(search.corpus_of(request.user), prefix) if prefix else []
    return render(request, "partials/tag_options.html", {"words": words})


def _judge(request: HttpRequest, found: Photo) -> str:
    """Carry out what was said about a tag; return what was wrong with it, empty if nothing."""
    verdict, name, tag = (request.POST.get(key, "").strip() for key in ("verdict", "name", "tag"))
    known = tag.isascii() and tag.isdigit() and len(tag) < _DIGITS
    try:
        if verdict == "add":
            if not name:
                return _("Type a tag first.")
            tagging.add_tag(request.user, found, name)
        elif verdict == "reject" and known:
            tagging.reject_tag(request.user, found, int(tag))
        elif verdict == "undo" and known:
            tagging.undo_verdict(request.user, found, int(tag))
        else:
            return _("Choose a tag first.")
    except tagging.TagRefused as refused:
        return str(refused)
    return ""


@snapshot_read
def _tags(request: HttpRequest, found: Photo, *, error: str = "", status: int = 200) -> HttpResponse:
    tags = search.photo_tags(request.corpus, found)
    context: dict[str, Any] = {"photo": found, "tags": tags, "error": error, "within": within_of(request)}
    template = "partials/photo_tags.html" if request.htmx else "tags.html"
    return render(request, template, context, status=status)


def _days_left(found: Photo) -> int:
    """Return after how many days a photo in the trash is deleted for good."""
    if found.trashed_at is None:
        return 0
    return max(0, settings.TRASH_DAYS - (timezone.now() - found.trashed_at).days)


def within_of(request: HttpRequest) -> str:
    """Return the list that a photo was opened from."""
    return request.POST.get("in") or request.GET.get("in") or "roll"


def _address(photo_id: int, within: str) -> str:
    query = "" if within == "roll" else "?" + urlencode({"in": within})
    return reverse("photo", args=[photo_id]) + query


def to_photo(request: HttpRequest, found: Photo) -> HttpResponse:
    """Lead back to the photo, in the list that it was opened from."""
    return redirect(_address(found.pk, within_of(request)))


def _to_list(request: HttpRequest, address: str) -> HttpResponse:
    """Lead to a list; the viewer, which follows redirects by itself, leaves the showing of it to the browser."""
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _neighbour(request: HttpRequest, photo_id: int | None, within: str) -> Beside | None:
    if photo_id is None:
        return None
    revision = Photo.objects.owned_by(request.user).values_list("revision", flat=True).get(pk=photo_id)
    return Beside(_address(photo_id, within), f"{reverse('preview', args=[photo_id])}?r={revision}")


def _back(found: Photo, within: str) -> str:
    """Return the page that the photo was opened from."""
    kind, _, rest = within.partition(":")
    if kind == "tag" and (slug := rest.partition("?")[0]) and "/" not in slug:
        return reverse("tag", args=[slug]) + rest[len(slug) :]
    if kind == "search" and rest:
        return reverse("search") + "?" + urlencode({"q": rest})
    if kind == "favourites":
        return reverse("favourites")
    if found.trashed_at is not None:
        return reverse("trash")
    if found.state == Photo.State.SET_ASIDE:
        return reverse("set_aside")
    return reverse("roll") + "?" + urlencode({"photo": found.pk})
