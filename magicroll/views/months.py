"""Photos of a list, grouped as the roll shows them: by month and day on the camera's own clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from django.http import HttpRequest

from magicroll.models import Photo
from tagging.models import MonthCount
from tagging.search import Page

PLACES = ("before", "month", "at", "nth", "photo")  # parameters that say where in a list a page begins


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    photos: list[Photo]


@dataclass(frozen=True, slots=True)
class Month:
    first: date
    days: list[Day]
    count: int | None  # of all its photos, where the list knows that


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a list. `context` tells the photo page in which list it was opened."""

    months: list[Month]
    years: list[date]  # the newest month of each year, for jumping
    context: str
    url: str
    older_url: str
    is_later: bool  # not the beginning of the list


def rows(request: HttpRequest, page: Page, *, context: str = "", counts: Sequence[MonthCount] = ()) -> Rows:
    """Group one page; addresses keep the request's other parameters."""
    kept = [(key, value) for key, values in request.GET.lists() for value in values if key not in PLACES]
    older = f"{request.path}?{urlencode([*kept, ('before', page.next)])}" if page.next else ""
    is_later = any(place in request.GET for place in PLACES)
    return Rows(_months(page.photos, counts), _years(counts), context, request.path, older, is_later)


def _months(photos: Iterable[Photo], counts: Iterable[MonthCount]) -> list[Month]:
    total = {row.month: row.count for row in counts}
    days = [Day(day, list(of_day)) for day, of_day in groupby(photos, lambda photo: photo.taken_at.date())]
    months = groupby(days, lambda day: day.date.replace(day=1))
    return [Month(first, list(of_month), total.get(first)) for first, of_month in months]


def _years(counts: Iterable[MonthCount]) -> list[date]:
    return [next(of_year).month for _, of_year in groupby(counts, lambda row: row.month.year)]
