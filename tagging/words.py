"""Words that people search for, matched without regard to case, accents or plural. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MIN_PREFIX = 3


def typed(text: str) -> str:
    """Return what a person typed without NUL, which PostgreSQL takes in no text."""
    return text.replace("\x00", "")


def fold(words: str) -> str:
    """Reduce to lower-case letters and digits without accents, separated by single spaces."""
    decomposed = unicodedata.normalize("NFKD", words.casefold().replace("&", " and "))
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", bare.replace("'", "").replace("’", "").replace("_", " ")))


def plural(term: str) -> str:
    """Form the regular English plural of a folded term."""
    if term.endswith(("s", "x", "z", "ch", "sh")):
        return term + "es"
    if term.endswith("y") and term[-2:-1] not in set("aeiou"):
        return term[:-1] + "ies"
    return term + "s"


@dataclass(frozen=True, slots=True)
class WordIndex:
    """Finds slugs by words. `terms` are (slug, word) pairs; earlier pairs rank first."""

    terms: Iterable[tuple[str, str]]
    _slugs: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found: dict[str, dict[str, None]] = {}
        pairs = [(slug, fold(word)) for slug, word in self.terms]
        for slug, term in (*pairs, *((slug, plural(term)) for slug, term in pairs if term)):
            found.setdefault(term, {})[slug] = None
        found.pop("", None)
        object.__setattr__(self, "terms", tuple(pairs))
        object.__setattr__(self, "_slugs", {term: tuple(slugs) for term, slugs in found.items()})

    def exact(self, words: str) -> list[str]:
        """Find slugs whose name, plural or synonym is the whole of these words."""
        return list(self._slugs.get(fold(words), ()))

    def completions(self, prefix: str) -> list[str]:
        """Find slugs with a word that begins so; nothing for fewer than three letters."""
        typed = fold(prefix)
        if len(typed) < MIN_PREFIX:
            return []
        begun = (slugs for term, slugs in self._slugs.items() if term.startswith(typed))
        return list(dict.fromkeys(slug for slugs in begun for slug in slugs))

    def suggest(self, prefix: str) -> list[str]:
        """Find exact matches first, then completions."""
        return list(dict.fromkeys((*self.exact(prefix), *self.completions(prefix))))
