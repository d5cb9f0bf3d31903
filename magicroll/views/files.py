import logging

from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseNotModified
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from magicroll.http import HttpRequest, photo_or_404
from magicroll.imaging.sniff import Kind
from magicroll.models import Photo

logger = logging.getLogger(__name__)
_YEAR_S = 365 * 24 * 3600
_MIME = {kind.value: kind.mime for kind in Kind}


@login_required
@require_safe
def thumbnail(request: HttpRequest, photo_id: int) -> HttpResponse | FileResponse:
    return _picture(request, photo_id, "thumbnail")


@login_required
@require_safe
def preview(request: HttpRequest, photo_id: int) -> HttpResponse | FileResponse:
    return _picture(request, photo_id, "preview")


@login_required
@require_safe
def original(request: HttpRequest, photo_id: int) -> HttpResponse | FileResponse:
    photo = photo_or_404(request, photo_id)
    etag = f"{photo.key.hex}-original"
    # The type is what our own reading found out: the name and what a browser claimed count for nothing.
    mime = _MIME.get(photo.kind, "application/octet-stream")
    name = "".join(letter for letter in photo.name if letter.isprintable()) or "photo"
    try:
        response = _unchanged(request, etag) or _file(photo.original_file, mime, download_as=name)
    except FileNotFoundError as error:
        raise _missing(photo) from error
    return _guard(response, etag, "private, no-cache")


def _with_pixels(request: HttpRequest, photo_id: int) -> Photo:
    photo = photo_or_404(request, photo_id, "owner_id", "key", "revision", "state")
    if photo.state == Photo.State.SET_ASIDE:
        raise Http404("A photo that could not be read has no preview.")
    return photo


def _picture(request: HttpRequest, photo_id: int, size: str) -> HttpResponse | FileResponse:
    """Serve a picture of our own making; an address with the revision in it never changes its bytes."""
    photo = _with_pixels(request, photo_id)
    while True:
        etag = f"{photo.key.hex}-{photo.revision}-{size}"
        stored = photo.thumbnail_file if size == "thumbnail" else photo.preview_file
        try:
            response = _unchanged(request, etag) or _file(stored, Kind.JPEG.mime)
        except FileNotFoundError as error:
            turned = _with_pixels(request, photo_id)  # perhaps since its row was read
            if turned.revision == photo.revision:
                raise _missing(photo) from error
            photo = turned
        else:
            pinned = request.GET.get("r") == str(photo.revision)
            return _guard(
                response, etag, f"private, max-age={_YEAR_S}, immutable" if pinned else "private, no-cache"
            )


def _unchanged(request: HttpRequest, etag: str) -> HttpResponseNotModified | None:
    response = get_conditional_response(request, etag=quote_etag(etag))
    return response if isinstance(response, HttpResponseNotModified) else None


def _file(stored: str, mime: str, *, download_as: str = "") -> FileResponse:
    file = default_storage.open(stored)
    return FileResponse(file, as_attachment=bool(download_as), filename=download_as, content_type=mime)


def _missing(photo: Photo) -> Http404:
    logger.error("a photo's file is missing", extra={"photo": photo.pk})
    return Http404("The file is missing.")


def _guard(response: HttpResponse | FileResponse, etag: str, caching: str) -> HttpResponse | FileResponse:
    """Keep the bytes out of shared caches, and keep them from running as a page or a script."""
    response["ETag"] = quote_etag(etag)
    response["Cache-Control"] = caching
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
