"""What the views share: typed requests, the door to a photo, one snapshot for an answer, set-up."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.http import HttpRequest as DjangoHttpRequest
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition
from django_htmx.middleware import HtmxDetails

from magicroll import accounts
from magicroll.models import Photo, User
from magicroll.snapshot import snapshot
from tagging import search
from tagging.models import Corpus

P = ParamSpec("P")
_SUFFIXES = {".py", ".html", ".css", ".js", ".svg", ".mo", ".toml"}
# Pages change with their templates and code too, which an upgrade replaces.
CODE = max(
    path.stat().st_mtime_ns
    for place in ("templates", "magicroll", "tagging", "static", "locale")
    for path in (settings.BASE_DIR / place).rglob("*.*")
    if path.suffix in _SUFFIXES
)


class HttpRequest(DjangoHttpRequest):
    """The request of somebody who is logged in."""

    user: User
    htmx: HtmxDetails
    corpus: Corpus  # inside snapshot_read only, and read once there


def photo_or_404(request: HttpRequest, photo_id: int, *fields: str) -> Photo:
    """Return a photo of the person who asks; anybody else's does not exist.

    fields: all that is going to be read of it, where that is not everything.
    """
    photos = Photo.objects.owned_by(request.user)
    try:
        photo: Photo = (photos.only(*fields) if fields else photos).get(pk=photo_id)
    except Photo.DoesNotExist as error:
        raise Http404("No such photo.") from error
    return photo


def staff_only(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Show a page to administrators; for everybody else who is logged in there is none."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_staff:
            raise Http404("No such page.")
        return view(request, *args, **kwargs)

    return login_required(guarded)


def snapshot_read(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let all queries of a reading view see one state of the database: counts agree with their lists."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        with snapshot():
            request.corpus = cast(Corpus, SimpleLazyObject(lambda: search.corpus_of(request.user)))
            try:
                return view(request, *args, **kwargs)
            finally:
                del request.corpus

    return wrapper


def shows_corpus(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Answer 304 while the corpus stands still; otherwise one snapshot of the database for page and ETag."""
    checked = snapshot_read(condition(etag_func=corpus_etag)(view))
    return cache_control(private=True, no_cache=True)(checked)


def corpus_etag(request: HttpRequest, *args: object, **kwargs: object) -> str | None:
    """Name the state of a page that shows a corpus, for `condition`: the same name, the same page.

    None, so that the page is made anew, while there is a message to show once.
    """
    if not isinstance(request.user, User) or len(messages.get_messages(request)):
        return None
    get_token(request)  # sits in the page's forms, so its secret names the page too
    corpus = request.corpus
    state = (
        request.get_full_path(),
        request.headers.get("HX-Request"),
        request.headers.get("HX-Boosted"),
        corpus.owner_id,
        corpus.active_id,
        corpus.told_id,
        corpus.version,
        search.outstanding_count(corpus),
        request.user.row_px,
        request.META["CSRF_COOKIE"],
        get_language(),
        CODE,
    )
    return quote_etag(hashlib.sha256(repr(state).encode()).hexdigest()[:32])


def state_tag(*state: object) -> str:
    """Name a state that a fragment shows, for the question after it to carry."""
    return quote_etag(hashlib.sha256(repr((state, get_language(), CODE)).encode()).hexdigest()[:32])


def knows(request: HttpRequest, tag: str) -> bool:
    """Tell whether this asks for a fragment again whose state it knows already: 304 is all there is to say."""
    return bool(request.htmx) and request.headers.get("If-None-Match") == tag


class NoNulMiddleware:
    """Refuse NUL characters in addresses: nothing here has one in its name, and PostgreSQL takes none."""

    def __init__(self, get_response: Callable[[DjangoHttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: DjangoHttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return HttpResponse("An address can't have a NUL in it.", status=400, content_type="text/plain")
        return self.get_response(request)


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
