"""Throttling on Django's cache: so many attempts in a fixed window, counted by address or by user.

With the in-memory cache (the embedded default) each web process counts for itself; a shared cache
(MAGICROLL_CACHE_URL) makes the limits hold over all of them.
"""

import hashlib
import ipaddress
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    attempts: int
    window_s: int
    doing: str | Promise  # a sentence for the person who is asked to wait


LOGIN_BY_ADDRESS = Limit("login-address", 60, 600, _("Too many log-in attempts."))
LOGIN_BY_NAME = Limit("login-name", 10, 300, _("Too many log-in attempts for this name."))
LOGIN_BY_NAME_ANYWHERE = Limit("login-name-anywhere", 100, 3600, _("Too many log-in attempts for this name."))
SETUP_CODE = Limit("setup-code", 10, 600, _("Too many set-up attempts."))
INVITATION = Limit("invitation", 30, 600, _("Too many attempts to open an invitation."))
PASSWORD = Limit("password", 10, 600, _("Too many attempts to change the password."))


def upload_limit() -> Limit:
    """Return the limit on files a person may send in a minute, a setting."""
    return Limit("upload", settings.UPLOADS_PER_MINUTE, 60, _("Too many files at once."))


def wait_s(limit: Limit, who: str, *, cost: int = 1) -> int:
    """Count `cost` attempts of `who`; return 0 if they are within the limit, else how long to wait (>= 1)."""
    now = time.time()
    window = int(now // limit.window_s)
    key = _key(limit, who, window)
    cache.add(key, 0, timeout=limit.window_s + 1)
    try:
        spent = cache.incr(key, cost)
    except ValueError:  # evicted between the two calls: a full cache must not lock people out
        return 0
    if spent <= limit.attempts:
        return 0
    return max(1, int((window + 1) * limit.window_s - now) + 1)


def forgive(limit: Limit, who: str) -> None:
    """Forget the attempts of `who` in this window, after one that succeeded."""
    cache.delete(_key(limit, who, int(time.time() // limit.window_s)))


def client_address(request: HttpRequest) -> str:
    """Return the address that attempts are counted by; of IPv6 the /64, which is one household.

    Behind our proxy it is the last hop of X-Forwarded-For, which that proxy wrote; the hops before it are
    whatever the client claimed. Without a proxy the header counts for nothing.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_PROXY:
        address = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def too_many(request: HttpRequest, limit: Limit, seconds: int) -> HttpResponse:
    """Answer 429 with a page (or the text alone, for scripts) that says how long to wait."""
    context = {"doing": limit.doing, "minutes": -(-seconds // 60), "seconds": seconds}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response


def _key(limit: Limit, who: str, window: int) -> str:
    digest = hashlib.sha256(who.encode()).hexdigest()[:32]
    return f"throttle:{limit.name}:{window}:{digest}"
