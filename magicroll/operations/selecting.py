"""What is selected: some photos by their ids, or all of a list but some, as it was when it was chosen."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from magicroll.models import Photo, User
from tagging.models import Corpus, MonthCount
from tagging.querysets import among
from tagging.search import Key, Page, UnknownTag, corpus_of, listing
from tagging.search.choice import BadChoice, Choice, read_place
from tagging.search.choosing import resolve, selection_of
from tagging.search.find import Query, matching, understand
from tagging.search.pages import counts, tag_by_slug

LARGEST_SPAN = 100_000  # photos that a range or a day hands to a page
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MARK = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


class UnknownPlace(LookupError):
    """No list of this person's has that name (any more)."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Either `ids`, or the list `place` as far as it had come at `upto`, without `but`."""

    ids: Collection[int] = ()
    place: str = ""
    upto: int = 0
    but: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A whole list, to be selected: how many photos it has now, and the mark that later ones lie beyond."""

    count: int
    upto: int


@dataclass(frozen=True, slots=True)
class _Whole:
    """A list in full. Photos that came into the roll (into the trash) after a mark can be told apart."""

    rows: listing.Listing
    by_time: bool = False

    def upto(self, mark: int) -> "listing.Listing":
        if self.by_time:
            limit = Q(trashed_at__lte=_EPOCH + timedelta(microseconds=min(mark, _LAST_MARK)))
        else:
            limit = Q(**{f"{self.rows.id_field}__lte": mark})
        return listing.Listing(self.rows.rows.filter(limit), self.rows.id_field)


def offer(user: User, place: str) -> Offer:
    """Count a list, and mark how far it goes now. Raises UnknownPlace."""
    corpus = corpus_of(user)
    whole = _whole(corpus, place)
    if whole.by_time:
        found = whole.rows.rows.aggregate(count=Count("id"), latest=Max("trashed_at"))
        return Offer(found["count"], ((found["latest"] or _EPOCH) - _EPOCH) // timedelta(microseconds=1))
    newest = Photo.objects.owned_by(user).order_by("-id").values_list("id", flat=True).first()
    return Offer(_count(corpus, place, whole), newest or 0)


def chosen_ids(user: User, selection: Selection) -> list[int]:
    """Return the selected photos of this person, in the order of the list; anybody else's are none.

    All of a list is what it holds now, without photos that were uploaded (on the trash page: trashed) since
    `upto` was marked: nobody has seen those. Raises UnknownPlace.
    """
    if not selection.place:
        mine = Photo.objects.owned_by(user).filter(id__in=among(selection.ids)).newest_first()
        return list(mine.values_list("id", flat=True))
    here = _whole(corpus_of(user), selection.place).upto(selection.upto)
    order = ("-taken_at", f"-{here.id_field}")
    ids = here.rows.order_by(*order).values_list(here.id_field, flat=True)
    without = set(selection.but)
    return [photo_id for photo_id in ids.iterator(chunk_size=10_000) if photo_id not in without]


def page(user: User, place: str, before: str | None, limit: int) -> Page:
    """Return one page of a list by date taken, each photo with its tags in words.

    Raises UnknownPlace, listing.BadCursor.
    """
    corpus = corpus_of(user)
    whole = _whole(corpus, place)
    if not whole.by_time:
        return listing.page_of(corpus, whole.rows, before, limit)
    keys = whole.rows.older(Key.parse(before) if before else None, limit + 1)
    found = Photo.objects.owned_by(user).in_bulk([key.photo_id for key in keys[:limit]])
    photos = [found[key.photo_id] for key in keys[:limit]]
    listing.describe(corpus, photos)
    return Page(photos, str(keys[limit - 1]) if len(keys) > limit else None)


def span(user: User, place: str, *, first: int = 0, last: int = 0, day: date | None = None) -> list[int]:
    """Return the photos of a list from one to another, in either order, or of one day: at most LARGEST_SPAN.

    A photo that is not in the roll (any more) gives an empty range. Raises UnknownPlace.
    """
    whole = _whole(corpus_of(user), place).rows
    if day is not None:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        rows = whole.rows.filter(taken_at__gte=start, taken_at__lt=start + timedelta(days=1))
    else:
        ends = Photo.objects.owned_by(user).filter(id__in=(first, last)).values_list("taken_at", "id")
        keys = sorted(((key.taken_at, key.photo_id), key) for key in (Key(*row) for row in ends))
        if len({first, last}) != len(keys):
            return []
        rows = _between(whole, keys[0][1], keys[-1][1])
    ids = rows.order_by("-taken_at", f"-{whole.id_field}").values_list(whole.id_field, flat=True)
    return list(ids[:LARGEST_SPAN])


def _between(whole: listing.Listing, oldest: Key, newest: Key) -> QuerySet[Any]:
    name = whole.id_field
    rows = whole.rows.filter(taken_at__gte=oldest.taken_at, taken_at__lte=newest.taken_at)
    not_older = Q(taken_at__gt=oldest.taken_at) | Q(**{f"{name}__gte": oldest.photo_id})
    not_newer = Q(taken_at__lt=newest.taken_at) | Q(**{f"{name}__lte": newest.photo_id})
    return rows.filter(not_older, not_newer)


def _whole(corpus: Corpus, place: str) -> _Whole:
    """Find a list by its name: `roll`, `favourites`, `trash`, `search:<words>`, or what `Choice.place` says."""
    kind, _, rest = place.partition(":")
    if place in ("roll", "favourites"):
        return _Whole(listing.roll(corpus, favourites=place == "favourites"))
    if place == "trash":
        trashed = Photo.objects.owned_by(corpus.owner_id).exclude(trashed_at=None)
        return _Whole(listing.Listing(trashed, "id"), by_time=True)
    if kind == "tag":
        try:
            return _chosen(corpus, read_place(rest))
        except (UnknownTag, BadChoice) as error:
            raise UnknownPlace(place) from error
    if kind == "search" and (query := understand(corpus, rest)) != Query():
        return _Whole(matching(corpus, query))
    raise UnknownPlace(place)


def _chosen(corpus: Corpus, choice: Choice) -> _Whole:
    if choice.is_plain:
        return _Whole(listing.tagged(corpus, tag_by_slug(corpus, choice.first).pk))
    ids = selection_of(corpus, resolve(corpus, choice)).photos.ids.tolist()
    return _Whole(listing.Listing(Photo.objects.owned_by(corpus.owner_id).filter(id__in=among(ids)), "id"))


def _count(corpus: Corpus, place: str, whole: _Whole) -> int:
    """Count a list, from kept counts where there are some."""
    if place == "roll":
        return sum(MonthCount.objects.filter(owner=corpus.owner_id).values_list("count", flat=True))
    if place.startswith("tag:") and "?" not in place:
        tag = tag_by_slug(corpus, place.removeprefix("tag:"))
        return counts(corpus).filter(tag=tag).values_list("count", flat=True).first() or 0
    return whole.rows.rows.count()
