"""Tags by their names in the reader's language (tagging/data/names.*.toml). A release is frozen without them."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from django.utils.dates import MONTHS, MONTHS_3
from django.utils.translation import get_language

from tagging.models import Tag
from tagging.releases import ReleaseTags
from tagging.vocabulary import Vocabulary
from tagging.words import WordIndex, fold


@dataclass(frozen=True, slots=True)
class LocalNames:
    """Names by slug; `names` finds a tag by its name in either number, `words` by its other words too."""

    called: Mapping[str, str]
    names: WordIndex
    words: WordIndex
    fillers: frozenset[str]


_NONE = LocalNames({}, WordIndex(()), WordIndex(()), frozenset())


def called(tag: Tag) -> str:
    """Name a tag in the reader's language; own tags, and what has no other name, as they are stored."""
    return tag.name if tag.owner_id is not None else _local().called.get(tag.slug, tag.name)


def names_of(tags: ReleaseTags) -> Mapping[int, str]:
    """Name the tags of a release by their ids, in the reader's language."""
    called = _local().called
    if not called:
        return tags.tag_names
    slugs = zip(tags.ids.tolist(), tags.vocabulary.slugs, strict=True)
    return {tag_id: called.get(slug, tags.tag_names[tag_id]) for tag_id, slug in slugs}


def named(vocabulary: Vocabulary, words: str) -> str | None:
    """Find the tag or category of a vocabulary whose own name this is, in English or the reader's language."""
    return vocabulary.named(words) or next(_among(vocabulary, _local().names.exact(words)), None)


def meant(vocabulary: Vocabulary, words: str) -> list[str]:
    """Find what the whole of these words means in a vocabulary, the reader's language first."""
    return list(dict.fromkeys([*_among(vocabulary, _local().words.exact(words)), *vocabulary.meant(words)]))


def suggested(vocabulary: Vocabulary, prefix: str) -> list[str]:
    """Find tags and categories for what has been typed so far, the reader's language first."""
    local = _among(vocabulary, _local().words.suggest(prefix))
    return list(dict.fromkeys([*local, *vocabulary.suggest(prefix)]))


def month_named(word: str) -> int | None:
    """Read a month's name or its abbreviation in the reader's language."""
    folded = fold(word)
    for names in (MONTHS, MONTHS_3):
        for number, name in names.items():
            if fold(str(name)) == folded:
                return int(number)
    return None


def fillers() -> frozenset[str]:
    """Return the words that people put around what they search for."""
    return _local().fillers


def _among(vocabulary: Vocabulary, slugs: list[str]) -> Iterator[str]:
    there = {category.slug for category in vocabulary.categories}.union(vocabulary.slugs)
    return (slug for slug in slugs if slug in there)


def language() -> str:
    """Return the reader's language without its region, empty where it is none that files are named after."""
    spoken = (get_language() or "").partition("-")[0]
    return spoken if spoken.isalpha() else ""


def _local() -> LocalNames:
    return _read(language())


@cache
def _read(language: str) -> LocalNames:
    file = resources.files("tagging") / "data" / f"names.{language}.toml"
    if not file.is_file():
        return _NONE
    data = tomllib.loads(file.read_text("utf-8"))
    tags: dict[str, dict[str, Any]] = data["tags"]
    names = [(slug, name) for slug, name in data["categories"].items()]
    names += [(slug, name) for slug, tag in tags.items() for name in (tag["name"], *tag.get("forms", ()))]
    also = [(slug, word) for slug, tag in tags.items() for word in tag.get("also", ())]
    return LocalNames(
        called=data["categories"] | {slug: tag["name"] for slug, tag in tags.items()},
        names=WordIndex(names),
        words=WordIndex([*names, *also]),
        fillers=frozenset(data["search"]["fillers"]),
    )
