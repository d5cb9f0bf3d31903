"""Your tags: what verdicts taught, what is muted or hidden, and automatic tags as a whole."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from magicroll.http import HttpRequest, snapshot_read
from magicroll.imaging.wording import N_
from tagging import learning, muting, republishing, tasks
from tagging.local_names import called
from tagging.models import Corpus, Tag, TagChoice
from tagging.refill import automatic
from tagging.thresholds import ENOUGH

_DIGITS = 19  # 2**63 has as many: no id is as long
_KINDS = {"mute": TagChoice.Kind.MUTED, "hide": TagChoice.Kind.HIDDEN, "show": None}
_SAID = {
    "mute": N_("Muted: %(name)s. Nothing shows it any more. “Your tags” shows it again."),
    "hide": N_("Hidden from your Magic View: %(name)s. “Your tags” shows it again."),
    "show": N_("Shown again: %(name)s."),
    "release": N_("%(name)s is shown from the release’s own threshold again."),
    "learned": N_("%(name)s is shown from your own threshold again."),
}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def your_tags(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    order = request.POST.get("order", "")
    if order in ("on", "off"):
        (automatic.turn_on if order == "on" else automatic.turn_off)(request.user)
        tasks.hint_automatic(request.user.pk)
        return redirect("your_tags")
    try:
        messages.success(request, _carry_out(request, order))
    except muting.UnknownWord as error:
        return _page(request, error=str(error), status=422)
    if republishing.is_at_work(request.user.pk):
        tasks.hint_wishes(request.user.pk)
    return redirect(_back(request))


def _carry_out(request: HttpRequest, order: str) -> str:
    """Do what was asked for with one tag and return what to say of it. Raises UnknownWord."""
    if order not in _SAID:
        raise muting.UnknownWord(_("Choose what to do with the tag."))
    tag = _tag(request)
    if order in _KINDS:
        muting.choose(request.user, tag, _KINDS[order])
    elif not learning.ignore(request.user, tag.pk, ignored=order == "release"):
        raise muting.UnknownWord(_("Nothing was learnt about “%(name)s” yet.") % {"name": called(tag)})
    return _(_SAID[order]) % {"name": called(tag)}


def _tag(request: HttpRequest) -> Tag:
    number = request.POST.get("tag", "")
    if not number:
        return muting.tag_called(request.user, request.POST.get("name", ""))
    if not number.isascii() or not number.isdigit() or len(number) >= _DIGITS:
        raise muting.UnknownWord(_("There is no such tag. Reload the page."))
    return muting.tag_of(request.user, int(number))


def _back(request: HttpRequest) -> str:
    """Return the page of ours that the order came from, or the settings."""
    address = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if is_ours and address.startswith("/") else "your_tags"


@snapshot_read
def _page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    corpus: Corpus = request.corpus
    context = {
        "automatic": corpus.automatic,
        "left": automatic.left_to_remove(corpus),
        "following": republishing.left_to_follow(corpus),
        "adjusted": learning.adjusted(corpus),
        "enough": ENOUGH,
        "chosen": muting.chosen_by(request.user),
        "error": error,
    }
    fragment = ""
    if request.htmx and not request.htmx.boosted:
        fragment = "#following" if request.htmx.target == "following" else "#automatic"
    return render(request, f"your_tags.html{fragment}", context, status=status)
