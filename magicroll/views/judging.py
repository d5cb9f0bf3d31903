"""What somebody says about a photo where they see it in a tag: not this, and the cover."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from magicroll.http import HttpRequest, photo_or_404
from magicroll.models import Photo
from tagging import covers, search
from tagging import services as tagging
from tagging.local_names import called
from tagging.models import Tag

_DIGITS = 19  # 2**63 has as many: no id is as long


@login_required
@require_POST
def not_this(request: HttpRequest, slug: str) -> HttpResponse:
    """Reject a tag for a photo, or take that back; what was said before is said again then."""
    tag, photo = _tag(request, slug), _photo(request)
    undo = request.POST.get("undo")
    if undo not in (None, "nothing", "added"):
        return _refuse("Say undo=nothing or undo=added.")
    try:
        if undo is None:
            before = "added" if tagging.verdict_on(request.user, photo, tag.pk) == "added" else "nothing"
            tagging.reject_tag(request.user, photo, tag.pk)
        elif undo == "added":
            tagging.say_added(request.user, photo, tag)
        else:
            tagging.undo_verdict(request.user, photo, tag.pk)
    except tagging.TagRefused as refused:
        return _refuse(str(refused))
    if not request.htmx:
        return redirect("tag", slug)
    context = {"tag": tag, "photo": photo, "before": before} if undo is None else {}
    response = render(request, "partials/not_this_said.html", context) if context else HttpResponse("")
    return trigger_client_event(response, "tag-judged", {"photo": photo.pk}, after="settle")


@login_required
@require_POST
def cover(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a photo stand for a tag, or the surest one again."""
    tag, photo = _tag(request, slug), _photo(request)
    wanted = request.POST.get("cover")
    if wanted not in ("yes", "no"):
        return _refuse("Say cover=yes or cover=no.")
    try:
        if wanted == "yes":
            covers.choose_cover(request.user, photo, tag)
        else:
            covers.forget_cover(request.user, tag)
    except covers.CoverRefused as refused:
        return _refuse(str(refused))
    if request.htmx:
        context = {"covered": search.cover_of(search.corpus_of(request.user), photo, f"tag:{slug}")}
        return render(request, "partials/cover.html", context | {"photo": photo})
    said = (
        _("The cover of %(name)s is this photo now.") % {"name": called(tag)}
        if wanted == "yes"
        else _("The surest photo is the cover again.")
    )
    messages.success(request, said)
    return redirect(f"{reverse('photo', args=[photo.pk])}?in=tag:{slug}")


def _tag(request: HttpRequest, slug: str) -> Tag:
    try:
        return search.tag_by_slug(search.corpus_of(request.user), slug)
    except search.UnknownTag as error:
        raise Http404 from error


def _photo(request: HttpRequest) -> Photo:
    text = request.POST.get("photo", "")
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS):
        raise Http404("No such photo.")
    return photo_or_404(request, int(text))


def _refuse(message: str) -> HttpResponse:
    return HttpResponse(message, status=422, content_type="text/plain")
