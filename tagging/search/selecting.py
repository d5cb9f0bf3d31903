"""Which photos a choice of tags means: intersections, unions and exact counts over postings. Exact, no sampling."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from tagging.search.listing import Key
from tagging.search.postings import Int64, Mask, Postings

NOTHING = Postings(np.empty(0, np.int64), np.empty(0, "datetime64[us]"), np.empty(0, np.bool_))


class Span:
    """The range of some photo ids, for tables that answer "is it among them?" for many at once.

    A table has a byte for each id in the range; what is never asked about takes no memory.
    """

    def __init__(self, lists: Iterable[Postings]) -> None:
        full = [one.ids for one in lists if one.ids.size]
        self.low = min((int(ids.min()) for ids in full), default=0)
        self.size = max((int(ids.max()) for ids in full), default=0) - self.low + 1

    def table(self, ids: Int64) -> Mask:
        """Return bool [size] that is true for these ids of the span."""
        made = np.zeros(self.size, np.bool_)
        made[ids - self.low] = True
        return made

    def among(self, ids: Int64, table: Mask) -> Mask:
        """Tell for ids int64 [n] of the span whether the table has them: bool [n]."""
        found: Mask = table[ids - self.low]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A choice as postings: photos of all of `asked` (with `match_any`: of any of them), none of `refused`."""

    asked: Sequence[Postings]
    refused: Sequence[Postings] = ()
    match_any: bool = False
    surer: bool = False


def select(wanted: Wanted, *, in_order: bool = True) -> Postings:
    """Return the photos of a choice, newest first by (taken, id); for counting they need not be in order."""
    asked = [surest(one) for one in wanted.asked] if wanted.surer else list(wanted.asked)
    span = Span([*asked, *wanted.refused])
    if not asked or not any(one.ids.size for one in asked):
        return NOTHING
    unite = _merged if in_order else _joined
    found = reduce(lambda a, b: unite(span, a, b), asked) if wanted.match_any else _every(span, asked)
    return _none_of(span, found, wanted.refused)


def surest(postings: Postings) -> Postings:
    """Keep the photos that surely have a tag."""
    return postings.at(postings.sure)


def years_of(postings: Postings) -> NDArray[np.int64]:
    """Return the years in which photos were taken, int64 [n]."""
    return postings.taken.astype("datetime64[Y]").astype(np.int64) + 1970


def count_by_year(postings: Postings) -> dict[int, int]:
    """Count photos by the year in which they were taken, the newest year first."""
    if not postings.ids.size:
        return {}
    years = years_of(postings)
    first = int(years.min())
    counts = np.bincount(years - first).tolist()
    return {first + place: counts[place] for place in reversed(range(len(counts))) if counts[place]}


def in_years(postings: Postings, years: Sequence[int]) -> Postings:
    """Keep the photos of these years; none named means all years."""
    return postings.at(np.isin(years_of(postings), years)) if years else postings


def _every(span: Span, asked: Sequence[Postings]) -> Postings:
    found, *others = sorted(asked, key=lambda one: one.ids.size)
    for other in others:
        found = found.at(span.among(found.ids, span.table(other.ids)))
    return found


def _none_of(span: Span, found: Postings, refused: Sequence[Postings]) -> Postings:
    for one in refused:
        found = found.at(~span.among(found.ids, span.table(one.ids)))
    return found


def _joined(span: Span, one: Postings, other: Postings) -> Postings:
    """Unite two lists, one after the other."""
    more = other.at(~span.among(other.ids, span.table(one.ids)))
    return Postings(
        np.concatenate([one.ids, more.ids]),
        np.concatenate([one.taken, more.taken]),
        np.concatenate([one.sure, more.sure]),
    )


def _merged(span: Span, one: Postings, other: Postings) -> Postings:
    """Unite two lists in order. Both are, so that a stable sort only has to merge them."""
    joined = _joined(span, one, other)
    ids, taken = joined.ids[::-1], joined.taken[::-1]
    order = np.argsort(taken, kind="stable")
    order = _by_id_where_alike(order, taken, ids)[::-1]
    return Postings(ids[order], taken[order], joined.sure[::-1][order])


def _by_id_where_alike(
    order: NDArray[np.intp], taken: NDArray[np.datetime64], ids: Int64
) -> NDArray[np.intp]:
    """Let the ids decide where photos were taken at the same moment; those are few."""
    same = taken[order[1:]] == taken[order[:-1]]
    alike = np.flatnonzero(np.concatenate([[False], same]) | np.concatenate([same, [False]]))
    those = order[alike]
    order[alike] = those[np.lexsort((ids[those], taken[those]))]
    return order


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """A list of photos that is known as a whole; it is paged like any other one."""

    photos: Postings

    @property
    def count(self) -> int:
        return self.photos.ids.size

    def older(self, than: Key | None, limit: int) -> list[Key]:
        """Return up to `limit` keys after a place, newest first; None = from the newest."""
        start = 0 if than is None else self._place(than)[1]
        return self._keys(np.arange(start, min(start + limit, self.count)))

    def newer(self, than: Key, limit: int) -> list[Key]:
        """Return up to `limit` keys before a place, the nearest first."""
        end = self._place(than)[0]
        return self._keys(np.arange(max(0, end - limit), end)[::-1])

    def _place(self, key: Key) -> tuple[int, int]:
        """Return where a key stands or would stand, and where what is older begins."""
        taken, ids = self.photos.taken, self.photos.ids
        moment = np.datetime64(key.taken_at.replace(tzinfo=None), "us")
        first = self.count - int(np.searchsorted(taken[::-1], moment, "right"))
        last = self.count - int(np.searchsorted(taken[::-1], moment, "left"))
        alike = ids[first:last][::-1]
        place = last - int(np.searchsorted(alike, key.photo_id, "right"))
        is_there = place < last and int(ids[place]) == key.photo_id
        return place, place + is_there

    def _keys(self, places: NDArray[np.intp]) -> list[Key]:
        taken: list[datetime] = self.photos.taken[places].astype(object).tolist()
        ids: list[int] = self.photos.ids[places].tolist()
        return [
            Key(moment.replace(tzinfo=UTC), photo_id) for moment, photo_id in zip(taken, ids, strict=True)
        ]
