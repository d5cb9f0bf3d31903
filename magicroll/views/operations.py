"""Operations over many photos: how far they are, undo, stop, and the list of the latest."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from magicroll import operations as services
from magicroll.http import HttpRequest
from magicroll.models import Operation
from magicroll.tasks import hint_operation

SHOWN = 50
SHOWN_FOR = timedelta(seconds=90)  # at the foot of every page; on their own page longer


@never_cache
@login_required
@require_safe
def operations(request: HttpRequest) -> HttpResponse:
    latest = Operation.objects.filter(owner=request.user).select_related("tag").order_by("-given_at")[:SHOWN]
    return render(request, "operations.html", {"items": [_shown(one) for one in latest]})


@never_cache
@login_required
@require_safe
def operation(request: HttpRequest, operation_id: int) -> HttpResponse:
    return answer(request, _operation_or_404(request, operation_id))


@login_required
@require_POST
def undo(request: HttpRequest, operation_id: int) -> HttpResponse:
    found = _operation_or_404(request, operation_id)
    if not found.can_be_undone():
        return answer(request, found, refused=_why_not(found))
    return _ordered(request, services.undo(found))


@login_required
@require_POST
def stop(request: HttpRequest, operation_id: int) -> HttpResponse:
    return _ordered(request, services.stop(_operation_or_404(request, operation_id)))


def answer(request: HttpRequest, operation: Operation, *, refused: str = "") -> HttpResponse:
    """Show an operation: its line for htmx, else its page. One that has just ended tells the lists on the page."""
    watched = request.method == "POST" or "watched" in request.GET
    is_fresh = watched and not operation.is_working and not refused
    template = "operation.html#line" if request.htmx else "operation.html"
    context = _shown(operation) | {"refused": refused, "is_fresh": is_fresh}
    response = render(request, template, context, status=422 if refused else 200)
    if request.htmx and is_fresh:
        return trigger_client_event(response, "photos-changed")
    return response


def _ordered(request: HttpRequest, operation: Operation) -> HttpResponse:
    if operation.is_working:
        hint_operation(operation.pk)
    if request.htmx:
        return answer(request, operation)
    messages.success(request, services.told(operation))
    return redirect("operations")


def _shown(operation: Operation) -> dict[str, Any]:
    ended = operation.finished_at or timezone.now()
    return {
        "operation": operation,
        "told": services.told(operation),
        "can_be_undone": operation.can_be_undone(),
        "shown_until_ms": int((ended + SHOWN_FOR).timestamp() * 1000),
    }


def _why_not(operation: Operation) -> str:
    if operation.kind == Operation.Kind.DELETE:
        return _("What was deleted for good can't be brought back.")
    if operation.state in (Operation.State.UNDOING, Operation.State.UNDONE):
        return _("This was undone already.")
    if not operation.changed:
        return _("There is nothing to undo.")
    return _("It is too late to undo this. Nothing was changed now.")


def _operation_or_404(request: HttpRequest, operation_id: int) -> Operation:
    found = Operation.objects.filter(owner=request.user, pk=operation_id).select_related("tag").first()
    if found is None:
        raise Http404("No such operation.")
    return found
