from django.contrib import messages
from django.contrib.auth import login as start_session
from django.contrib.auth import logout as end_session
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from magicroll import accounts, throttle
from magicroll.forms import LoginForm, NewAccountForm, PasswordForm
from magicroll.http import HttpRequest as UserRequest


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    target = _next(request)
    if request.user.is_authenticated:
        return redirect(target)
    if request.method != "POST":
        return render(request, "login.html", {"form": LoginForm(), "next": target})
    form = LoginForm(request.POST)
    if form.is_valid():
        refusal = _throttle_login(request, form.cleaned_data["username"])
        if refusal is not None:
            return refusal
        user = form.check(request)
        if user is not None:
            throttle.forgive(throttle.LOGIN_BY_NAME, _name_here(request, form.cleaned_data["username"]))
            start_session(request, user)
            return redirect(target)
    return render(request, "login.html", {"form": form, "next": target}, status=422)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    end_session(request)
    response = redirect("login")
    response["Clear-Site-Data"] = '"cache"'  # pictures that the browser may keep for ever, for that person
    return response


@never_cache
@login_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: UserRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "password.html", {"form": PasswordForm(request.user)})
    if wait := throttle.wait_s(throttle.PASSWORD, str(request.user.pk)):
        return throttle.too_many(request, throttle.PASSWORD, wait)
    form = PasswordForm(request.user, request.POST)
    if not form.is_valid():
        return render(request, "password.html", {"form": form}, status=422)
    accounts.change_password(request.user, form.cleaned_data["password"])
    update_session_auth_hash(request, request.user)
    messages.success(request, _("Your password is changed. Other devices are logged out."))
    return redirect("password")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, token: str) -> HttpResponse:
    if wait := throttle.wait_s(throttle.INVITATION, throttle.client_address(request)):
        return throttle.too_many(request, throttle.INVITATION, wait)
    invitation = accounts.open_invitation(token)
    if invitation is None:
        return render(request, "invite.html", {"invitation": None}, status=404)
    if request.method != "POST":
        return render(request, "invite.html", {"invitation": invitation, "form": NewAccountForm()})
    form = NewAccountForm(request.POST)
    if form.is_valid():
        try:
            user = accounts.accept_invitation(token, **form.account)
        except accounts.InvitationGone:
            return render(request, "invite.html", {"invitation": None}, status=404)
        except accounts.UsernameTaken:
            form.refuse_name()
        else:
            throttle.forgive(
                throttle.INVITATION, throttle.client_address(request)
            )  # a club joins from one place
            start_session(request, user)
            return redirect("roll")
    return render(request, "invite.html", {"invitation": invitation, "form": form}, status=422)


def _next(request: HttpRequest) -> str:
    """Return where to go after log-in; addresses outside this site are ignored."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if safe and target.startswith("/") else resolve_url("roll")


def _throttle_login(request: HttpRequest, username: str) -> HttpResponse | None:
    """Count before the password is looked at: by address, by name here, and by name from anywhere."""
    for limit, who in (
        (throttle.LOGIN_BY_ADDRESS, throttle.client_address(request)),
        (throttle.LOGIN_BY_NAME, _name_here(request, username)),
        (throttle.LOGIN_BY_NAME_ANYWHERE, username.casefold()),
    ):
        if wait := throttle.wait_s(limit, who):
            return throttle.too_many(request, limit, wait)
    return None


def _name_here(request: HttpRequest, username: str) -> str:
    return f"{throttle.client_address(request)} {username.casefold()}"
