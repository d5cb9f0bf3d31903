"""The card of a release: what trained it, what judged it, how right it was. Pure; kept as JSON beside the vocabulary.

A card describes a release and is no part of it: the words may be mended, the release stays what it is.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any


class CardError(ValueError):
    """A card that can't be read."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Photos that took part: what they are, how many, for what (`role`), and what may be done with them."""

    name: str
    photos: int
    role: str
    terms: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """How right the release is on photos that neither trained it nor set its thresholds."""

    on: str
    photos: int
    precision: Interval | None
    recall: Interval | None
    ap: Interval | None
    calibration_error: Interval | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a tag said at its threshold about one source's photos, by heads that the source did not train."""

    source: str
    right: int
    wrong: int
    missed: int


@dataclass(frozen=True, slots=True)
class CardTag:
    """One tag: whether and from which probability it is shown, its precision with a lower bound, or why not."""

    slug: str
    shown: bool
    threshold: float
    precision: float | None
    low: float | None
    recall: float | None
    evidence: tuple[Evidence, ...]
    why: str = ""

    @property
    def right(self) -> int:
        return sum(one.right for one in self.evidence)

    @property
    def wrong(self) -> int:
        return sum(one.wrong for one in self.evidence)

    @property
    def missed(self) -> int:
        return sum(one.missed for one in self.evidence)


@dataclass(frozen=True, slots=True)
class Card:
    """All that is told of a release."""

    summary: str
    licence: str
    origins: tuple[Origin, ...]
    measured: tuple[Measured, ...]
    tags: tuple[CardTag, ...]
    failures: tuple[str, ...]

    def to_facts(self) -> dict[str, Any]:
        """Return what `from_facts` reads, as values that JSON has."""
        facts: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return facts

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Card":
        """Read a card. Raises CardError."""
        try:
            return cls(
                summary=str(facts["summary"]),
                licence=str(facts["licence"]),
                origins=tuple(Origin(**one) for one in facts["origins"]),
                measured=tuple(_measured(one) for one in facts["measured"]),
                tags=tuple(_tag(one) for one in facts["tags"]),
                failures=tuple(str(one) for one in facts["failures"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise CardError(f"the card can't be read: {error!r}") from error


@cache
def load_everyday_card(encoder_name: str) -> Card:
    """Read the card of the everyday release of an encoder. Raises FileNotFoundError, CardError."""
    file = resources.files("tagging") / "data" / card_name(encoder_name)
    return Card.from_facts(json.loads(file.read_text("utf-8")))


def card_name(encoder_name: str) -> str:
    """Name the file, in tagging/data/, of an everyday release's card."""
    return f"everyday-{encoder_name}.card.json"


def _measured(facts: Mapping[str, Any]) -> Measured:
    intervals = {
        name: None if facts[name] is None else Interval(**facts[name])
        for name in ("precision", "recall", "ap", "calibration_error")
    }
    return Measured(on=str(facts["on"]), photos=int(facts["photos"]), **intervals)


def _tag(facts: Mapping[str, Any]) -> CardTag:
    return CardTag(**{**facts, "evidence": tuple(Evidence(**one) for one in facts["evidence"])})
