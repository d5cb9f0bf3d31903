"""The tag in which a photo was opened, for its owner to make the photo its cover."""

from dataclasses import dataclass

from magicroll.models import Photo
from tagging.local_names import called
from tagging.models import Corpus, PhotoTag, TagCover
from tagging.search.choice import BadChoice, read_place
from tagging.search.pages import UnknownTag, tag_by_slug


@dataclass(frozen=True, slots=True)
class Covered:
    """A tag that a photo could stand for, and whether its owner chose it to."""

    slug: str
    name: str
    is_cover: bool


def cover_of(corpus: Corpus, photo: Photo, within: str) -> Covered | None:
    """Return the tag in which a photo was opened, where the photo has it; None in any other place."""
    kind, _, rest = within.partition(":")
    if kind != "tag" or not photo.is_live:
        return None
    try:
        tag = tag_by_slug(corpus, read_place(rest).first)
    except (BadChoice, UnknownTag):
        return None
    has = PhotoTag.objects.seen_in(corpus).filter(tag=tag, taken_at=photo.taken_at, photo=photo.pk)
    if not has.exists():
        return None
    mine = TagCover.objects.filter(owner=corpus.owner_id, tag=tag, photo=photo.pk)
    return Covered(tag.slug, called(tag), mine.exists())
