"""On a photo that was opened from a tag: let it stand for that tag."""

from typing import Any

from django import template

from tagging import search

register = template.Library()


@register.inclusion_tag("partials/cover.html", takes_context=True)
def cover_choice(context: dict[str, Any]) -> dict[str, Any]:
    """Offer the photo of a page as cover of the tag `within` which it was opened; nothing in any other place."""
    request, photo = context["request"], context["photo"]
    corpus = getattr(request, "corpus", None) or search.corpus_of(request.user)
    covered = search.cover_of(corpus, photo, context.get("within", ""))
    return {"covered": covered, "photo": photo, "csrf_token": context.get("csrf_token")}
