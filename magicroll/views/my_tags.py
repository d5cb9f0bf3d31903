"""What one said about one's photos, to take along."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from magicroll import exporting
from magicroll.http import HttpRequest


@never_cache
@login_required
@require_safe
def my_tags(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="magic-roll-tags.zip"'}
    if request.method == "HEAD":
        return HttpResponse(content_type="application/zip", headers=headers)
    parts = exporting.zipped(request.user)
    return StreamingHttpResponse(parts, content_type="application/zip", headers=headers)
