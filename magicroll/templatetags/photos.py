"""Photos in pages. In Python: a page may have hundreds, and an include for each took most of its time."""

from datetime import date
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote

from django import template
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils.formats import date_format, localize
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator, capfirst
from django.utils.translation import get_language, gettext, pgettext

from magicroll.imaging.picture import PREVIEW_PX, THUMB_PX
from magicroll.models import Photo

register = template.Library()
ALT_CHARS = 200  # of a caption; the photo's page has all of it


class Tile(Protocol):
    """What a tile says of a tag or category."""

    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def cover(self) -> Photo | None: ...


_SIZES = (("thumbnail", THUMB_PX), ("preview", PREVIEW_PX))


@register.simple_tag
def cell(photo: Photo, within: str = "") -> SafeString:
    """Show a photo in a grid as a link to its page, which knows the list `within` which it was opened."""
    return format_html(
        f'<li class="cell" data-id="{{}}" data-colour="{{}}"><a href="{{}}{{}}">{_IMG}</a>{{}}{{}}</li>',
        photo.pk,
        photo.dominant_colour,
        _address("photo", photo.pk, get_script_prefix()),
        f"?in={quote(within, safe='')}" if within else "",
        *_img(photo),
        _heart() if photo.favourite else "",
        check(),
    )


@register.simple_tag
def check() -> SafeString:
    """Show a cell's check mark, which needs a script; Space on the photo does the same."""
    return format_html(
        '<button class="check" type="button" tabindex="-1" aria-pressed="false" aria-label="{}"></button>',
        gettext("Select the photo"),
    )


@register.simple_tag
def picture(photo: Photo) -> SafeString:
    """Show a photo's thumbnail; its size is known before it comes, and a wide row may take the preview."""
    return format_html(_IMG, *_img(photo))


_IMG = '<img src="{}"{} width="{}" height="{}" loading="lazy" decoding="async" alt="{}">'


def _img(photo: Photo) -> tuple[object, ...]:
    """Return what stands in the gaps of `_IMG`: one format for a cell, as nesting them took twice the time."""
    sources = srcset(photo)
    return (
        thumbnail_url(photo),
        mark_safe(f' srcset="{sources}" sizes="auto, 300px"') if sources else "",  # noqa: S308 - our addresses
        photo.width,
        photo.height,
        alt(photo),
    )


@register.simple_tag
def tile(shown: Tile, width: int, height: int) -> SafeString:
    """Show a tag or category as a link to its photos, with its cover in a box of that many pixels."""
    image = '<img src="{}" width="{}" height="{}" loading="lazy" decoding="async" alt="">'
    return format_html(
        '<li><a class="tile" href="{}">{}<span class="tile-name"><span>{}</span>'
        '<span class="count">{}</span></span></a></li>',
        _tag_address(shown.slug, get_script_prefix()),
        format_html(image, thumbnail_url(shown.cover), width, height) if shown.cover else "",
        capfirst(shown.name),
        localize(shown.count),
    )


@register.filter
def thumbnail_url(photo: Photo) -> str:
    """Return the thumbnail's address; it changes with the pixels, so that browsers may keep it for ever."""
    return _picture_address("thumbnail", photo)


def srcset(photo: Photo) -> str:
    """Name both stored sizes with their widths, so that a panorama's row gets enough pixels.

    Empty for a photo that is no larger than its thumbnail.
    """
    longest = max(photo.width, photo.height)
    if longest <= THUMB_PX:
        return ""
    sizes = [(name, round(photo.width * min(1.0, limit / longest))) for name, limit in _SIZES]
    return ", ".join(f"{_picture_address(name, photo)} {max(1, width)}w" for name, width in sizes)


@register.filter
def outsizes_preview(photo: Photo) -> bool:
    """Tell whether the photo has more pixels than its preview, which then stands for a larger picture."""
    return max(photo.width, photo.height) > PREVIEW_PX


# What browsers show in <img>. Of these, all of them turn a JPEG as its camera says, and not all of them the others.
_SHOWN_BY_BROWSERS = {"jpeg", "png", "webp", "gif", "avif"}
_MOST_BYTES, _MOST_PIXELS = (
    60_000_000,
    120_000_000,
)  # that a browser is sent, and asked to decode, for a closer look


@register.filter
def sharper_url(photo: Photo) -> str:
    """Return the original's address where it has more to show than the preview, and a browser can show it."""
    upright = photo.kind == "jpeg" or photo.camera.get("orientation", 1) == 1
    small_enough = photo.byte_size <= _MOST_BYTES and photo.width * photo.height <= _MOST_PIXELS
    if photo.kind in _SHOWN_BY_BROWSERS and upright and small_enough and outsizes_preview(photo):
        return reverse("original", args=[photo.pk])
    return ""


def said_of(photo: Photo) -> str:
    """Say what the photo shows, in its person's words where there are any."""
    return Truncator(" ".join(photo.caption.split())).chars(ALT_CHARS) or photo.seen or photo.name


@register.filter
def alt(photo: Photo) -> str:
    """Say what the photo shows and when it was taken: all that a reader who can't see it has to go by."""
    said = [
        said_of(photo),
        _day(photo.taken_at.date(), get_language()),
    ]
    return ", ".join([*said, gettext("favourite")] if photo.favourite else said)


@lru_cache(maxsize=4096)
def _day(day: date, language: str | None) -> str:
    """Write a day out, in the current language, which is the key's only to tell days apart."""
    return date_format(day, pgettext("date format", "j F Y"))


@register.filter
def month_name(month: date) -> str:
    """Write a month out with its year."""
    return _month(month, get_language())


@lru_cache(maxsize=4096)
def _month(month: date, language: str | None) -> str:
    return date_format(month, "F Y")


def _picture_address(name: str, photo: Photo) -> SafeString:
    before, after = _around_id(name, get_script_prefix())
    return mark_safe(f"{before}{photo.pk:d}{after}?r={photo.revision:d}")  # noqa: S308 - our address, numbers


def _address(name: str, photo_id: int, script_prefix: str) -> SafeString:
    before, after = _around_id(name, script_prefix)
    return mark_safe(f"{before}{photo_id:d}{after}")  # noqa: S308 - our address, a number


@lru_cache(maxsize=1024)
def _tag_address(slug: str, script_prefix: str) -> str:
    """Resolve a tag's address; as in `_around_id`, the script prefix is only a key."""
    return reverse("tag", args=[slug])


@lru_cache(maxsize=32)
def _around_id(name: str, script_prefix: str) -> tuple[str, str]:
    """Resolve an address once for all photos. `reverse` puts the script prefix in front, hence the key."""
    before, _, after = reverse(name, args=[0]).rpartition("/0/")
    return f"{before}/", f"/{after}"


@lru_cache(maxsize=1)
def _heart() -> SafeString:
    return format_html(
        '<svg class="icon heart" aria-hidden="true"><use href="{}#heart"></use></svg>', static("icons.svg")
    )
