"""For administrators: releases, who is on them, and who did what."""

import time

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from magicroll.forms import OrderForm
from magicroll.http import HttpRequest, knows, staff_only, state_tag
from magicroll.models import User
from magicroll.views.frame import render_page
from tagging.models import Corpus, CorpusRefill, Refill, Release
from tagging.refill import orders, progress, releases

_OPEN_SHOWN = 20
_ENDED_SHOWN = 10
_APPROVALS_SHOWN = 10
_LONGEST_NAME = 150
_PATIENCE_S = 10  # then an answer is due, whatever is left
_LARGEST_ID = 2**63 - 1


@never_cache
@staff_only
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    open_ = _refills(Refill.State.RUNNING, Refill.State.PAUSED)[:_OPEN_SHOWN]
    tag = state_tag(progress.mark(list(open_)))
    if knows(request, tag):
        return HttpResponse(status=304)
    waiting = CorpusRefill.objects.filter(state=CorpusRefill.State.WHOLE)
    context = {
        "tag": tag,
        "open": progress.summaries(list(open_)),
        "approvals": waiting.select_related("owner", "refill__release").order_by("id")[:_APPROVALS_SHOWN],
        "approvals_count": waiting.count(),
    }
    if not request.htmx or request.htmx.boosted:
        ended = _refills(Refill.State.DONE, Refill.State.CANCELLED)[:_ENDED_SHOWN]
        context |= {"releases": releases.releases(), "ended": progress.summaries(list(ended))}
    return render_page(request, "models.html", "open", context)


@never_cache
@staff_only
@require_POST
def release(request: HttpRequest, release_id: int) -> HttpResponse:
    found = get_object_or_404(Release.objects.defer("vocabulary_json"), pk=release_id)
    order = OrderForm(request.POST, "default", "withdraw", "roll-back").chosen
    try:
        if order == "default":
            orders.make_default(request.user, found)
            messages.success(request, _("New people begin with %(name)s.") % {"name": found.name})
        elif order == "withdraw":
            orders.withdraw(request.user, found)
            messages.success(
                request, _("%(name)s is withdrawn: no refill begins with it any more.") % {"name": found.name}
            )
        elif order == "roll-back":
            count = orders.roll_back_all(request.user, found, soon())
            left = Corpus.objects.filter(active=found, previous__isnull=False).count()
            said_rolled_back(request, count, left)
        else:
            raise orders.OrderRefused(_("Choose what to do with the release."))
    except orders.OrderRefused as refused:
        return refuse(request, refused)
    return redirect("models")


@never_cache
@staff_only
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("name", "").strip()[:_LONGEST_NAME]
    page = releases.corpora(request.GET.get("after", "")[:_LONGEST_NAME], words)
    return render(request, "models_people.html", {"page": page, "words": words})


@never_cache
@staff_only
@require_POST
def person(request: HttpRequest, user_id: int) -> HttpResponse:
    """Take one person back from the release that the page showed."""
    found = get_object_or_404(User, pk=user_id, corpus__isnull=False)
    leaving = _number(request.POST.get("leaving"))
    try:
        if OrderForm(request.POST, "roll-back").chosen != "roll-back" or leaving is None:
            raise orders.OrderRefused(_("Say what to roll back."))
        left = Release.objects.filter(pk=leaving).first()
        if left is None:
            raise orders.OrderRefused(_("There is no such release."))
        now = orders.roll_back(request.user, found, left)
    except orders.OrderRefused as refused:
        return refuse(request, refused)
    messages.success(
        request, _("%(name)s is on %(release)s again.") % {"name": found.username, "release": now.name}
    )
    refill = _number(request.POST.get("refill"))
    if refill is not None and Refill.objects.filter(pk=refill).exists():
        return redirect("models_refill", refill)
    return redirect("models_people")


@never_cache
@staff_only
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    before = request.GET.get("before")
    number = _number(before)
    if before and number is None:
        raise Http404("No such place in the list.")
    return render(request, "models_audit.html", {"page": releases.audit_trail(number)})


def refuse(request: HttpRequest, why: orders.OrderRefused) -> HttpResponse:
    """Say what was wrong with an order, on a page that leads back."""
    return render(request, "models_refused.html", {"why": str(why)}, status=422)


def soon() -> float:
    """Return until when an order for many people may go on, of the monotonic clock."""
    return time.monotonic() + _PATIENCE_S


def said_rolled_back(request: HttpRequest, count: int, left: int) -> None:
    text = ngettext(
        "%(count)s person is on the release before again.",
        "%(count)s people are on the release before again.",
        count,
    )
    messages.success(request, text % {"count": _number_of(count)} + _rest(left))


def said_approved(request: HttpRequest, count: int, left: int) -> None:
    text = ngettext(
        "%(count)s person sees the new tags now.", "%(count)s people see the new tags now.", count
    )
    messages.success(request, text % {"count": _number_of(count)} + _rest(left))


def _rest(left: int) -> str:
    if not left:
        return ""
    text = ngettext("%(count)s to go: order it once more.", "%(count)s to go: order it once more.", left)
    return f" {text % {'count': _number_of(left)}}"


def _number_of(count: int) -> str:
    return number_format(count, force_grouping=True)


def _refills(*states: str) -> QuerySet[Refill]:
    known = Refill.objects.filter(state__in=states).select_related("release", "created_by")
    return known.defer("release__vocabulary_json")


def _number(text: str | None) -> int | None:
    """Read a key that a page wrote; None for anything else."""
    if not text or not text.isascii() or not text.isdigit():
        return None
    number = int(text) if len(text) <= len(str(_LARGEST_ID)) else _LARGEST_ID + 1
    return number if number <= _LARGEST_ID else None
