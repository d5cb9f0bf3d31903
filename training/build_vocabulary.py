"""Make tagging/data/imagenet-wordnet.json from vocabulary.toml and WordNet 3.0.

Needs WordNet's data.noun (Debian and Ubuntu: apt install wordnet-base), or its folder as argument:

    .venv/bin/python -m training.build_vocabulary [/usr/share/wordnet]
"""

import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagging.vocabulary import BUILTIN, CategorySpec, TagSpec, Vocabulary
from tagging.words import fold
from training.wordnet import WORDNET, Synset, line_of, read_classes, read_nouns

RECIPE = Path(__file__).with_name("vocabulary.toml")
TARGET = Path(__file__).parents[1] / "tagging" / "data" / BUILTIN
SOURCE = (
    "ILSVRC-2012 classes rolled up along the hypernyms of WordNet 3.0 "
    "(Copyright 2006 by Princeton University; see tagging/data/README.md)"
)


@dataclass(frozen=True, slots=True)
class Rollup:
    """Which classes are kinds of which noun: by offset, and the offsets each lemma may mean."""

    nouns: dict[str, Synset]
    offsets: tuple[str, ...]
    classes: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    meanings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for index, offset in enumerate(self.offsets):
            for above in line_of(offset, self.nouns):
                self.classes[above].add(index)
                for lemma in self.nouns[above].lemmas:
                    self.meanings[lemma.casefold()].add(above)

    def of(self, noun: str) -> set[int]:
        """Find the classes that are a kind of `noun`; exit where it has no or more than one meaning."""
        lemma, _, offset = noun.partition("@")
        meanings = self.meanings.get(lemma.casefold(), set())
        if offset:
            meanings = meanings & {offset}
        if len(meanings) != 1:
            choice = ", ".join(f"{lemma}@{one} {sorted(self.classes[one])[:4]}" for one in sorted(meanings))
            sys.exit(f"{noun!r} has {len(meanings)} meanings among the classes: {choice or 'none'}")
        return self.classes[next(iter(meanings))]

    def of_any(self, nouns: list[str]) -> set[int]:
        """Unite the classes of several nouns."""
        return set().union(*(self.of(noun) for noun in nouns))


def build(recipe: dict[str, Any], rollup: Rollup) -> Vocabulary:
    """Roll the classes up as the recipe says."""
    never = rollup.of_any(recipe["never"])
    classes = {
        tag["slug"]: rollup.of_any(tag["under"]) - rollup.of_any(tag.get("without", [])) - never
        for tag in recipe["tag"]
    }
    return Vocabulary(
        name=recipe["name"],
        source=SOURCE,
        categories=tuple(CategorySpec(one["slug"], one["name"]) for one in recipe["category"]),
        tags=tuple(_tag(tag, recipe, classes, rollup) for tag in recipe["tag"]),
    )


def _tag(
    tag: dict[str, Any], recipe: dict[str, Any], classes: dict[str, set[int]], rollup: Rollup
) -> TagSpec:
    children = [one["slug"] for one in recipe["tag"] if one.get("parent") == tag["slug"]]
    named = classes[tag["slug"]].difference(*(classes[slug] for slug in children))
    words = list(tag.get("synonyms", []))
    if tag.get("lemmas", True):
        lemmas = (lemma for index in sorted(named) for lemma in _plain(rollup.nouns[rollup.offsets[index]]))
        words += [lemma for lemma in lemmas if lemma not in recipe["not_words"]]
    synonyms = {fold(word): word.lower() for word in reversed(words) if fold(word) != fold(tag["name"])}
    return TagSpec(
        slug=tag["slug"],
        name=tag["name"],
        category=tag["category"],
        parent=tag.get("parent"),
        synonyms=tuple(reversed(synonyms.values())),
        classes=tuple(sorted(classes[tag["slug"]])),
        thresholds={name: float(tag[short]) for short, name in recipe["encoders"].items()},
    )


def _plain(synset: Synset) -> list[str]:
    """Keep the everyday names of a class: not the Latin ones, which have a capital and two words."""
    latin = [lemma for lemma in synset.lemmas[1:] if lemma[0].isupper() and " " in lemma]
    return [lemma for lemma in synset.lemmas if lemma not in latin]


def main(folder: Path = WORDNET) -> None:
    """Write the vocabulary and say what became of the classes."""
    recipe = tomllib.loads(RECIPE.read_text("utf-8"))
    vocabulary = build(recipe, Rollup(read_nouns(folder), read_classes()))
    TARGET.write_text(vocabulary.to_json(), "utf-8")
    used = set().union(*(tag.classes for tag in vocabulary.tags))
    print(f"{TARGET.name}: {len(vocabulary.tags)} tags from {len(used)} classes, {vocabulary.sha256[:12]}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
