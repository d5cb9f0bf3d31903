"""What stands around every page: the rail with its counts, and pages that are also fragments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest as DjangoHttpRequest
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

from magicroll.http import HttpRequest, snapshot_read
from magicroll.models import User
from tagging import search
from tagging.models import Corpus, Release


@dataclass(frozen=True, slots=True)
class Rail:
    at: str  # the current page: a URL name, or `tag:` and a slug
    categories: list[search.TagTile]
    outstanding: int
    set_aside: int
    refill: search.RefillLine | None
    automatic: str  # tags: as Corpus.Automatic says
    news: Release | None  # tags the photos since their owner was last told which one does


def rail(request: DjangoHttpRequest) -> dict[str, Any]:
    """Offer the rail to every template; nothing is read unless a template shows it."""
    if not isinstance(user := getattr(request, "user", None), User):
        return {}
    return {"rail": SimpleLazyObject(lambda: _rail_of(_corpus(request, user), _place(request)))}


@never_cache
@login_required
@require_safe
@snapshot_read
def rail_fragment(request: HttpRequest) -> HttpResponse:
    response = render(request, "partials/rail.html")
    return trigger_client_event(response, "tags-changed")


def render_page(
    request: HttpRequest, template: str, fragment: str, context: Mapping[str, Any]
) -> HttpResponse:
    """Render a whole page, or the named fragment of it where htmx asks for the next part of a list."""
    if request.htmx and not request.htmx.boosted:
        template = f"{template}#{fragment}"
    response = render(request, template, dict(context))
    patch_vary_headers(response, ["HX-Request", "HX-Boosted"])
    return response


def _corpus(request: DjangoHttpRequest, user: User) -> Corpus:
    """Take the one that the page is made of, where there is one."""
    shown: Corpus | None = getattr(request, "corpus", None)
    return search.corpus_of(user) if shown is None else shown


def _rail_of(corpus: Corpus, at: str) -> Rail:
    return Rail(
        at,
        search.rail_counts(corpus),
        search.outstanding_count(corpus),
        search.set_aside_count(corpus),
        search.refill_of(corpus),
        corpus.automatic,
        corpus.active if corpus.told_id not in (None, corpus.active_id) else None,
    )


def _place(request: DjangoHttpRequest) -> str:
    htmx = getattr(request, "htmx", None)
    address = (htmx and htmx.current_url_abs_path) or request.path
    try:
        match = resolve(urlsplit(address).path)
    except Resolver404:
        return ""
    return f"tag:{match.kwargs['slug']}" if match.url_name == "tag" else str(match.url_name)
