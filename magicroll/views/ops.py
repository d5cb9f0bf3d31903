from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from magicroll import reach


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer anybody, with yes and no only: 200 when all is within reach, else 503. The log says why."""
    found = {probe.name: probe.succeeds() for probe in reach.PROBES}
    return JsonResponse(found, status=200 if all(found.values()) else 503)
