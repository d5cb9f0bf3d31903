"""The roll's whole length at once, and its photos in blocks that are fetched as they come into view.

A block is some days of one month that follow each other, or a part of a day that has more photos than a block.
How a roll is cut follows from its days alone, so that a page can lay all of it out before it has a single photo.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise

from django.core.cache import cache
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from magicroll.models import Photo
from tagging.models import Corpus, DayCount
from tagging.search import listing
from tagging.search.listing import CARD_FIELDS, Key, Listing, midnight_after

BLOCK = 200  # photos; a day that has more is cut into parts of as many
KEPT_S = 24 * 3600  # the places where long days are cut


class NoSuchBlock(LookupError):
    """The roll has no such block (any more)."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day that has photos. breadth: of all of them side by side, in hundredths of their height."""

    date: date
    count: int
    breadth: int
    version: int  # of the corpus, when one of its photos last changed


@dataclass(frozen=True, slots=True)
class Place:
    """Where a roll is opened: so many photos from the newest of a day, or what comes after where it has none."""

    day: date
    nth: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Days of one month, newest first, or one part of a single day (0 = its newest photos)."""

    days: tuple[Day, ...]
    part: int | None = None

    @property
    def count(self) -> int:
        whole = sum(day.count for day in self.days)
        return whole if self.part is None else min(BLOCK, whole - self.part * BLOCK)


@dataclass(frozen=True, slots=True)
class Month:
    """A month that has photos, cut into blocks; its version is the latest of its days."""

    first: date
    version: int
    blocks: tuple[tuple[Day, ...], ...]  # days that are fetched together; a long day alone


def days_of(corpus: Corpus, month: date | None = None) -> list[Day]:
    """Return the days that have photos, newest first: one query; of one month if its first day is given."""
    rows = DayCount.objects.filter(owner=corpus.owner_id)
    if month is not None:
        rows = rows.filter(day__gte=month, day__lt=(month + timedelta(days=31)).replace(day=1))
    return [Day(*row) for row in rows.order_by("-day").values_list("day", "count", "breadth", "version")]


def months_of(days: Iterable[Day]) -> list[Month]:
    """Cut days, newest first, into months and blocks. Pure: the same days, the same blocks."""
    by_month = groupby(days, lambda day: day.date.replace(day=1))
    return [_month(first, tuple(of_month)) for first, of_month in by_month]


def _month(first: date, days: Sequence[Day]) -> Month:
    blocks: list[tuple[Day, ...]] = []
    room = 0
    for day in days:
        if day.count > room:
            blocks.append((day,))
            room = BLOCK - day.count
        else:
            blocks[-1] += (day,)
            room -= day.count
    return Month(first, max(day.version for day in days), tuple(blocks))


def parts_of(days: tuple[Day, ...]) -> Iterator[Block]:
    """Yield the blocks of days that are fetched together: one, or the parts of a long day."""
    if days[0].count <= BLOCK:
        yield Block(days)
        return
    for part in range(-(-days[0].count // BLOCK)):
        yield Block(days, part)


def place_of(corpus: Corpus, photo: Photo) -> int:
    """Count the photos of the same day before one in the roll: it is so many photos from the day's newest."""
    newer = listing.roll(corpus).rows.filter(
        taken_at__gte=photo.taken_at, taken_at__lt=midnight_after(photo.taken_at.date())
    )
    return newer.filter(Q(taken_at__gt=photo.taken_at) | Q(id__gt=photo.id)).count()


def block_at(months: Iterable[Month], first: date, part: int | None) -> Block:
    """Find the block that begins with a day, or the part of it. Raises NoSuchBlock."""
    for month in months:
        for days in month.blocks:
            if days[0].date == first:
                found = next((block for block in parts_of(days) if block.part == part), None)
                if found:
                    return found
    raise NoSuchBlock(f"{first} {part}")


def photos_of(corpus: Corpus, blocks: Sequence[Block]) -> list[list[Photo]]:
    """Return the photos of blocks that follow each other, each with its tags in words (`seen`).

    Three queries, whatever the number of blocks, and one more where a long day has not been cut yet.
    """
    if not blocks:
        return []
    oldest = datetime.combine(blocks[-1].days[-1].date, time(), UTC)
    rows = listing.roll(corpus).rows.filter(taken_at__gte=oldest)
    found = list(
        Listing(rows.only(*CARD_FIELDS), "id").after(_before(corpus, blocks[0]))[
            : sum(block.count for block in blocks)
        ]
    )
    listing.describe(corpus, found)
    cuts = [0]
    for block in blocks:
        cuts.append(cuts[-1] + block.count)
    return [found[start:end] for start, end in pairwise(cuts)]


def _before(corpus: Corpus, block: Block) -> Key:
    """Return the place after which a block begins."""
    if block.part:
        return _cuts(corpus, block.days[0])[block.part - 1]
    return Key(midnight_after(block.days[0].date), 0)


def _cuts(corpus: Corpus, day: Day) -> list[Key]:
    """Return the last key of each full part of a long day: one scan of the roll's index, then kept.

    What is kept is named by the day's version, so it is never of other photos.
    """
    name = f"cuts:{corpus.owner_id}:{day.date:%Y%m%d}:{day.version}"
    known: list[Key] | None = cache.get(name)
    if known is not None:
        return known
    midnight = datetime.combine(day.date, time(), UTC)
    rows = listing.roll(corpus).rows.filter(taken_at__gte=midnight, taken_at__lt=midnight_after(day.date))
    number = Window(RowNumber(), order_by=[F("taken_at").desc(), F("id").desc()])
    numbered = rows.annotate(remainder=number % BLOCK).filter(remainder=0)
    keys = numbered.order_by("-taken_at", "-id").values_list("taken_at", "id")
    known = [Key(*row) for row in keys]
    cache.set(name, known, KEPT_S)
    return known
