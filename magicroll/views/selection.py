"""Selected photos: what one may do with them, and a page to select on without JavaScript."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from magicroll import operations, zipping
from magicroll.http import HttpRequest, snapshot_read
from magicroll.models import Operation
from magicroll.operations.words import number
from magicroll.selection_forms import OperationForm, SelectionForm
from magicroll.tasks import hint_operation
from magicroll.views.operations import answer
from tagging import search
from tagging import services as tagging

LOOKED_AT = 1_000  # photos whose tags are offered to be rejected, the newest of a larger selection
MOST_IN_ZIP = 20_000
PAGE = 60
GONE = gettext_lazy("None of these photos is in your roll any more. Select again.")
NO_LIST = gettext_lazy("This list is not there any more. Select again.")
_DIGITS = 19  # 2**63 has as many: no id is as long


@dataclass(frozen=True, slots=True)
class Choice:
    """A tag that selected photos have."""

    id: int
    name: str
    count: int


@login_required
@require_POST
def operate(request: HttpRequest) -> HttpResponse:
    form = OperationForm(request.POST)
    if not form.is_valid():
        return _refuse(request, form.message)
    try:
        order = form.order(_tag_id(request, form))
        operation = operations.begin(request.user, order, form.selection)
    except tagging.TagRefused as refused:
        return _refuse(request, str(refused))
    except operations.NothingSelected:
        return _refuse(request, str(GONE))
    except operations.UnknownPlace:
        return _refuse(request, str(NO_LIST))
    if operation.is_working:
        hint_operation(operation.pk)
    if request.htmx:
        return answer(request, operation)
    undoable = operation.can_be_undone() and not operation.is_working
    messages.success(
        request, operations.told(operation), extra_tags=f"operation-{operation.pk}" if undoable else ""
    )
    return redirect(_next(request))


@login_required
@require_safe
def whole(request: HttpRequest) -> HttpResponse:
    """Tell a page how much "all" is, and up to where."""
    try:
        offer = operations.offer(request.user, request.GET.get("in", ""))
    except operations.UnknownPlace as error:
        raise Http404("No such list.") from error
    return JsonResponse({"count": offer.count, "upto": offer.upto})


@login_required
@require_safe
def span(request: HttpRequest) -> HttpResponse:
    """Tell a page which photos lie between two, or on a day, whether or not it has them."""
    first, last = _id(request, "from"), _id(request, "to")
    day = _day(request.GET.get("day", ""))
    if day is None and not (first and last):
        return JsonResponse(
            {"message": "Name two photos or a day: ?from=1&to=2 or ?day=2024-06-15"}, status=422
        )
    try:
        ids = operations.span(request.user, request.GET.get("in", ""), first=first, last=last, day=day)
    except operations.UnknownPlace as error:
        raise Http404("No such list.") from error
    return JsonResponse({"ids": ids})


@login_required
@require_POST
def tags(request: HttpRequest) -> HttpResponse:
    """Show the tags that selected photos have, most frequent first."""
    form = SelectionForm(request.POST)
    if not form.is_valid():
        return render(request, "select.html#tags", {"error": form.message}, status=422)
    try:
        ids = operations.chosen_ids(request.user, form.selection)
    except operations.UnknownPlace:
        return render(request, "select.html#tags", {"error": NO_LIST}, status=422)
    context = {
        "choices": choices(request, ids[:LOOKED_AT]),
        "looked_at": LOOKED_AT if len(ids) > LOOKED_AT else 0,
    }
    return render(request, "select.html#tags", context)


@login_required
@require_POST
def download(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    form = SelectionForm(request.POST)
    if not form.is_valid():
        return _refuse(request, form.message)
    try:
        ids = operations.chosen_ids(request.user, form.selection)
    except operations.UnknownPlace:
        return _refuse(request, str(NO_LIST))
    if not ids:
        return _refuse(request, str(GONE))
    if len(ids) > MOST_IN_ZIP:
        text = _(
            "A download holds at most %(most)s photos, and you selected %(chosen)s. "
            "Select fewer, a year at a time."
        )
        return _refuse(request, text % {"most": number(MOST_IN_ZIP), "chosen": number(len(ids))})
    response = StreamingHttpResponse(zipping.zipped(request.user, ids), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="magic-roll-{timezone.now():%Y-%m-%d}.zip"'
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"  # a proxy in front passes it on as it comes
    return response


@login_required
@require_safe
@snapshot_read
def select(request: HttpRequest) -> HttpResponse:
    """Select with check boxes: for browsers without JavaScript."""
    place = request.GET.get("in", "roll")
    try:
        offer = operations.offer(request.user, place)
        page = operations.page(request.user, place, request.GET.get("before"), PAGE)
    except (operations.UnknownPlace, search.BadCursor) as error:
        raise Http404("No such list.") from error
    older = {"in": place, "before": page.next} if page.next else {}
    context = {
        "place": place,
        "offer": offer,
        "photos": page.photos,
        "choices": choices(request, [photo.id for photo in page.photos]),
        "older_url": f"{request.path}?{urlencode(older)}" if older else "",
        "is_trash": place == "trash",
        "back": _page_of(place),
    }
    return render(request, "select.html", context)


def choices(request: HttpRequest, photo_ids: list[int]) -> list[Choice]:
    """Count the visible tags of photos, most frequent first."""
    found = search.tags_of(search.corpus_of(request.user), photo_ids)
    names = {chip.id: chip.name for of in found.values() for chip in of.tags}
    counted = Counter(chip.id for of in found.values() for chip in of.tags)
    return [Choice(tag_id, names[tag_id], count) for tag_id, count in counted.most_common()]


def _tag_id(request: HttpRequest, form: OperationForm) -> int | None:
    """Find the tag that is meant. Raises tagging.TagRefused."""
    kind = form.cleaned_data["kind"]
    if kind == Operation.Kind.ADD_TAG:
        return tagging.tag_to_add(request.user, form.cleaned_data["name"]).pk
    if kind == Operation.Kind.REJECT_TAG:
        return tagging.tag_to_reject(request.user, form.cleaned_data["tag"]).pk
    return None


def _refuse(request: HttpRequest, message: str) -> HttpResponse:
    context = {"message": message, "back": _next(request)}
    template = "operation.html#refused" if request.htmx else "operation_refused.html"
    return render(request, template, context, status=422)


def _next(request: HttpRequest) -> str:
    """Return the page of ours that the form was sent from."""
    address = request.POST.get("next", "")
    return address if url_has_allowed_host_and_scheme(address, None) else reverse("roll")


def _page_of(place: str) -> str:
    kind, _, rest = place.partition(":")
    if kind == "tag":
        return reverse("tag", args=[rest])
    if kind == "search":
        return f"{reverse('search')}?{urlencode({'q': rest})}"
    return reverse(place)


def _id(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else 0


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
