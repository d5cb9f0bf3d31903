"""Heads that learn from what people said: what is taken, what is left, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from tagging.ml.heads import Heads
from tagging.retraining import LEAST, Examples, TooLittleEvidence, extended, retrain
from tagging.vocabulary import N_CLASSES, CategorySpec, TagSpec, Vocabulary, VocabularyError

D = 24
SLUGS = ("cat", "lamp")


class NoClasses:
    """A last layer that finds every class equally likely."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        return np.zeros((len(embeddings), N_CLASSES), np.float32)


def vocabulary() -> Vocabulary:
    """Two tags whose heads know nothing: both are improbable everywhere."""
    heads = Heads(
        "small",
        "0" * 64,
        np.zeros((D, 2), np.float16),
        np.zeros((N_CLASSES, 2), np.float16),
        np.zeros(2, np.float32),
        np.full(2, -3.0, np.float32),
    )
    tags = tuple(TagSpec(slug, slug, "all", None, (), (), {"small": 0.9}, shown=False) for slug in SLUGS)
    return Vocabulary("old", "a test", (CategorySpec("all", "All"),), tags, heads)


def examples(n: int = 120, context: int = 80, seed: int = 0) -> Examples:
    """Half of the photos have a cat, which the first numbers of the embedding give away; lamps: nobody looked."""
    rng = np.random.default_rng(seed)
    truth = np.full((n, 2), -1, np.int8)
    truth[:, 0] = np.arange(n) % 2
    x = rng.normal(size=(n + context, D))
    x[:n, :3] += 3.0 * truth[:, :1]
    return Examples(x[:n].astype(np.float16), truth, x[n:].astype(np.float16))


def taught(given: Examples, base: Vocabulary | None = None):
    return retrain(base or vocabulary(), "new", "a test", NoClasses(), given)


def test_a_tag_learns_and_is_shown() -> None:
    made = taught(examples())
    [lesson] = made.lessons
    assert (lesson.slug, lesson.present, lesson.absent) == ("cat", 60, 60)
    assert lesson.taken
    assert lesson.shown
    assert lesson.after < lesson.before
    unseen = examples(seed=1)
    p = made.vocabulary.score(NoClasses().logits(unseen.embeddings), unseen.embeddings)[:, 0]
    said = p >= made.vocabulary.thresholds("small")[0]
    assert (unseen.truth[said, 0] == 1).mean() > 0.85
    assert said.sum() >= 15
    assert made.vocabulary.tags[0].shown


def test_what_nobody_judged_stays_as_it_was() -> None:
    base, made = vocabulary(), taught(examples())
    assert made.vocabulary.heads is not None
    assert base.heads is not None
    assert made.vocabulary.tags[1] == base.tags[1]
    assert np.array_equal(made.vocabulary.heads.embedding[:, 1], base.heads.embedding[:, 1])
    assert made.vocabulary.heads.bias[1] == base.heads.bias[1]
    assert made.vocabulary.sha256 != base.sha256


def test_photos_that_nobody_judged_hold_a_tag_to_its_old_word() -> None:
    def mean(given: Examples) -> float:
        made, others = taught(given).vocabulary, examples(context=400, seed=2).context
        return float(made.score(NoClasses().logits(others), others)[:, 0].mean())

    without = replace(examples(), context=np.empty((0, D), np.float16))
    assert mean(examples()) < mean(without)


@pytest.mark.parametrize(("present", "absent"), [(LEAST - 1, 60), (60, LEAST - 1)])
def test_too_few_photos_teach_nothing(present: int, absent: int) -> None:
    whole = examples(200)
    rows = np.concatenate(
        [np.flatnonzero(whole.truth[:, 0] == 1)[:present], np.flatnonzero(whole.truth[:, 0] == 0)[:absent]]
    )
    thin = Examples(whole.embeddings[rows], whole.truth[rows], whole.context)
    with pytest.raises(TooLittleEvidence, match=f"cat: {present} photos with it and {absent} without"):
        taught(thin)


def test_judgements_without_a_pattern_teach_nothing() -> None:
    given = examples()
    noise = np.random.default_rng(3).normal(size=given.embeddings.shape).astype(np.float16)
    base = vocabulary()
    assert base.heads is not None
    even = replace(base, heads=replace(base.heads, bias=np.zeros(2, np.float32)))
    with pytest.raises(TooLittleEvidence, match="no better on photos left out"):
        taught(replace(given, embeddings=noise), even)


def test_nothing_judged_is_said() -> None:
    given = examples()
    with pytest.raises(TooLittleEvidence, match="Nothing was judged"):
        taught(replace(given, truth=np.full_like(given.truth, -1)))


def test_a_vocabulary_without_heads_cannot_learn() -> None:
    with pytest.raises(TooLittleEvidence, match="has no heads"):
        taught(examples(), replace(vocabulary(), heads=None))


def test_a_new_tag_begins_with_nothing_and_learns_like_any_other() -> None:
    base = extended(vocabulary(), ["Grandma's garden"], "all")
    assert base.slugs == ("cat", "lamp", "grandma-s-garden")
    given = examples()
    truth = np.full((len(given.truth), 3), -1, np.int8)
    truth[:, 2] = given.truth[:, 0]
    made = taught(replace(given, truth=truth), base)
    assert made.vocabulary.tags[2].shown
    assert made.vocabulary.tags[2].name == "Grandma's garden"


def test_a_new_tag_in_an_unknown_category_is_refused() -> None:
    with pytest.raises(VocabularyError, match="unknown category"):
        extended(vocabulary(), ["garden"], "nowhere")
