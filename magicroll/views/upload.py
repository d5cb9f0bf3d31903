from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from magicroll import intake, throttle
from magicroll.http import HttpRequest, snapshot_read
from magicroll.models import Photo
from tagging import search

_MOST_PHOTOS_ASKED_FOR = 100
_DIGITS = 19  # 2**63 has as many: no id is as long


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one file, as the tray and the result page show it."""

    name: str
    outcome: str
    message: str
    photo: int | None
    url: str
    thumbnail: str


# CSRF is checked in _receive: the middleware would read (and hash, and store) the files of people who are
# not logged in or have sent too much already, only to find the token.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "upload.html", _limits())
    limit = throttle.upload_limit()
    if wait := throttle.wait_s(limit, str(request.user.pk)):
        return throttle.too_many(request, limit, wait)
    response: HttpResponse = _receive(request)
    return response


@csrf_protect
def _receive(request: HttpRequest) -> HttpResponse:
    files = request.FILES.getlist("files")
    if not files:
        return _answer(request, [], 422, _("Choose at least one photo."))
    if len(files) > 1:  # the first was counted before it was read
        throttle.wait_s(throttle.upload_limit(), str(request.user.pk), cost=len(files) - 1)
    moments = request.POST.getlist("modified")
    if len(moments) != len(files):
        moments = [""] * len(files)
    received = [_store(request, file, moment) for file, moment in zip(files, moments, strict=True)]
    outcomes = {file.outcome for file in received}
    if outcomes & {"stored", "set_aside"}:
        return _answer(request, received, 201)
    return _answer(request, received, 200 if "duplicate" in outcomes else 422)


@login_required
@require_safe
@snapshot_read  # else a photo that is tagged in between is neither waiting nor has tags
def upload_status(request: HttpRequest) -> JsonResponse:
    asked = request.GET.get("ids", "").split(",")
    ids = [int(text) for text in asked if text.isascii() and text.isdigit() and len(text) < _DIGITS]
    if not ids:
        return JsonResponse({"message": "Name photos: ?ids=1,2,3"}, status=422)
    mine = Photo.objects.owned_by(request.user).filter(pk__in=ids[:_MOST_PHOTOS_ASKED_FOR])
    tags = search.tags_of(request.corpus, list(mine.order_by("pk").values_list("pk", flat=True)))
    photos = [
        {"id": photo_id, "pending": of.pending, "tags": [tag.name for tag in of.tags]}
        for photo_id, of in tags.items()
    ]
    return JsonResponse({"photos": photos, "outstanding": search.outstanding_count(request.corpus)})


def _store(request: HttpRequest, file: Any, moment: str) -> Received:
    sent = intake.StoredUpload(
        path=file.temporary_file_path(),
        name=file.name,
        sha256=file.sha256,
        size=file.size,
        modified_at=_moment(moment),
    )
    outcome = intake.store_upload(request.user, sent)
    photo = outcome.photo
    shown = photo is not None and photo.state == Photo.State.READY
    return Received(
        name=file.name,
        outcome=outcome.kind,
        message=outcome.message,
        photo=photo.pk if photo else None,
        url=reverse("photo", args=[photo.pk]) if photo else "",
        thumbnail=f"{reverse('thumbnail', args=[photo.pk])}?r={photo.revision}" if photo and shown else "",
    )


def _moment(text: str) -> datetime | None:
    """Read the file's time, with its zone, as the browser told it: the last resort for a date."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _answer(request: HttpRequest, files: list[Received], status: int, message: str = "") -> HttpResponse:
    if request.accepts("text/html") and not request.headers.get("Accept", "").startswith("application/json"):
        context = {"files": files, "message": message, **_limits()}
        return render(request, "upload.html", context, status=status)
    body = {"files": [asdict(file) for file in files], "message": message}
    return JsonResponse(body, status=status)


def _limits() -> dict[str, int]:
    return {
        "max_megabytes": settings.MAX_UPLOAD_BYTES // 1024**2,
        "max_megapixels": settings.MAX_PIXELS // 10**6,
    }
