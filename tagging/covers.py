"""The covers that people choose for their tags."""

from django.utils.translation import gettext as _

from magicroll.models import Photo, User
from tagging.local_names import called
from tagging.models import Corpus, PhotoTag, Tag, TagCover
from tagging.writer import corpus_change


class CoverRefused(ValueError):
    """A cover that can't be chosen; the message is for the person."""


def choose_cover(user: User, photo: Photo, tag: Tag) -> None:
    """Let a photo stand for a tag that it has, until its owner says otherwise. Raises CoverRefused."""
    with corpus_change(user.pk) as change:
        if not _has(change.corpus, photo, tag):
            raise CoverRefused(
                _("This photo isn’t in “%(name)s” any more. Choose another one as its cover.")
                % {"name": called(tag)}
            )
        TagCover.objects.update_or_create(owner=user, tag=tag, defaults={"photo": photo})


def forget_cover(user: User, tag: Tag) -> None:
    """Let the surest photo stand for a tag again."""
    with corpus_change(user.pk):
        TagCover.objects.filter(owner=user, tag=tag).delete()


def _has(corpus: Corpus, photo: Photo, tag: Tag) -> bool:
    rows = PhotoTag.objects.seen_in(corpus).filter(tag=tag, photo=photo.pk)
    now = Photo.objects.owned_by(corpus.owner_id).filter(pk=photo.pk).values_list("taken_at", flat=True)
    return rows.filter(taken_at__in=now).exists()
