"""Read tagging/data/everyday.toml: the tags, and which ImageNet classes speak for them."""

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tagging.vocabulary import CategorySpec, TagSpec, Vocabulary, load_builtin
from training.wordnet import CLASSES

RECIPE = Path(__file__).parents[1] / "tagging" / "data" / "everyday.toml"


@dataclass(frozen=True, slots=True)
class Recipe:
    """`vocabulary` has no heads yet; `hints` are the tags whose classes prove nothing."""

    vocabulary: Vocabulary
    hints: frozenset[str]
    implies: dict[str, str]
    never_shown: frozenset[str]
    rates: dict[str, float]


@cache
def read_recipe(path: Path = RECIPE) -> Recipe:
    """Read the recipe; raises KeyError for an unknown ImageNet class, VocabularyError for a misfit."""
    data = tomllib.loads(path.read_text("utf-8"))
    categories = tuple(CategorySpec(one["slug"], one["name"]) for one in data["category"])
    facts = {
        slug: one | {"category": category.slug}
        for category in categories
        for slug, one in data.get(category.slug, {}).items()
    }
    return Recipe(
        Vocabulary(data["name"], data["source"], categories, tuple(_tag(s, f) for s, f in facts.items())),
        frozenset(slug for slug, one in facts.items() if one.get("hint", False)),
        {slug: one["implies"] for slug, one in facts.items() if "implies" in one},
        frozenset(slug for slug, one in facts.items() if not one.get("shown", True)),
        {slug: float(one["rate"]) for slug, one in facts.items() if "rate" in one},
    )


def _tag(slug: str, facts: dict[str, Any]) -> TagSpec:
    names = class_names()
    like = {tag.slug: tag for tag in load_builtin().tags}
    classes = {names[name] for name in facts.get("classes", [])}
    classes |= {index for one in facts.get("like", []) for index in _classes_of(one, like)}
    return TagSpec(
        slug=slug,
        name=facts.get("name", slug),
        category=facts["category"],
        parent=facts.get("parent"),
        synonyms=tuple(facts.get("synonyms", [])),
        classes=tuple(sorted(classes)),
        thresholds={},
    )


def _classes_of(slug: str, like: dict[str, TagSpec]) -> set[int]:
    """Unite a built-in tag's classes with those of its children."""
    children = (child for child, tag in like.items() if tag.parent == slug)
    return set(like[slug].classes).union(*(_classes_of(child, like) for child in children))


@cache
def class_names() -> dict[str, int]:
    """Number the ImageNet classes by name; of two with one name the first counts."""
    with CLASSES.open(encoding="utf-8", newline="") as file:
        rows = [row["name"] for row in csv.DictReader(file, delimiter="\t")]
    return {name: index for index, name in reversed(list(enumerate(rows)))}
