"""Tags, their categories, and how a classifier's logits become tag scores. Pure: no Django, no Celery.

A vocabulary is a replaceable part of a release: immutable, named, identified by the hash of its JSON.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagging.ml.heads import Heads, HeadScorer, HeadsError
from tagging.thresholds import floors
from tagging.words import WordIndex

N_CLASSES = 1000  # ILSVRC-2012, in the order of the sorted wnids
BUILTIN = "imagenet-wordnet.json"

Float32 = NDArray[np.float32]


class VocabularyError(ValueError):
    """A vocabulary that contradicts itself, or a question that it can't answer."""


@dataclass(frozen=True, slots=True)
class CategorySpec:
    """A shelf of the Magic View."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class TagSpec:
    """A word for what is in a photo.

    `classes` are the tag's own class indices; its children's are added when scores are rolled up.
    `thresholds` has, by encoder name, the score in (0, 1] from which the tag is shown. What is not `shown` has
    a score too, but was never proven good enough to be put on a photo.
    """

    slug: str
    name: str
    category: str
    parent: str | None
    synonyms: tuple[str, ...]
    classes: tuple[int, ...]
    thresholds: Mapping[str, float]
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Categories and tags in display order; raises VocabularyError when they don't fit together.

    With `heads`, scores are calibrated probabilities, and the vocabulary serves the heads' encoder alone.
    """

    name: str
    source: str
    categories: tuple[CategorySpec, ...]
    tags: tuple[TagSpec, ...]
    heads: Heads | None = None
    sha256: str = field(init=False)
    _by_slug: Mapping[str, TagSpec] = field(init=False, repr=False, compare=False)
    _pairs: tuple[tuple[int, int], ...] = field(init=False, repr=False, compare=False)
    _membership: Float32 = field(init=False, repr=False, compare=False)
    _names: WordIndex = field(init=False, repr=False, compare=False)
    _words: WordIndex = field(init=False, repr=False, compare=False)
    _scorer: HeadScorer | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_slugs(self)
        object.__setattr__(self, "_by_slug", {tag.slug: tag for tag in self.tags})
        _check_tags(self)
        _check_thresholds(self)
        object.__setattr__(self, "sha256", hashlib.sha256(self.to_json().encode()).hexdigest())
        object.__setattr__(self, "_pairs", tuple(_pairs(self)))
        object.__setattr__(self, "_membership", _membership(self))
        object.__setattr__(self, "_scorer", _scorer(self))
        names = list(_names(self))
        object.__setattr__(self, "_names", WordIndex(names))
        object.__setattr__(self, "_words", WordIndex([*names, *_synonyms(self)]))

    @classmethod
    def from_json(cls, text: str) -> "Vocabulary":
        """Read what `to_json` wrote; raise VocabularyError where it is not a vocabulary."""
        try:
            data = json.loads(text)
            return cls(
                name=str(data["name"]),
                source=str(data["source"]),
                categories=tuple(CategorySpec(str(c["slug"]), str(c["name"])) for c in data["categories"]),
                tags=tuple(_tag_from(t) for t in data["tags"]),
                heads=Heads.from_facts(data["heads"]) if "heads" in data else None,
            )
        except json.JSONDecodeError as error:
            raise VocabularyError(f"the vocabulary is not JSON: {error}") from error
        except HeadsError as error:
            raise VocabularyError(str(error)) from error
        except KeyError as error:
            raise VocabularyError(f"the vocabulary lacks {error}") from error
        except (TypeError, AttributeError) as error:
            raise VocabularyError(f"the vocabulary has a value of the wrong kind: {error}") from error

    def to_json(self) -> str:
        """Write the canonical text, a line per fact, which `sha256` is the hash of."""
        blocks = ",\n".join(_tag_block(tag) for tag in self.tags)
        shelves = ",\n".join(f"  {_dump({'slug': c.slug, 'name': c.name})}" for c in self.categories)
        head = f'{{\n"name": {_dump(self.name)},\n"source": {_dump(self.source)},\n'
        heads = "" if self.heads is None else f',\n"heads": {{\n{_lines(self.heads.to_facts())}\n}}'
        return f'{head}"categories": [\n{shelves}\n],\n"tags": [\n{blocks}\n]{heads}\n}}\n'

    @property
    def slugs(self) -> tuple[str, ...]:
        """Name the columns of `score`, in order."""
        return tuple(self._by_slug)

    def check_fits(self, encoder_sha256: str) -> None:
        """Raise VocabularyError if it has heads, and they were trained for another encoder."""
        if self.heads is not None:
            try:
                self.heads.check_fits(encoder_sha256)
            except HeadsError as error:
                raise VocabularyError(str(error)) from error

    def score(self, logits: Float32, embeddings: NDArray[np.float16] | None = None) -> Float32:
        """Turn what an encoder says into tag scores in [0, 1]; a parent never scores less than its child.

        logits: float32 [n, 1000]; embeddings: float16 [n, d], which only heads need. Returns float32
        [n, n_tags]: what the heads say, or without any the softmax probabilities of a tag's classes and of its
        children's, summed.
        """
        if logits.ndim != 2 or logits.shape[1] != N_CLASSES:
            raise VocabularyError(f"logits must be [n, {N_CLASSES}], not {list(logits.shape)}")
        scores = self.own_scores(logits, embeddings)
        for child, above in self._pairs:  # rounding may put a sum a last bit below a part of it
            np.maximum(scores[:, above], scores[:, child], out=scores[:, above])
        return scores

    def own_scores(self, logits: Float32, embeddings: NDArray[np.float16] | None = None) -> Float32:
        """Score each tag by itself: what `score` begins with, before a parent is raised to its child."""
        if self._scorer is None:
            return self.roll_up(logits)
        if embeddings is None:
            raise VocabularyError("a vocabulary with heads needs embeddings")
        return self._scorer.probabilities(embeddings, logits)

    def roll_up(self, logits: Float32) -> Float32:
        """Sum each tag's class probabilities, its children's included: float32 [n, 1000] to [n, n_tags]."""
        shifted = np.exp(logits.astype(np.float32) - logits.max(axis=1, keepdims=True))
        probabilities = shifted / shifted.sum(axis=1, keepdims=True)
        scores: Float32 = np.clip(probabilities @ self._membership, 0.0, 1.0).astype(np.float32)
        return scores

    def class_weights(self, slug: str) -> Float32:
        """Say how much each class speaks for a tag: float32 [1000], what its heads give it, its own at least 1."""
        column = self.slugs.index(self._tag(slug).slug)
        own: Float32 = self._membership[:, column]
        return (
            own if self.heads is None else np.maximum(own, self.heads.classes[:, column].astype(np.float32))
        )

    def thresholds(self, encoder_name: str) -> Float32:
        """Give each tag's threshold, float32 [n_tags]; raise VocabularyError for an encoder without any."""
        if any(encoder_name not in tag.thresholds for tag in self.tags):
            known = ", ".join(sorted(self.tags[0].thresholds)) if self.tags else "none"
            raise VocabularyError(f"no thresholds for encoder {encoder_name!r} (there are: {known})")
        return np.array([tag.thresholds[encoder_name] for tag in self.tags], dtype=np.float32)

    def present(self, scores: Float32, encoder_name: str) -> NDArray[np.bool_]:
        """Decide which tags a photo shows: those that reach their threshold, and the parents of these.

        scores: float32 [n, n_tags] from `score`. Returns bool [n, n_tags]. A narrow tag is surer than its
        parent at the same score (fewer classes add their noise), so a child may bring a parent along that
        would not have reached its own threshold.
        """
        may_show = np.array([tag.shown for tag in self.tags], np.bool_)
        shown: NDArray[np.bool_] = (scores >= self.thresholds(encoder_name)) & may_show
        for child, above in self._pairs:
            shown[:, above] |= shown[:, child]
        return shown

    def faint(self, scores: Float32, present: NDArray[np.bool_], encoder_name: str) -> NDArray[np.bool_]:
        """Decide which tags that a photo does not show somebody's own, lower threshold might: bool [n, n_tags].

        scores: float32 [n, n_tags] from `score`; present: from `present`.
        """
        may_show = np.array([tag.shown for tag in self.tags], np.bool_)
        near: NDArray[np.bool_] = (scores >= floors(self.thresholds(encoder_name))) & may_show & ~present
        return near

    def ancestors(self, slug: str) -> tuple[str, ...]:
        """List the tag's parents, nearest first, without the category."""
        return tuple(tag.slug for tag in _line(self._by_slug, self._tag(slug)))[1:]

    def category_of(self, slug: str) -> str:
        """Name the category of a tag."""
        return self._tag(slug).category

    def meant(self, words: str) -> list[str]:
        """Find the tags and categories whose name, plural or synonym the whole of these words is."""
        return self._words.exact(words)

    def named(self, words: str) -> str | None:
        """Find the tag or category whose own name (or its plural) this is; synonyms don't count."""
        return next(iter(self._names.exact(words)), None)

    def suggest(self, prefix: str) -> list[str]:
        """Find tags and categories for what has been typed so far: exact matches, then completions."""
        return self._words.suggest(prefix)

    def _tag(self, slug: str) -> TagSpec:
        try:
            return self._by_slug[slug]
        except KeyError:
            raise VocabularyError(f"there is no tag {slug!r}") from None


