"""What the photos of train/ say about each tag: present, absent with some weight, or nothing."""

import csv
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagging.evaluation.labels import tag_for
from tagging.words import fold, plural
from training.recipe import Recipe

KNOWLEDGE = Path(__file__).with_name("knowledge.toml")
BY_EYE = Path(__file__).with_name("flickr8k.tsv")
SETTING = Path(__file__).with_name("setting.tsv")
SECOND_LOOK = Path(__file__).with_name("second-look.tsv")
CERTAIN = 1.0
MENTIONED_BY = 2  # captions of five


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Rows are photos. `present`: float32 [n, n_tags] of 0 and 1; `weight`: how far that is to be believed."""

    paths: list[str]
    sources: NDArray[np.str_]
    groups: NDArray[np.str_]
    present: NDArray[np.float32]
    weight: NDArray[np.float32]

    def but_for(self, sources: Collection[str]) -> "Known":
        """Leave some sources out."""
        kept = ~np.isin(self.sources, list(sources))
        paths = [path for path, keep in zip(self.paths, kept, strict=True) if keep]
        return Known(paths, self.sources[kept], self.groups[kept], self.present[kept], self.weight[kept])


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a tab-separated table without quoting."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_known(folder: Path, recipe: Recipe) -> Known:
    """Read the labels of train/ in the light of knowledge.toml. Raises ValueError for an unknown label."""
    rules = tomllib.loads(KNOWLEDGE.read_text("utf-8"))
    rows = read_rows(folder / "labels.tsv")
    judged = (
        line.split(":")[0] for line in (folder.parent / "calib" / "TAGS.txt").read_text("utf-8").splitlines()
    )
    reader = _Reader(recipe, rules, _captions(folder / "captions.tsv"), judged)
    cells = [reader.cells(row) for row in rows]
    return Known(
        [row["path"] for row in rows],
        np.array([_source(row) for row in rows]),
        np.array([row["group"] or row["path"] for row in rows]),
        np.stack([cell[0] for cell in cells]),
        np.stack([cell[1] for cell in cells]),
    )


def _source(row: dict[str, str]) -> str:
    """Name where a photo comes from; of the screenshots, each project is a source of its own."""
    folder = row["path"].split("/")[0]
    return row["class"] if folder == "screens" else folder


class _Reader:
    def __init__(
        self, recipe: Recipe, rules: dict[str, Any], captions: dict[str, list[str]], judged: Iterable[str]
    ) -> None:
        self.recipe, self.rules, self.captions = recipe, rules, captions
        self.vocabulary = recipe.vocabulary
        self.looked_for = [slug for slug in (tag_for(self.vocabulary, label) for label in judged) if slug]
        self.by_eye = {row["path"]: row["tags"] for row in read_rows(BY_EYE)}
        self.setting = {row["path"]: row for row in read_rows(SETTING)}
        self.second_look: dict[str, list[dict[str, str]]] = {}
        for row in read_rows(SECOND_LOOK):
            self.second_look.setdefault(row["path"], []).append(row)
        self.column = {slug: i for i, slug in enumerate(self.vocabulary.slugs)}
        self.sources = {one["name"]: one for one in rules["source"]}
        self.below: dict[str, list[str]] = {slug: [] for slug in self.column}
        for slug in self.column:
            for above in self.vocabulary.ancestors(slug):
                self.below[above].append(slug)
        otherwise = {slug: set(_words(*words)) for slug, words in rules["otherwise"].items()}
        self.words = {
            tag.slug: [
                word for word in _words(tag.name, *tag.synonyms) if word not in otherwise.get(tag.slug, ())
            ]
            for tag in self.vocabulary.tags
        }
        self.is_hint = np.array([slug in recipe.hints for slug in self.column])
        self.member = self.vocabulary._membership > 0

    def cells(self, row: dict[str, str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one photo's row of `present` and of `weight`."""
        present, weight = np.zeros((2, len(self.column)), np.float32)
        rule = self._rule(row)
        weight[:] = rule["weight"]
        for slug in self._unmentioned(rule):
            weight[self.column[slug]] = self.rules["unmentioned"]
        for slug, share in rule.get("likely", {}).items():
            present[self.column[slug]], weight[self.column[slug]] = share, self.rules["looked"]
        for slug in self._slugs(row["absent"]):
            for one in (slug, *self.below[slug]):
                present[self.column[one]], weight[self.column[one]] = 0.0, CERTAIN
        if row["ilsvrc_index"]:
            self._class(int(row["ilsvrc_index"]), present, weight)
        if row["path"] in self.captions:
            self._captioned(self.captions[row["path"]], present, weight)
        for slug in self._slugs(row["tags"]):
            self._set(slug, present, weight)
        if row["path"] in self.by_eye:
            self._seen(self.by_eye[row["path"]], self.looked_for, present, weight)
        if row["path"] in self.setting:
            seen = self.setting[row["path"]]
            self._seen(seen["tags"], self.rules["looked_for"][seen["looked"]], present, weight)
            weight[[self.column[slug] for slug in self._slugs(seen["doubts"])]] = 0.0
        for again in self.second_look.get(row["path"], ()):
            if again["present"] == "yes":
                self._set(again["tag"], present, weight)
            else:
                weight[self.column[again["tag"]]] = 0.0
        return present, weight

    def _rule(self, row: dict[str, str]) -> dict[str, Any]:
        source = row["path"].split("/")[0]
        rule: dict[str, Any] = self.sources.get(f"{source}/{row['class']}") or self.sources[source]
        return self.sources[rule["like"]] | rule if "like" in rule else rule

    def _unmentioned(self, rule: dict[str, Any]) -> set[str]:
        background = set() if rule.get("bare") else set(self.rules["background"])
        return (background | set(rule.get("may", ()))) - set(rule.get("spared", ()))

    def _slugs(self, cell: str) -> list[str]:
        found = []
        for label in filter(None, cell.split(",")):
            slug = tag_for(self.vocabulary, label)
            if slug is not None:
                found.append(slug)
            elif label not in self.rules["ignored"]:
                raise ValueError(f"no tag for the label {label!r}")
        return found

    def _set(self, slug: str, present: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
        for one in (slug, *self.vocabulary.ancestors(slug)):
            present[self.column[one]] = 1.0
            weight[self.column[one]] = CERTAIN

    def _seen(
        self, tags: str, looked_for: list[str], present: NDArray[np.float32], weight: NDArray[np.float32]
    ) -> None:
        """Take over labels given by eye, and the absence of every other tag that was looked for."""
        columns = [self.column[slug] for slug in looked_for]
        present[columns], weight[columns] = 0.0, CERTAIN
        for slug in self._slugs(tags):
            self._set(slug, present, weight)

    def _class(self, index: int, present: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
        """Take a class for what it is; of what it hints at, nothing is known."""
        for slug, i in self.column.items():
            if self.member[index, i]:
                if self.is_hint[i]:
                    weight[i] = self.rules["unmentioned"]
                else:
                    self._set(slug, present, weight)

    def _captioned(
        self, captions: list[str], present: NDArray[np.float32], weight: NDArray[np.float32]
    ) -> None:
        """Two captions with a word for a tag make it present, one makes it doubtful."""
        for slug, words in self.words.items():
            n = sum(any(f" {word} " in caption for word in words) for caption in captions)
            if n == 0 or present[self.column[slug]]:
                continue
            if n >= MENTIONED_BY and slug in self.rules["said"]:
                self._set(slug, present, weight)
            else:
                weight[self.column[slug]] = self.rules["unmentioned"]


def _words(*terms: str) -> list[str]:
    folded = [fold(term) for term in terms]
    return sorted({*folded, *map(plural, folded)})


def _captions(path: Path) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    for row in read_rows(path):
        captions.setdefault(row["path"], []).append(f" {fold(row['caption'])} ")
    return captions
