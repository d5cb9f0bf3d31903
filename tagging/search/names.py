"""Where in a roll a part of a file name can be: the names of each month, kept in memory.

A database reads names along the roll, entry by entry, which takes long where all that are meant lie far back: 0.2 µs
an entry. In memory a million names are 25 MB, and looking through them takes 20 ms. So the months are found here
between which the database is asked; which photos these are, it says.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Aggregate, Max, Q, Sum, TextField, Value
from django.db.models.functions import TruncMonth

from magicroll.models import Photo
from tagging.models import Corpus, DayCount
from tagging.search.keeping import Keeper
from tagging.search.listing import Key, Listing, last_day, midnight_after

MOST_BYTES = 128 * 1024**2  # of one process

_months: Keeper[str] = Keeper(MOST_BYTES)
forget = _months.forget


class _Joined(Aggregate):
    """All values of a column as one text, a line each."""

    function = "STRING_AGG"
    output_field = TextField()

    def __init__(self, column: str) -> None:
        super().__init__(column, Value("\n"))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, function="GROUP_CONCAT", **context)


@dataclass(frozen=True, slots=True)
class Named:
    """Photos by parts of their file names: a list that is read only between the months that have such names."""

    listing: Listing
    owner_id: int
    parts: Sequence[str]
    months: dict[
        date, tuple[int, int]
    ]  # of the roll, the oldest first, each with what changes with its photos

    @classmethod
    def of(cls, corpus: Corpus, listing: Listing, parts: Sequence[str]) -> "Named":
        """Read the months of a roll, once for all that is asked of the list."""
        return cls(listing, corpus.owner_id, parts, _stamps(corpus))

    def older(self, than: Key | None, limit: int) -> list[Key]:
        """Return up to `limit` keys after a place, newest first; None = from the newest."""
        last = than.taken_at.date() if than else date.max
        newest = self._first_with(month for month in reversed(self.months) if month <= last)
        if newest is None:
            return []
        oldest = self._first_with(self.months)
        return self._between(oldest or newest, newest).older(than, limit)

    def newer(self, than: Key, limit: int) -> list[Key]:
        """Return up to `limit` keys before a place, the nearest first."""
        first = than.taken_at.date().replace(day=1)
        oldest = self._first_with(month for month in self.months if month >= first)
        if oldest is None:
            return []
        newest = self._first_with(reversed(self.months))
        return self._between(oldest, newest or oldest).newer(than, limit)

    def _first_with(self, months: Iterable[date]) -> date | None:
        """Return the first of some months in which each part stands in some name."""
        for month in months:
            names = _names(self.owner_id, month, self.months[month])
            if all(part in names for part in self.parts):
                return month
        return None

    def _between(self, oldest: date, newest: date) -> Listing:
        return replace(self.listing, rows=self.listing.rows.filter(_taken(oldest, newest)))


def _stamps(corpus: Corpus) -> dict[date, tuple[int, int]]:
    """Return the months of a roll, the oldest first, each with what changes with its photos: one query."""
    days = DayCount.objects.filter(owner=corpus.owner_id).values_list(TruncMonth("day")).order_by()
    stamped = days.annotate(Max("version"), Sum("count"))
    return {month: (version, count) for month, version, count in sorted(stamped)}


def _names(owner_id: int, month: date, stamp: tuple[int, int]) -> str:
    """Return the folded names of a month's live photos, in any order."""
    names = _months.get((owner_id, month), stamp)
    if names is None:
        live = Photo.objects.owned_by(owner_id).live()
        joined = live.filter(_taken(month, month)).aggregate(names=_Joined("name_folded"))
        names = joined["names"] or ""
        _months.put((owner_id, month), stamp, names, sys.getsizeof(names))
    return names


def _taken(first: date, last: date) -> Q:
    """Match what was taken from one month to another, given by their first days."""
    return Q(taken_at__gte=datetime.combine(first, time(), UTC), taken_at__lt=midnight_after(last_day(last)))
