"""What the views share: typed requests, the door to a photo, one snapshot for an answer, set-up."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import Http404, HttpResponse
from django.http import HttpRequest as DjangoHttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.middleware import HtmxDetails

from magicroll import accounts
from magicroll.models import Photo, User
from magicroll.snapshot import snapshot

P = ParamSpec("P")


class HttpRequest(DjangoHttpRequest):
    """The request of somebody who is logged in."""

    user: User
    htmx: HtmxDetails


def photo_or_404(request: HttpRequest, photo_id: int) -> Photo:
    """Return a photo of the person who asks; anybody else's does not exist."""
    try:
        return Photo.objects.owned_by(request.user).get(pk=photo_id)
    except Photo.DoesNotExist as error:
        raise Http404("No such photo.") from error


def snapshot_read(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let all queries of a reading view see one state of the database: counts agree with their lists."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        with snapshot():
            return view(request, *args, **kwargs)

    return wrapper


class SetupMiddleware:
    """Lead every page to the set-up page while no account exists; afterwards ask nothing of the database."""

    def __init__(self, get_response: Callable[[DjangoHttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.is_set_up = False

    def __call__(self, request: DjangoHttpRequest) -> HttpResponse:
        if self.is_set_up or request.path.startswith(_open_paths()):
            return self.get_response(request)
        if accounts.needs_setup():
            return redirect("setup")
        self.is_set_up = True
        return self.get_response(request)


def _open_paths() -> tuple[str, ...]:
    return (reverse("setup"), reverse("healthz"), f"/{settings.STATIC_URL.lstrip('/')}")
