"""For administrators: ordering a refill after a dry run, watching it, approving and taking back."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from magicroll.forms import OrderForm, PriorityForm, RetagForm
from magicroll.http import HttpRequest, knows, staff_only, state_tag
from magicroll.snapshot import snapshot
from magicroll.views.frame import render_page
from magicroll.views.models import refuse, said_approved, said_rolled_back, soon
from tagging import services, tasks
from tagging.models import CorpusRefill, Refill, Release
from tagging.refill import audit, choice, failures, orders, progress
from tagging.refill.plan import plan
from tagging.refill.report import NothingToCompare, report

_BOXES = 40  # people that are offered one by one; beyond, names are typed
_PLANNED_SHOWN = 20
_ORDERS = ("pause", "resume", "cancel", "priority", "approve-all", "roll-back", "retry")


@never_cache
@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def retag(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request, RetagForm(initial=_begin_with(request)))
    form = RetagForm(request.POST)
    if not form.is_valid():
        return _form(request, form, status=422)
    asked = form.cleaned_data
    if request.POST.get("step") != "start":
        with snapshot():
            look = plan(asked["release"], [user.pk for user in asked["users"]], asked["scope"])
        return _form(request, form, plan=look, planned=look.people[:_PLANNED_SHOWN])
    try:
        refill = orders.start(
            request.user,
            asked["release"],
            asked["users"],
            scope=asked["scope"],
            hold=asked["hold"],
            priority=asked["priority"],
        )
    except orders.OrderRefused as refused:
        form.add_error(None, str(refused))
        return _form(request, form, status=422)
    tasks.hint_refill()
    messages.success(request, _("The refill has begun. Everybody keeps their tags while it runs."))
    return redirect("models_refill", refill.pk)


def _begin_with(request: HttpRequest) -> dict[str, Any]:
    """Choose what a link to the form named, and a release that people aren't on yet."""
    default = Release.objects.filter(is_default=True).values_list("pk", flat=True).first()
    begin: dict[str, Any] = {"release": request.GET.get("release") or default}
    if request.GET.get("people"):
        begin["people"] = request.GET["people"]
    return begin


def _form(request: HttpRequest, form: RetagForm, *, status: int = 200, **more: Any) -> HttpResponse:
    boxes = list(choice.everybody()[: _BOXES + 1])
    chosen = {name.strip() for name in str(form["people"].value() or "").split(",")}
    context = {"form": form, "boxes": boxes if len(boxes) <= _BOXES else [], "chosen": chosen, **more}
    return render(request, "models_retag.html", context, status=status)


@never_cache
@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def refill(request: HttpRequest, refill_id: int) -> HttpResponse:
    found = _refill(refill_id)
    if request.method == "POST":
        return _order(request, found)
    place = request.GET.get("after", "")
    tag = state_tag(progress.mark([found]), place)
    if knows(request, tag):
        return HttpResponse(status=304)
    try:
        people = progress.people(found, place)
    except progress.BadPlace as error:
        raise Http404 from error
    context = {
        "tag": tag,
        "refill": found,
        "summary": progress.summary(found),
        "people": people,
        "returnable": progress.returnable(found),
        "priorities": PriorityForm(initial={"priority": found.priority}),
    }
    return render_page(request, "models_refill.html", "progress", context)


def _refill(refill_id: int) -> Refill:
    known = Refill.objects.select_related("release__encoder", "created_by")
    return get_object_or_404(known.defer("release__vocabulary_json"), pk=refill_id)


def _order(request: HttpRequest, found: Refill) -> HttpResponse:
    by = request.user
    order = OrderForm(request.POST, *_ORDERS).chosen
    try:
        if order == "pause":
            orders.pause(by, found)
            messages.success(request, _("Paused. What is tagged so far is kept."))
        elif order == "resume":
            orders.resume(by, found)
            tasks.hint_refill()
            messages.success(request, _("It goes on."))
        elif order == "cancel":
            orders.cancel(by, found)
            messages.success(request, _("Cancelled. Everybody stays on the release that they see now."))
        elif order == "priority":
            orders.set_priority(by, found, _priority(request))
            messages.success(request, _("The priority is changed."))
        elif order == "roll-back":
            count = orders.roll_back_refill(by, found, soon())
            said_rolled_back(request, count, progress.returnable(found))
        elif order == "approve-all":
            count = orders.approve_all(by, found, soon())
            said_approved(request, count, found.corpora.filter(state=CorpusRefill.State.WHOLE).count())
        elif order == "retry":
            return _retry(request, found)
        else:
            raise orders.OrderRefused(_("Choose what to do with the refill."))
    except orders.OrderRefused as refused:
        return refuse(request, refused)
    return redirect("models_refill", found.pk)


def _priority(request: HttpRequest) -> int:
    form = PriorityForm(request.POST)
    if not form.is_valid():
        raise orders.OrderRefused(_("Choose one of the three priorities."))
    return int(form.cleaned_data["priority"])


def _retry(request: HttpRequest, found: Refill) -> HttpResponse:
    """Try failed photos again: one person's, or all."""
    named = request.POST.get("owner", "")
    if named and not named.isdecimal():
        raise orders.OrderRefused(_("Choose whose photos to try again."))
    photos = failures.failed_photos(found, int(named[:18]) if named else None)
    count = sum(map(len, photos.values()))
    for owner_id, ids in photos.items():
        services.retry(owner_id, ids)
        tasks.hint(owner_id)
    audit.record(request.user, "tried again", refill=found, detail=f"{count} photos")
    text = ngettext("%(count)s photo will be tried again.", "%(count)s photos will be tried again.", count)
    messages.success(request, text % {"count": number_format(count, force_grouping=True)})
    return redirect("models_failed", found.pk)


@never_cache
@staff_only
@require_safe
def failed(request: HttpRequest, refill_id: int) -> HttpResponse:
    found = _refill(refill_id)
    return render(request, "models_failed.html", {"refill": found, "groups": failures.failed(found)})


@never_cache
@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest, refill_id: int, user_id: int) -> HttpResponse:
    found = _refill(refill_id)
    person = progress.person(found, user_id)
    if person is None:
        raise Http404("Nobody of this refill.")
    if request.method == "POST":
        return _decide(request, person.corpus)
    context: dict[str, Any] = {"refill": found, "person": person, "own": user_id == request.user.pk}
    with snapshot():
        try:
            context["report"] = report(person.corpus)
        except NothingToCompare:
            context["report"] = None
    return render(request, "models_report.html", context)


def _decide(request: HttpRequest, corpus: CorpusRefill) -> HttpResponse:
    order = OrderForm(request.POST, "approve", "reject").chosen
    try:
        if order == "approve":
            orders.approve(request.user, corpus)
            messages.success(request, _("%(name)s sees the new tags now.") % {"name": corpus.owner.username})
        elif order == "reject":
            orders.reject(request.user, corpus)
            messages.success(
                request, _("%(name)s keeps the tags they have.") % {"name": corpus.owner.username}
            )
        else:
            raise orders.OrderRefused(_("Choose to approve or to reject."))
    except orders.OrderRefused as refused:
        return refuse(request, refused)
    return redirect("models_refill", corpus.refill_id)
