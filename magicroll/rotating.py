"""Turning photos: kept as metadata. The original stays as it came; its pictures are made again from it."""

import logging
from pathlib import Path

from django.utils.translation import gettext as _

from magicroll import storage
from magicroll.imaging.decoder import DecoderFailed
from magicroll.imaging.picture import PREVIEW_NAME, THUMB_NAME, ImageRefused, Picture
from magicroll.intake import decoders, fetch_original, scratch
from magicroll.models import Photo, User
from tagging import services as tagging
from tagging import tasks
from tagging.services import corpus_change

logger = logging.getLogger(__name__)

ATTEMPTS = 5  # each but the last is lost to another rotation of the same photo, which then counts
LEFT, RIGHT = -1, 1


class RotationRefused(Exception):
    """A photo that can't be turned, or not now; the message is for the person."""


class _Overtaken(Exception):
    """Somebody else turned the photo, or took it away, while its pictures were being made."""


def rotate(user: User, photo_id: int, by: int) -> None:
    """Turn a photo by quarter turns, clockwise; turns that come at the same time all count.

    Its tags stay until new ones have been found in the turned picture. Raises RotationRefused, and
    Photo.DoesNotExist.
    """
    for _attempt in range(ATTEMPTS):
        photo = Photo.objects.owned_by(user).get(pk=photo_id)
        if photo.state != Photo.State.READY:
            raise RotationRefused(_("This photo could not be read, so it can't be turned."))
        turns = (photo.turns + by) % 4
        with scratch() as folder:
            picture = _decode(photo, folder, turns)
            try:
                _replace(photo, picture, folder, turns)
            except (_Overtaken, storage.NameTaken):
                continue
        return
    raise RotationRefused(_("This photo is being changed elsewhere. Nothing was changed. Try again."))


def _decode(photo: Photo, folder: Path, turns: int) -> Picture:
    try:
        return decoders().process(fetch_original(photo, folder), folder, turns)
    except FileNotFoundError as error:
        logger.error("a photo's file is missing", extra={"photo": photo.pk})
        raise RotationRefused(_("The original of this photo is missing from the storage.")) from error
    except (
        ImageRefused,
        DecoderFailed,
    ) as error:  # it was read before: today's decoder, or machine, is at fault
        logger.warning("decoder failed", extra={"photo": photo.pk, "reason": str(error)})
        raise RotationRefused(
            _("This photo could not be read just now. Nothing was changed. Try again.")
        ) from error


def _replace(photo: Photo, picture: Picture, folder: Path, turns: int) -> None:
    """Store the pictures under names of a new revision, then let the row and the work to do follow."""
    read = photo.revision
    storage.renew(photo)
    new = {photo.preview_file: folder / PREVIEW_NAME, photo.thumbnail_file: folder / THUMB_NAME}
    with storage.storing(new), corpus_change(photo.owner_id) as change:
        mine = change.touch([photo.pk]).get(photo.pk)
        if mine is None or mine.revision != read:
            raise _Overtaken
        storage.retire(mine.pictures)
        mine.revision, mine.turns = photo.revision, turns
        mine.width, mine.height = picture.width, picture.height
        mine.dominant_colour = picture.dominant_colour
        mine.save(update_fields=["revision", "turns", "width", "height", "dominant_colour"])
        storage.claim(mine.pictures)
        tagging.needs_tags(change, [mine.pk])
        tasks.hint(mine.owner_id)
