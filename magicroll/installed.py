"""The app as browsers install it: its manifest, its shell, and whose pages these are."""

import hashlib
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language, gettext

from magicroll.http import CODE

ACCOUNT_HEADER = "X-Magicroll-Account"
MOST_THUMBNAILS = 1000  # kept by the service worker; some 30 MB
SHELL = (
    *("css/app.css", "css/frame.css", "css/grid.css", "css/magic.css", "css/words.css", "css/upload.css"),
    *("css/pages.css", "js/app.js", "js/grid.js", "js/upload.js", "js/watching.js"),
    *("icons.svg", "favicon.svg", "icons/app-192.png"),
)


def account_key(user_id: int) -> str:
    """Name an account for caches in the browser: nobody can tell whose it is, and it never changes."""
    return salted_hmac("magicroll.installed", str(user_id)).hexdigest()[:24]


class AccountHeaderMiddleware:
    """Say with every page whose it is, so that the service worker never shows one account what another one saw."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html") and response.status_code < 500
        if is_page and request.user.is_authenticated:
            response[ACCOUNT_HEADER] = account_key(request.user.pk)
        return response


def manifest() -> dict[str, Any]:
    """Describe the app (https://www.w3.org/TR/appmanifest/, https://w3c.github.io/web-share-target/)."""
    return {
        "id": reverse("roll"),
        "name": "Magic Roll",
        "short_name": "Magic Roll",
        "description": gettext("Your photos, sorted by themselves."),
        "lang": get_language(),
        "start_url": reverse("roll"),
        "scope": reverse("roll"),
        "display": "standalone",
        "background_color": "#0f1115",
        "theme_color": "#0f1115",
        "categories": ["photo"],
        "icons": [
            _icon("app-192.png", "192x192"),
            _icon("app-512.png", "512x512"),
            _icon("app-maskable-512.png", "512x512") | {"purpose": "maskable"},
        ],
        "shortcuts": [
            {"name": gettext("Upload"), "url": reverse("upload")},
            {"name": gettext("Magic View"), "url": reverse("magic")},
        ],
        "share_target": {
            "action": reverse("share"),
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {"files": [{"name": "files", "accept": ["image/*", ".heic", ".heif", ".avif"]}]},
        },
    }


def _icon(name: str, sizes: str) -> dict[str, str]:
    return {"src": static(f"icons/{name}"), "sizes": sizes, "type": "image/png"}


def worker_facts() -> dict[str, Any]:
    """Return what the service worker has to know of this installation. Raises ValueError for a missing file."""
    shell = [static(name) for name in SHELL]
    return {
        "version": hashlib.sha256(repr((shell, CODE, get_language())).encode()).hexdigest()[:16],
        "shell": shell,
        "static": settings.STATIC_URL,
        "offline": reverse("offline"),
        "share": reverse("share"),
        "upload": reverse("upload"),
        "logout": reverse("logout"),
        "thumbnail": reverse("thumbnail", args=[0]).replace("/0/", "/[0-9]+/", 1),
        "header": ACCOUNT_HEADER,
        "most": MOST_THUMBNAILS,
    }
