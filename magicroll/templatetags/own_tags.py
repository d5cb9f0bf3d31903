"""Photos to be judged for an own tag. In Python, as the cells of the roll are."""

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from magicroll.imaging.wording import N_
from magicroll.models import Photo
from magicroll.templatetags.photos import alt, check, picture

register = template.Library()

# What a button says, the icon it shows, and what it says to those who can't see the photo.
_BUTTONS = {
    "yes": (N_("Yes"), "check", N_("Yes: this is it: %(photo)s")),
    "no": (N_("No"), "x", N_("No: not this: %(photo)s")),
    "undo": (N_("Undo"), "rotate-ccw", N_("Undo: take back what you said: %(photo)s")),
}


@register.simple_tag
def judged(photo: Photo, buttons: str, score: float | None = None) -> SafeString:
    """Show a photo with buttons of its form around it, such as "yes no"; score: 0 to 1."""
    seen = alt(photo)
    return format_html(
        '<li class="cell" data-id="{}" data-colour="{}"><a href="{}">{}</a>{}{}<span class="verdicts">{}</span></li>',
        photo.pk,
        photo.dominant_colour,
        reverse("photo", args=[photo.pk]),
        picture(photo),
        check(),
        "" if score is None else _score(score),
        format_html_join(
            "",
            '<button class="verdict {}" type="submit" name="{}" value="{}" title="{}" aria-label="{}">'
            '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg></button>',
            [
                (
                    name,
                    name,
                    photo.pk,
                    gettext(says),
                    gettext(more) % {"photo": seen},
                    static("icons.svg"),
                    icon,
                )
                for name in buttons.split()
                for says, icon, more in [_BUTTONS[name]]
            ],
        ),
    )


def _score(score: float) -> SafeString:
    percent = int(score * 100)
    title = gettext("How sure: %(percent)s %%") % {"percent": percent}
    return format_html('<span class="score" title="{}">{} %</span>', title, percent)
