"""Figures of a release's card, in words."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext

from tagging.cards import Interval

register = template.Library()


@register.filter
def share(value: float | str | None) -> str:
    """Say a share in per cent; a dash where there is none."""
    return f"{number_format(100 * value, 0)} %" if isinstance(value, float | int) else "–"


@register.filter
def interval(figure: Interval | None) -> str:
    """Say a figure with its interval."""
    if figure is None:
        return "–"
    value, low, high = (number_format(one, 3) for one in (figure.value, figure.low, figure.high))
    return gettext("%(value)s (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}
