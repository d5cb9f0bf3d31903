"""In which language one reads Magic Roll."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from magicroll import accounts
from magicroll.forms import LanguageForm
from magicroll.http import HttpRequest


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def language(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        form = LanguageForm(initial={"language": request.user.language})
        return render(request, "language.html", {"form": form})
    form = LanguageForm(request.POST)
    if not form.is_valid():
        return render(request, "language.html", {"form": form}, status=422)
    chosen = form.cleaned_data["language"]
    accounts.choose_language(request.user, chosen)
    with translation.override(chosen or translation.get_language_from_request(request)):
        messages.success(request, _("Saved."))
    return redirect("language")
