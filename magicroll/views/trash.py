from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from magicroll import operations
from magicroll.http import HttpRequest, snapshot_read
from magicroll.models import Operation, Photo
from magicroll.operations import Order, Selection
from magicroll.querysets import PhotoQuerySet
from magicroll.tasks import hint_operation
from tagging import search

PAGE = 120


@login_required
@require_safe
@snapshot_read
def trash(request: HttpRequest) -> HttpResponse:
    photos = _trashed(request)
    total = photos.count()
    shown = list(_older(photos, request.GET.get("before"))[: PAGE + 1])
    context = {
        "photos": shown[:PAGE],
        "total": total,
        "trash_days": settings.TRASH_DAYS,
        "older_url": _cursor(shown[PAGE - 1]) if len(shown) > PAGE else "",
    }
    return render(request, "trash.html", context)


@login_required
@require_POST
def empty_trash(request: HttpRequest) -> HttpResponse:
    # What is trashed while this runs was not confirmed.
    whole = Selection(place="trash", upto=operations.offer(request.user, "trash").upto)
    try:
        deleted = operations.begin(request.user, Order(Operation.Kind.DELETE), whole)
    except operations.NothingSelected:
        messages.success(request, gettext("The trash was empty already."))
        return redirect("trash")
    if deleted.is_working:
        hint_operation(deleted.pk)
        return redirect("operation", deleted.pk)
    messages.success(request, operations.told(deleted))
    return redirect("trash")


@login_required
@require_safe
@snapshot_read
def set_aside(request: HttpRequest) -> HttpResponse:
    return render(request, "set_aside.html", {"items": search.set_aside(request.corpus)})


def _trashed(request: HttpRequest) -> PhotoQuerySet:
    return Photo.objects.owned_by(request.user).filter(trashed_at__isnull=False)


def _older(photos: PhotoQuerySet, before: str | None) -> PhotoQuerySet:
    newest_first = photos.order_by("-trashed_at", "-id")
    if not before:
        return newest_first
    try:
        key = search.Key.parse(before)
    except search.BadCursor as error:
        raise Http404 from error
    return newest_first.filter(trashed_at__lte=key.taken_at).filter(
        Q(trashed_at__lt=key.taken_at) | Q(id__lt=key.photo_id)
    )


def _cursor(photo: Photo) -> str:
    assert photo.trashed_at is not None  # noqa: S101 - it is in the trash
    return "?" + urlencode({"before": str(search.Key(photo.trashed_at, photo.pk))})
