"""What its owner may change about a photo. Each form leads back to the photo, or says there what was wrong."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST

from magicroll import rotating, services
from magicroll.http import HttpRequest, photo_or_404, snapshot_read
from magicroll.models import Photo
from magicroll.photo_forms import CaptionForm, DateForm, RotateForm
from magicroll.views.photo import show_photo, to_photo

_TURNS = {"left": rotating.LEFT, "right": rotating.RIGHT}


@login_required
@require_POST
def photo_rotate(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    form = RotateForm(request.POST)
    if not form.is_valid():
        return HttpResponse("Say turn=left or turn=right.", status=422, content_type="text/plain")
    try:
        rotating.rotate(request.user, found.pk, _TURNS[form.cleaned_data["turn"]])
    except Photo.DoesNotExist as error:  # deleted at this very moment
        raise Http404("No such photo.") from error
    except rotating.RotationRefused as refused:
        messages.error(request, str(refused))
        return _refused(request, found)
    return to_photo(request, found)


@login_required
@require_POST
def photo_caption(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    form = CaptionForm(request.POST)
    if not form.is_valid():
        typed = str(request.POST.get("caption", ""))
        return _refused(request, found, caption_form=form, caption_typed=typed)
    services.set_caption(request.user, found.pk, form.cleaned_data["caption"])
    return to_photo(request, found)


@login_required
@require_POST
def photo_date(request: HttpRequest, photo_id: int) -> HttpResponse:
    found = photo_or_404(request, photo_id)
    form = DateForm(request.POST)
    if not form.is_valid():
        typed = str(request.POST.get("taken_at", ""))
        return _refused(request, found, date_form=form, date_typed=typed)
    if form.cleaned_data["reset"]:
        services.reset_date(request.user, [found.pk])
    else:
        services.set_date(request.user, [found.pk], form.cleaned_data["taken_at"])
    return to_photo(request, found)


@snapshot_read
def _refused(request: HttpRequest, /, found: Photo, **more: object) -> HttpResponse:
    return show_photo(request, found, status=422, **more)
