"""Why a photo has a tag or has it not: beside its chip, and as a page of its own."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from magicroll.http import HttpRequest, photo_or_404, snapshot_read
from tagging import muting, search
from tagging.local_names import called
from tagging.models import Tag

_NAME_CHARS = 80


@never_cache
@login_required
@require_safe
@snapshot_read
def why(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    asked = (request.GET.get("tag") or request.GET.get("name", "")).strip()[:_NAME_CHARS]
    is_part = bool(request.htmx) and not request.htmx.boosted
    context = {"photo": found, "asked": asked, "is_part": is_part, "within": request.GET.get("in", "roll")}
    status = 200
    if asked:
        try:
            context["why"] = search.why(request.corpus, found, _tag(request, asked))
        except muting.UnknownWord as error:
            context["error"], status = str(error), 422
    response = render(request, "partials/why.html" if is_part else "why.html", context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Boosted"])
    return response


def _tag(request: HttpRequest, asked: str) -> Tag:
    """Find the tag by its slug, which links carry, or by what a person typed. Raises UnknownWord."""
    tag = muting.tag_with_slug(request.user, asked) or muting.tag_called(request.user, asked)
    if tag.kind == Tag.Kind.CATEGORY:
        raise muting.UnknownWord(
            _("“%(name)s” is a category. Ask for one of its tags.") % {"name": called(tag)}
        )
    return tag
