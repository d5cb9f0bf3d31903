import ipaddress

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from magicroll import accounts, throttle
from magicroll.forms import SetupForm
from tagging.releases import NoRelease

_PROXY_HEADERS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    if not accounts.needs_setup():
        return redirect("roll")
    needs_code = not _is_from_this_machine(request)
    if request.method != "POST":
        if needs_code:
            accounts.setup_code()  # made now if the launcher did not, so that there is one to look up
        return render(request, "setup.html", {"form": SetupForm(needs_code=needs_code)})
    if needs_code and (wait := throttle.wait_s(throttle.SETUP_CODE, throttle.client_address(request))):
        return throttle.too_many(request, throttle.SETUP_CODE, wait)
    form = SetupForm(request.POST, needs_code=needs_code)
    if not form.is_valid():
        return render(request, "setup.html", {"form": form}, status=422)
    try:
        user = accounts.create_first_account(**form.account)
    except accounts.AlreadySetUp:
        return redirect("login")
    except NoRelease:
        form.add_error(
            None, _("The encoders are not installed yet. Run “manage.py prepare”, then try again.")
        )
        return render(request, "setup.html", {"form": form}, status=503)
    login(request, user)
    return redirect("roll")


def _is_from_this_machine(request: HttpRequest) -> bool:
    """Trust the person at this machine only.

    A loopback address alone is not enough: a proxy on this machine has one for everybody, and a web page
    elsewhere may point its own name at 127.0.0.1 (DNS rebinding), which the Host header gives away.
    """
    if settings.BEHIND_PROXY or settings.URL or any(header in request.META for header in _PROXY_HEADERS):
        return False
    host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and (host == "localhost" or _is_loopback(host))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False
