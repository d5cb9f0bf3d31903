"""Heads: what they compute, what they refuse, and that they survive being written down."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tagging.ml.heads import Heads, HeadScorer, HeadsError
from tagging.ml.heads_fitting import fit_heads, normalise, sigmoid

D, CLASSES, TAGS = 6, 5, 3


def made_up(seed: int = 0, n_tags: int = TAGS) -> Heads:
    rng = np.random.default_rng(seed)
    return Heads(
        "tiny",
        "ab" * 32,
        rng.normal(size=(D, n_tags)).astype(np.float16),
        rng.normal(size=(CLASSES, n_tags)).astype(np.float16),
        rng.uniform(0, 1, n_tags).astype(np.float32),
        rng.normal(size=n_tags).astype(np.float32),
    )


def members() -> np.ndarray:
    return np.eye(CLASSES, TAGS, dtype=np.float32)


def test_probabilities_are_what_the_formula_says() -> None:
    heads = made_up()
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(4, D)).astype(np.float16)
    logits = rng.normal(size=(4, CLASSES)).astype(np.float32)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rolled = p @ members()
    x = embeddings.astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    score = x @ heads.embedding + np.sqrt(p) @ heads.classes + heads.bias
    score += heads.rolled * np.log(rolled / (1 - rolled))
    found = HeadScorer.of(heads, members()).probabilities(embeddings, logits)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-score)), rtol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 31, 32, 255, 256, 257, 513])
def test_a_row_does_not_depend_on_its_neighbours(n: int) -> None:
    rng = np.random.default_rng(n)
    embeddings = rng.normal(size=(600, D)).astype(np.float16)
    logits = rng.normal(size=(600, CLASSES)).astype(np.float32)
    scorer = HeadScorer.of(made_up(), members())
    whole = scorer.probabilities(embeddings, logits)
    assert np.array_equal(scorer.probabilities(embeddings[:n], logits[:n]), whole[:n])


def test_no_photos_give_no_probabilities() -> None:
    scorer = HeadScorer.of(made_up(), members())
    none = scorer.probabilities(np.empty((0, D), np.float16), np.empty((0, CLASSES), np.float32))
    assert none.shape == (0, TAGS)


def test_null_vectors_and_extreme_logits_stay_numbers() -> None:
    logits = np.array([[1e4, -1e4, 0, 0, 0], [0] * CLASSES], np.float32)
    found = HeadScorer.of(made_up(), members()).probabilities(np.zeros((2, D), np.float16), logits)
    assert np.isfinite(found).all()


def test_they_survive_json() -> None:
    heads = made_up()
    again = Heads.from_facts(json.loads(json.dumps(heads.to_facts())))
    assert (again.encoder, again.encoder_sha256) == (heads.encoder, heads.encoder_sha256)
    for name in ("embedding", "classes", "rolled", "bias"):
        assert np.array_equal(getattr(again, name), getattr(heads, name))
        assert getattr(again, name).dtype == getattr(heads, name).dtype


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"bias": "AAA"}, {"bias": None}, {"embedding": "AAAA"}, {"rolled": ""}, {"classes": "?"}],
)
def test_damaged_ones_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(HeadsError):
        Heads.from_facts(made_up().to_facts() | change)


def test_a_missing_part_is_refused() -> None:
    facts = made_up().to_facts()
    del facts["classes"]
    with pytest.raises(HeadsError, match="damaged"):
        Heads.from_facts(facts)


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(HeadsError, match="numbers that are none"):
        replace(made_up(), bias=np.array([0, np.nan, 0], np.float32))


def test_another_encoder_is_refused() -> None:
    made_up().check_fits("ab" * 32)
    with pytest.raises(HeadsError, match=r"trained for tiny \(abababababab\)"):
        made_up().check_fits("cd" * 32)


def test_another_vocabulary_is_refused() -> None:
    with pytest.raises(HeadsError, match="vocabulary"):
        HeadScorer.of(made_up(), np.eye(CLASSES, 4, dtype=np.float32))


def test_fitting_finds_the_minimum_of_its_loss() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    truth = (rng.uniform(size=(200, 2)) < sigmoid(2 * x[:, :2] - 0.5)).astype(np.float32)
    weights = rng.uniform(0.1, 1, size=(200, 2)).astype(np.float32)
    heads = fit_heads(x, truth, weights, penalty=0.05, steps=2000)
    spread, share = x.std(axis=0), weights / weights.sum(axis=0)
    wrong = share * (sigmoid(x @ heads.weight + heads.bias) - truth)
    z = (x - x.mean(axis=0)) / (spread + 1e-6)
    np.testing.assert_allclose(z.T @ wrong + 0.05 * heads.weight * spread[:, None], 0, atol=1e-4)
    np.testing.assert_allclose(wrong.sum(axis=0), 0, atol=1e-4)


def test_cells_without_weight_teach_nothing() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 4)).astype(np.float32)
    truth = (x[:, :1] > 0).astype(np.float32)
    weights = np.ones_like(truth)
    weights[:20] = 0
    lied = truth.copy()
    lied[:20] = 1 - lied[:20]
    honest, other = (fit_heads(x, one, weights, 0.1) for one in (truth, lied))
    assert np.array_equal(honest.weight, other.weight)


def test_normalising_keeps_a_null_vector() -> None:
    found = normalise(np.array([[3, 4], [0, 0]], np.float16))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]])
