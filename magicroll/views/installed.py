"""What an installed app asks for: its manifest, its service worker, a page without a network; shared files; keys."""

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest as DjangoHttpRequest
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from magicroll import installed
from magicroll.http import HttpRequest
from magicroll.views.frame import render_page


@require_safe
@cache_control(no_cache=True)
def manifest(request: DjangoHttpRequest) -> HttpResponse:
    return JsonResponse(installed.manifest(), content_type="application/manifest+json")


@require_safe
@cache_control(no_cache=True)
def service_worker(request: DjangoHttpRequest) -> HttpResponse:
    facts = json.dumps(installed.worker_facts())
    return render(
        request, "service-worker.js", {"facts": facts}, content_type="text/javascript; charset=utf-8"
    )


@require_safe
def offline(request: DjangoHttpRequest) -> HttpResponse:
    """Show what the service worker shows while the server can't be reached: nothing of anybody."""
    return render(request, "offline.html")


# A phone that shares has no token to send. The service worker takes the files before they get here, and asks on the
# upload page; what gets here all the same, from wherever, is not even read.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def share(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("upload")
    return render(request, "share.html", status=422)


@login_required
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    return render_page(request, "keys.html", "keys", {})
