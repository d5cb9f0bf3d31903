"""How far a refill is, in words and as a bar."""

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from tagging.refill.progress import Bar

register = template.Library()

_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3600, 60
_ROUGH = 3  # of a unit: below, the next smaller one says it better


@register.filter
def duration(seconds: float | None) -> str:
    """Say about how long something takes."""
    if seconds is None:
        return gettext("not measured yet")
    if seconds >= _ROUGH * _DAY_S:
        days = round(seconds / _DAY_S)
        return ngettext("about %(count)s day", "about %(count)s days", days) % {"count": _grouped(days)}
    if seconds >= _ROUGH * _HOUR_S:
        return gettext("about %(count)s h") % {"count": _grouped(round(seconds / _HOUR_S))}
    if seconds >= _MINUTE_S:
        return gettext("about %(count)s min") % {"count": _grouped(round(seconds / _MINUTE_S))}
    return gettext("about %(count)s s") % {"count": max(1, round(seconds))}


def _grouped(count: int) -> str:
    return number_format(count, force_grouping=True)


@register.filter
def rate(photos_per_s: float | None) -> str:
    """Say how fast it goes."""
    if photos_per_s is None:
        return "–"
    decimals = 0 if photos_per_s >= 10 else 1
    number = number_format(round(photos_per_s, decimals), decimals, force_grouping=True)
    return gettext("%(number)s photos/s") % {"number": number}


@register.simple_tag
def refill_bar(bar: Bar, label: str) -> SafeString:
    """Draw done and failed photos of all; the policy forbids style attributes, so an SVG's own are used."""
    done, failed = (100 * part / bar.total if bar.total else 0 for part in (bar.done, bar.failed))
    return format_html(
        '<div class="bar" role="progressbar" aria-label="{}" aria-valuemin="0" aria-valuemax="100" '
        'aria-valuenow="{}"><svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-done" width="{}" height="1"/><rect class="bar-failed" x="{}" width="{}" height="1"/>'
        "</svg></div>",
        label,
        bar.percent,
        f"{done:.2f}",
        f"{done:.2f}",
        f"{failed:.2f}",
    )
