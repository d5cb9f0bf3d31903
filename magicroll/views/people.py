from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from magicroll import accounts
from magicroll.forms import InvitationForm
from magicroll.http import HttpRequest

View = Callable[..., HttpResponse]


def administrators_only(view: View) -> View:
    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


@never_cache
@administrators_only
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    return _page(request, InvitationForm())


@never_cache
@administrators_only
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    token = accounts.invite(request.user, form.cleaned_data["note"], form.cleaned_data["as_admin"])
    # Shown in this answer and never again, hence no redirect.
    return _page(request, InvitationForm(), token=token)


@administrators_only
@require_POST
def withdraw(request: HttpRequest, invitation_id: int) -> HttpResponse:
    if not accounts.withdraw(invitation_id):
        raise Http404
    messages.success(request, _("The invitation is withdrawn. Its link no longer works."))
    return redirect("people")


@administrators_only
@require_POST
def set_active(request: HttpRequest, user_id: int) -> HttpResponse:
    active = request.POST.get("active")
    if active not in ("yes", "no"):
        return _refuse(request, _("Choose to deactivate or to reactivate."))
    if user_id == request.user.pk:
        return _refuse(request, _("You can't deactivate your own account."))
    user = accounts.set_active(request.user, user_id, active == "yes")
    if user is None:
        raise Http404
    if user.is_active:
        messages.success(request, _("%(name)s can log in again.") % {"name": user.username})
    else:
        messages.success(
            request, _("%(name)s can no longer log in. Their photos are kept.") % {"name": user.username}
        )
    return redirect("people")


def _refuse(request: HttpRequest, why: str) -> HttpResponse:
    messages.error(request, why)
    return _page(request, InvitationForm(), status=422)


def _page(request: HttpRequest, form: InvitationForm, *, token: str = "", status: int = 200) -> HttpResponse:
    context = {
        "people": accounts.people(),
        "invitations": accounts.open_invitations(),
        "form": form,
        "link": request.build_absolute_uri(reverse("invite", args=[token])) if token else "",
    }
    return render(request, "people.html", context, status=status)
