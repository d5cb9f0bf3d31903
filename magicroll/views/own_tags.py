import time
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from magicroll.http import HttpRequest, photo_or_404, snapshot_read
from magicroll.views.frame import render_page
from tagging import own_tags as learning
from tagging import search, tasks
from tagging.models import Tag, Verdict
from tagging.search import UnknownTag
from tagging.snapshots import IndexMissing

_KINDS = {"yes": Verdict.Kind.ADDED, "no": Verdict.Kind.REJECTED, "undo": None}
_TEACH_S = 1.5  # what is not through by then goes on in the background
_FOUND = 24
_LONGEST_SEARCH = 200  # characters
_DIGITS = 19  # 2**63 has as many: no id is as long


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_tags(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _list(request)
    name = request.POST.get("name", "")
    try:
        tag = learning.make(request.user, name)
    except learning.OwnTagRefused as refused:
        return _list(request, name=name, error=str(refused), status=422)
    return redirect("own_tag", tag.pk)


@snapshot_read
def _list(request: HttpRequest, *, name: str = "", error: str = "", status: int = 200) -> HttpResponse:
    context = {"tags": learning.own_tags(request.corpus), "name": name, "error": error}
    return render(request, "own_tags.html", context, status=status)


@login_required
@require_safe
def own_tag(request: HttpRequest, tag_id: int) -> HttpResponse:
    return _page(request, _own_tag_or_404(request, tag_id))


@login_required
@require_POST
def own_tag_judge(request: HttpRequest, tag_id: int) -> HttpResponse:
    tag = _own_tag_or_404(request, tag_id)
    for name, kind in _KINDS.items():
        photo_id = request.POST.get(name, "")
        if photo_id.isascii() and photo_id.isdigit() and len(photo_id) < _DIGITS:
            learning.judge(request.user, tag, [photo_or_404(request, int(photo_id)).pk], kind)
            return _shown(request, tag)
    return _page(request, tag, error=_("Choose a photo first."), status=422)


@login_required
@require_POST
def own_tag_teach(request: HttpRequest, tag_id: int) -> HttpResponse:
    tag = _own_tag_or_404(request, tag_id)
    until = time.monotonic() + _TEACH_S
    order = request.POST.get("order")
    try:
        if order == "teach":
            percent = _percent(request.POST.get("cut", ""))
            done = learning.teach(request.user, tag, (percent or 0) / 100, until=until)
        elif order == "stop":
            done = learning.stop(request.user, tag, until=until)
        else:
            return _page(request, tag, error=_("Choose what to do first."), status=422)
    except learning.OwnTagRefused as refused:
        return _page(request, tag, error=str(refused), status=422)
    except IndexMissing:
        tasks.hint_index(request.user.pk)
        wait = _("Your photos are being prepared for this. Try again in a minute.")
        return _page(request, tag, error=wait, status=422)
    if not done:
        tasks.hint_own_tags(request.user.pk)
    return _shown(request, tag)


@login_required
@require_POST
def own_tag_change(request: HttpRequest, tag_id: int) -> HttpResponse:
    tag = _own_tag_or_404(request, tag_id)
    order = request.POST.get("order")
    if order == "forget":
        learning.forget(request.user, tag)
        if learning.is_forgetting(request.user.pk):
            tasks.hint_wishes(request.user.pk)
        text = _("“%(name)s” is forgotten. Your photos are as they were.")
        messages.success(request, text % {"name": tag.name})
        return redirect("own_tags")
    if order != "rename":
        return _page(request, tag, error=_("Choose what to do first."), status=422)
    try:
        learning.rename(request.user, tag, request.POST.get("name", ""))
    except learning.OwnTagRefused as refused:
        return _page(request, tag, error=str(refused), status=422)
    return redirect("own_tag", tag.pk)


def _own_tag_or_404(request: HttpRequest, tag_id: int) -> Tag:
    try:
        return learning.own_tag(request.user.pk, tag_id)
    except UnknownTag as error:
        raise Http404("No such tag.") from error


def _shown(request: HttpRequest, tag: Tag) -> HttpResponse:
    """Show what an order led to: at once to htmx, after a redirect to browsers without it."""
    if request.htmx:
        return _page(request, tag)
    asked = {key: request.POST[key] for key in ("cut", "q") if request.POST.get(key)}
    return redirect(reverse("own_tag", args=[tag.pk]) + (f"?{urlencode(asked)}" if asked else ""))


@snapshot_read
def _page(request: HttpRequest, tag: Tag, *, error: str = "", status: int = 200) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    shown = learning.learning(request.corpus, tag, _percent(asked.get("cut", "")))
    if shown.index_missing:
        tasks.hint_index(request.user.pk)
    q = " ".join(asked.get("q", "").split())[:_LONGEST_SEARCH]
    context: dict[str, Any] = {"learning": shown, "tag": tag, "q": q, "error": error}
    context["found"] = _found(request, q, shown)
    response = render_page(request, "own_tag.html", "learn", context)
    response.status_code = status
    return response


def _found(request: HttpRequest, q: str, shown: learning.Learning) -> list[Any]:
    """Return photos to mark that the head doesn't know of: what was searched for, at first the newest ones."""
    if q:
        photos = search.find(request.corpus, q, limit=_FOUND).page.photos
    elif not shown.confirmed:
        photos = search.roll_page(request.corpus, limit=_FOUND).photos
    else:
        return []
    known = {photo.pk for photo in [*shown.confirmed, *shown.rejected]}
    return [photo for photo in photos if photo.pk not in known]


def _percent(text: str) -> int | None:
    """Read where the cut is to be; None where that is no whole number from 1 to 99."""
    known = text.isascii() and text.isdigit() and len(text) < 3
    return int(text) if known and 1 <= int(text) <= 99 else None