@cache
def load_builtin() -> Vocabulary:
    """Read the vocabulary that comes with Magic Roll (tagging/data/README.md has its source)."""
    return Vocabulary.from_json((resources.files("tagging") / "data" / BUILTIN).read_text("utf-8"))


def everyday_file(encoder_name: str) -> Traversable:
    """Name the file that holds the everyday vocabulary with its heads for an encoder."""
    return resources.files("tagging") / "data" / f"everyday-{encoder_name}.json"


@cache
def load_everyday(encoder_name: str) -> Vocabulary:
    """Read the everyday vocabulary trained for an encoder (docs/model-card.md). Raises FileNotFoundError."""
    return Vocabulary.from_json(everyday_file(encoder_name).read_text("utf-8"))


def _line(by_slug: Mapping[str, TagSpec], tag: TagSpec) -> Iterator[TagSpec]:
    """Yield the tag, its parent and so on; raise on an unknown parent and on a circle."""
    seen = {tag.slug}
    yield tag
    while tag.parent is not None:
        if tag.parent not in by_slug:
            raise VocabularyError(f"tag {tag.slug!r} has an unknown parent {tag.parent!r}")
        tag = by_slug[tag.parent]
        if tag.slug in seen:
            raise VocabularyError(f"tag {tag.slug!r} is its own ancestor")
        seen.add(tag.slug)
        yield tag


