"""What somebody chose to see of the Magic View, as its address says it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import parse_qs, urlencode

FIRST_YEAR, LAST_YEAR = 1, 9999
MOST = 12  # tags or years of one kind: nobody reads more, and each takes time


class BadChoice(ValueError):
    """An address that this application didn't make."""


class Parameters(Protocol):
    """What a query string says: Django's QueryDict, or the like of it."""

    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Tags by slug: photos of the first one and of all `further` ones (with `match_any`: of any of them), without
    those of `without`; of all years or of some; with `surer`, only what is surely so."""

    first: str
    further: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    match_any: bool = False
    surer: bool = False

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that are asked for, the page's own first."""
        return (self.first, *self.further)

    @property
    def is_plain(self) -> bool:
        """One tag and nothing else: the page of a tag."""
        return self == Choice(self.first)

    @property
    def query(self) -> str:
        """The address's query string; `read` understands it."""
        pairs: list[tuple[str, str | int]] = [("with", slug) for slug in self.further]
        pairs += [("without", slug) for slug in self.without]
        pairs += [("year", year) for year in self.years]
        pairs += [("match", "any")] if self.match_any and self.further else []
        pairs += [("surer", "1")] if self.surer else []
        return urlencode(pairs)

    @property
    def place(self) -> str:
        """Name this list as a place that photos are opened from."""
        return f"tag:{self.first}" + (f"?{self.query}" if self.query else "")

    def adding(self, slug: str) -> "Choice":
        return replace(self, further=(*self.further, slug))

    def excluding(self, slug: str) -> "Choice":
        return replace(self, without=(*self.without, slug))

    def dropping(self, slug: str) -> "Choice | None":
        """Take a tag out of what is asked for or excluded; None where nothing would be left."""
        without = tuple(one for one in self.without if one != slug)
        asked = tuple(one for one in self.tags if one != slug)
        if not asked:
            return None
        return replace(self, first=asked[0], further=asked[1:], without=without)

    def toggling_year(self, year: int) -> "Choice":
        kept = tuple(one for one in self.years if one != year)
        return replace(self, years=kept if year in self.years else tuple(sorted((*kept, year), reverse=True)))


def read(first: str, parameters: Parameters) -> Choice:
    """Understand the address of a choice; what contradicts or repeats itself is left out. Raises BadChoice."""
    further = _unlike(parameters.getlist("with"), [first])
    match = parameters.getlist("match")
    if match not in ([], ["all"], ["any"]):
        raise BadChoice(str(match))
    return Choice(
        first=first,
        further=further,
        without=_unlike(parameters.getlist("without"), [first, *further]),
        years=_years(parameters.getlist("year")),
        match_any=match == ["any"] and bool(further),
        surer=any(parameters.getlist("surer")),
    )


def read_place(text: str) -> Choice:
    """Understand what `Choice.place` names, without its `tag:`. Raises BadChoice."""
    first, _, query = text.partition("?")
    try:
        pairs = parse_qs(query, max_num_fields=4 * MOST)
    except ValueError as error:
        raise BadChoice(text) from error
    return read(first, _Parsed(pairs))


@dataclass(frozen=True, slots=True)
class _Parsed:
    pairs: dict[str, list[str]]

    def getlist(self, key: str) -> list[str]:
        return self.pairs.get(key, [])


def _unlike(slugs: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    others = set(others)
    kept = tuple(dict.fromkeys(slug for slug in slugs if slug and slug not in others))
    if len(kept) > MOST:
        raise BadChoice(f"{len(kept)} tags")
    return kept


def _years(texts: list[str]) -> tuple[int, ...]:
    if not all(text.isascii() and text.isdigit() and len(text) <= 4 for text in texts):
        raise BadChoice(str(texts))
    years = sorted({int(text) for text in texts}, reverse=True)
    if len(years) > 10 * MOST or not all(FIRST_YEAR <= year <= LAST_YEAR for year in years):
        raise BadChoice(str(texts))
    return tuple(years)
