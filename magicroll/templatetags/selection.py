"""Which list a page shows, for selecting in it."""

from django import template
from django.http import HttpRequest

from tagging import search

register = template.Library()

_LISTS = {"roll", "favourites", "trash"}
_PARTS_OF_LISTS = {"magic", "similar"}  # photos can be selected there, but not "all"


@register.filter
def selection_place(request: HttpRequest) -> str:
    """Name the list that a page shows; "none" where it shows photos but no one list, empty where it shows none."""
    match = getattr(request, "resolver_match", None)
    name = match.url_name if match else ""
    if name in _LISTS:
        return str(name)
    if name == "tag" and match:
        return search.read(match.kwargs["slug"], request.GET).place  # the view refuses what is no choice
    if name == "search":
        words = " ".join(request.GET.get("q", "").split())
        return f"search:{words}" if words else ""
    return "none" if name in _PARTS_OF_LISTS else ""
