"""What the photo grids need of a photo beyond its own fields."""

from django import template
from django.urls import reverse
from django.utils.formats import date_format

from magicroll.imaging.picture import PREVIEW_PX, THUMB_PX
from magicroll.models import Photo

register = template.Library()


@register.filter
def thumbnail_url(photo: Photo) -> str:
    """Return the thumbnail's address; it changes with the pixels, so that browsers may keep it for ever."""
    return _address("thumbnail", photo)


@register.filter
def srcset(photo: Photo) -> str:
    """Name both stored sizes with their widths, so that a panorama's row gets enough pixels.

    Empty for a photo that is no larger than its thumbnail.
    """
    longest = max(photo.width, photo.height)
    if longest <= THUMB_PX:
        return ""
    sizes = [(name, round(photo.width * min(1.0, limit / longest))) for name, limit in _SIZES]
    return ", ".join(f"{_address(name, photo)} {max(1, width)}w" for name, width in sizes)


@register.filter
def alt(photo: Photo) -> str:
    """Say what the photo shows and when it was taken: all that a reader who can't see it has to go by."""
    said = [photo.seen or photo.name, date_format(photo.taken_at, "j F Y")]
    return ", ".join([*said, "favourite"] if photo.favourite else said)


_SIZES = (("thumbnail", THUMB_PX), ("preview", PREVIEW_PX))


def _address(name: str, photo: Photo) -> str:
    return f"{reverse(name, args=[photo.pk])}?r={photo.revision}"
