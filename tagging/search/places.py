"""Where a photo was opened from, and which photos stand beside it there."""

from dataclasses import dataclass

from magicroll.models import Photo
from tagging.models import Corpus
from tagging.search import listing
from tagging.search.choice import BadChoice, read_place
from tagging.search.choosing import resolve, selection_of
from tagging.search.find import Query, in_order, understand
from tagging.search.listing import Key, Ordered
from tagging.search.pages import UnknownTag


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Photo ids: `previous` is newer, `next` is older."""

    previous: int | None
    next: int | None


def neighbours(corpus: Corpus, photo: Photo, within: str) -> Neighbours:
    """Return the photos beside one in `roll`, `favourites`, `tag:<choice>` or `search:<words>`.

    A place that is not known (any more) is taken for the roll; a photo that the roll doesn't show has none.
    """
    if not photo.is_live:
        return Neighbours(None, None)
    here = Key(photo.taken_at, photo.id)
    place = _place(corpus, within)
    newer, older = place.newer(here, 1), place.older(here, 1)
    return Neighbours(newer[0].photo_id if newer else None, older[0].photo_id if older else None)


def _place(corpus: Corpus, within: str) -> Ordered:
    kind, _, rest = within.partition(":")
    if kind == "tag":
        try:
            chosen = resolve(corpus, read_place(rest))
        except (BadChoice, UnknownTag):
            return listing.roll(corpus)
        if chosen.choice.is_plain:
            return listing.tagged(corpus, chosen.asked[0].pk)
        return selection_of(corpus, chosen)
    if kind == "search" and (query := understand(corpus, rest)) != Query():
        return in_order(corpus, query)
    return listing.roll(corpus, favourites=kind == "favourites")