def _check_slugs(vocabulary: Vocabulary) -> None:
    """Hold tags and categories to one namespace."""
    seen: set[str] = set()
    names = [(category.slug, category.name) for category in vocabulary.categories]
    for slug, name in (*names, *((tag.slug, tag.name) for tag in vocabulary.tags)):
        if not slug or not name:
            raise VocabularyError("a tag or category has no slug or no name")
        if slug in seen:
            raise VocabularyError(f"the slug {slug!r} is used twice")
        seen.add(slug)


def _check_tags(vocabulary: Vocabulary) -> None:
    categories = {category.slug for category in vocabulary.categories}
    for tag in vocabulary.tags:
        if tag.category not in categories:
            raise VocabularyError(f"tag {tag.slug!r} has an unknown category {tag.category!r}")
        for index in tag.classes:
            if not 0 <= index < N_CLASSES:
                raise VocabularyError(f"tag {tag.slug!r} has class {index}, outside 0..{N_CLASSES - 1}")
        for _ in _line(vocabulary._by_slug, tag):
            pass


def _check_thresholds(vocabulary: Vocabulary) -> None:
    for tag in vocabulary.tags:
        for threshold in tag.thresholds.values():
            if not 0.0 < threshold <= 1.0:
                raise VocabularyError(f"tag {tag.slug!r} has threshold {threshold}, outside (0, 1]")


def _pairs(vocabulary: Vocabulary) -> Iterator[tuple[int, int]]:
    """Yield the columns of each tag and each of its ancestors."""
    column = {slug: i for i, slug in enumerate(vocabulary.slugs)}
    for slug in vocabulary.slugs:
        for above in vocabulary.ancestors(slug):
            yield column[slug], column[above]


def _membership(vocabulary: Vocabulary) -> Float32:
    """Mark which class counts for which tag, children's included: float32 [1000, n_tags] of 0 and 1."""
    own = np.zeros((N_CLASSES, len(vocabulary.tags)), dtype=np.float32)
    for i, tag in enumerate(vocabulary.tags):
        own[list(tag.classes), i] = 1.0
    matrix = own.copy()
    for child, above in vocabulary._pairs:
        np.maximum(matrix[:, above], own[:, child], out=matrix[:, above])
    return matrix


def _scorer(vocabulary: Vocabulary) -> HeadScorer | None:
    if vocabulary.heads is None:
        return None
    try:
        return HeadScorer.of(vocabulary.heads, vocabulary._membership)
    except HeadsError as error:
        raise VocabularyError(str(error)) from error


def _names(vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    names = [(tag.slug, tag.name) for tag in vocabulary.tags]
    names += [(category.slug, category.name) for category in vocabulary.categories]
    yield from names
    yield from ((slug, slug.replace("-", " ")) for slug, _ in names)


def _synonyms(vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    yield from ((tag.slug, synonym) for tag in vocabulary.tags for synonym in tag.synonyms)


def _tag_from(data: Mapping[str, Any]) -> TagSpec:
    return TagSpec(
        slug=str(data["slug"]),
        name=str(data["name"]),
        category=str(data["category"]),
        parent=None if data["parent"] is None else str(data["parent"]),
        synonyms=tuple(str(word) for word in data["synonyms"]),
        classes=tuple(int(index) for index in data["classes"]),
        thresholds={str(encoder): float(value) for encoder, value in data["thresholds"].items()},
        shown=bool(data.get("shown", True)),
    )


def _tag_block(tag: TagSpec) -> str:
    facts = asdict(tag) | {"thresholds": dict(sorted(tag.thresholds.items()))}
    if tag.shown:
        del facts["shown"]
    return "  {\n" + _lines(facts, "    ") + "\n  }"


def _lines(facts: Mapping[str, object], indent: str = "  ") -> str:
    return ",\n".join(f"{indent}{_dump(key)}: {_dump(value)}" for key, value in facts.items())


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
