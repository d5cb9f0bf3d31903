"""Lists of photos, newest first, paged by the key (taken_at, id): never by offset."""

from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, Protocol

from django.db.models import Q, QuerySet

from magicroll.models import Photo
from tagging.combine import Verdicts, visible_tags
from tagging.local_names import names_of
from tagging.models import Corpus, PhotoTag
from tagging.published import said_on, verdicts_on
from tagging.releases import release_tags
from tagging.standing import standing_of
from tagging.wishes import Rules

PAGE = 60
EPOCH = datetime(1, 1, 1, tzinfo=UTC)
LARGEST_ID = 2**63 - 1  # of a 64-bit key
CARD_FIELDS = (
    "id", "owner_id", "name", "width", "height", "dominant_colour", "taken_at", "favourite", "revision",
    "trashed_at", "caption",
)  # fmt: skip


class BadCursor(ValueError):
    """A cursor that this application didn't make."""


@dataclass(frozen=True, slots=True)
class Key:
    """A place in a list: photos are ordered by (taken_at, id), newest first."""

    taken_at: datetime
    photo_id: int

    def __str__(self) -> str:
        return f"{(self.taken_at - EPOCH) // timedelta(microseconds=1)}-{self.photo_id}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Read what `str` wrote. Raises BadCursor."""
        try:
            microseconds, photo_id = map(int, text.split("-"))
            taken_at = EPOCH + timedelta(microseconds=microseconds)
        except (ValueError, OverflowError) as error:
            raise BadCursor(text) from error
        if photo_id > LARGEST_ID:
            raise BadCursor(text)
        return cls(taken_at, photo_id)


@dataclass(slots=True)
class Page:
    """Photos newest first, the next page's cursor, and how many the whole list has where that is known."""

    photos: list[Photo]
    next: str | None
    total: int | None = None


class Ordered(Protocol):
    """A list of photos that can be read from any place on, newest first."""

    def older(self, than: Key | None, limit: int) -> list[Key]: ...

    def newer(self, than: Key, limit: int) -> list[Key]: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of photos: rows of Photo, or of the reverse index, that carry the key."""

    rows: QuerySet[Any]
    id_field: Literal["id", "photo_id"]

    def older(self, than: Key | None, limit: int) -> list[Key]:
        """Return up to `limit` keys after a place, newest first; None = from the newest."""
        return [Key(*row) for row in self.after(than).values_list("taken_at", self.id_field)[:limit]]

    def after(self, than: Key | None) -> QuerySet[Any]:
        """Return the rows after a place, newest first; None = from the newest."""
        rows = self.rows.order_by("-taken_at", f"-{self.id_field}")
        if than is None:
            return rows
        # The first condition bounds the index scan, the second cuts exactly.
        return rows.filter(taken_at__lte=than.taken_at).filter(
            Q(taken_at__lt=than.taken_at) | Q(**{f"{self.id_field}__lt": than.photo_id})
        )

    def newer(self, than: Key, limit: int) -> list[Key]:
        """Return up to `limit` keys before a place, the nearest first."""
        rows = self.rows.order_by("taken_at", self.id_field).filter(taken_at__gte=than.taken_at)
        rows = rows.filter(Q(taken_at__gt=than.taken_at) | Q(**{f"{self.id_field}__gt": than.photo_id}))
        return [Key(*row) for row in rows.values_list("taken_at", self.id_field)[:limit]]


def last_day(month: date) -> date:
    """Return the last day of the month that a day lies in."""
    return month.replace(day=monthrange(month.year, month.month)[1])


def midnight_after(day: date) -> datetime:
    """Return the moment at which a day has ended."""
    midnight = datetime.combine(day, time(), UTC)
    return midnight + timedelta(days=1) if day < date.max else datetime.max.replace(tzinfo=UTC)


def page_of(
    corpus: Corpus, listing: Ordered, before: str | None, limit: int = PAGE, total: int | None = None
) -> Page:
    """Return one page of a list: three queries. Raises BadCursor."""
    keys = listing.older(Key.parse(before) if before else None, limit + 1)
    photos = cards(corpus, [key.photo_id for key in keys[:limit]])
    return Page(photos, str(keys[limit - 1]) if len(keys) > limit else None, total)


def cards(corpus: Corpus, photo_ids: Sequence[int]) -> list[Photo]:
    """Return what a grid shows of live photos, in the given order, each with its tags in words (`seen`)."""
    photos = covers(corpus, photo_ids)
    describe(corpus, photos)
    return photos


def covers(corpus: Corpus, photo_ids: Sequence[int]) -> list[Photo]:
    """Return live photos in the given order as tiles show them, whose own words say what they are."""
    found = Photo.objects.owned_by(corpus.owner_id).live().only(*CARD_FIELDS).in_bulk(list(photo_ids))
    return [found[photo_id] for photo_id in photo_ids if photo_id in found]


def visible(
    said: Mapping[int, float], verdicts: Verdicts, rules: Rules, aside: Collection[int]
) -> dict[int, float]:
    """Return the tags that readers see on a photo, with scores; aside: what was muted just now."""
    seen = visible_tags(said, verdicts, rules.hierarchy, rules.muted)
    return {tag_id: score for tag_id, score in seen.items() if tag_id not in aside}


def describe(corpus: Corpus, photos: Sequence[Photo]) -> None:
    """Give each photo `seen`: the names of its surest visible tags, for its alternative text."""
    ids = [photo.id for photo in photos]
    names = names_of(release_tags(corpus.active_id))
    standing = standing_of(corpus)
    rules = standing.rules(corpus.active_id)
    said = said_on(corpus.owner_id, corpus.active_id, ids, rules)
    verdicts = verdicts_on(corpus.owner_id, ids)
    for photo in photos:
        seen = visible(said.get(photo.id, {}), verdicts[photo.id], rules.of(photo.id), standing.aside)
        surest = sorted(seen, key=lambda tag_id: -seen[tag_id])
        photo.seen = ", ".join([names[tag_id] for tag_id in surest if tag_id in names][:3])


def roll(corpus: Corpus, *, favourites: bool = False) -> Listing:
    """List the Camera Roll."""
    photos = Photo.objects.owned_by(corpus.owner_id).live()
    return Listing(photos.filter(favourite=True) if favourites else photos, "id")


def tagged(corpus: Corpus, tag_id: int) -> Listing:
    """List the live photos of a tag or category in the corpus's release."""
    return Listing(PhotoTag.objects.seen_in(corpus).filter(tag=tag_id), "photo_id")
