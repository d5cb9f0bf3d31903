"""Heads for own tags: what they learn from few photos, and that they are the same each time."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tagging.ml.own_head import LIMIT, REJECTED, Examples, fit, probabilities

D = 16
Photos = Callable[..., NDArray[np.float32]]


@pytest.fixture
def rng() -> np.random.Generator:
    """Give each test its own numbers, the same in whatever order tests run."""
    return np.random.default_rng(8)


@pytest.fixture
def photos(rng: np.random.Generator) -> Photos:
    """Make unit vectors around a common middle; those that show thing number `shows` lean towards it."""

    def make(n: int, shows: int | None = None) -> NDArray[np.float32]:
        x = 1 + 0.6 * rng.normal(size=(n, D))
        if shows is not None:
            x[:, shows] += 3
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)

    return make


def scores(examples: Examples, x: NDArray[np.float32]) -> NDArray[np.float64]:
    head = fit(examples)
    return probabilities(np.einsum("ij,j->i", x, head.weights), float(head.bias))


NONE = np.empty((0, D), np.float32)


@pytest.mark.parametrize("n", [1, 3, 50])
def test_photos_of_the_same_thing_score_higher_than_others(photos: Photos, n: int):
    examples = Examples(photos(n, shows=2), NONE, photos(300))
    same, other = scores(examples, photos(100, shows=2)), scores(examples, photos(100))
    assert (same[:, None] > other[None]).mean() > 0.9


@pytest.mark.parametrize("n", [3, 50])
def test_with_some_examples_new_photos_of_the_thing_are_rather_it_than_not(photos: Photos, n: int):
    examples = Examples(photos(n, shows=2), NONE, photos(300))
    same, other = scores(examples, photos(100, shows=2)), scores(examples, photos(100))
    assert same.mean() > 0.5 > other.mean()


@pytest.mark.parametrize("rejected", [0, 4])
@pytest.mark.parametrize("n", [1, 3, 50])
def test_the_examples_themselves_lie_on_their_sides(photos: Photos, n: int, rejected: int):
    """Even where the confirmed differ from the others by nothing but chance."""
    for shows in (2, None):
        examples = Examples(photos(n, shows), photos(rejected, shows=5), photos(300))
        said_yes = scores(examples, examples.confirmed).mean()
        no = np.concatenate([scores(examples, examples.rejected), scores(examples, examples.unjudged)])
        said_no = np.average(no, weights=[REJECTED] * rejected + [1.0] * 300)
        assert said_yes + said_no == pytest.approx(1, abs=0.01)
        assert said_yes > 0.5 > said_no


def test_a_rejected_photo_pushes_its_kind_down(photos: Photos):
    confirmed, unjudged = np.vstack([photos(3, shows=2), photos(2, shows=5)]), photos(300)
    fives = photos(100, shows=5)
    before = scores(Examples(confirmed[:3], NONE, unjudged), fives)
    after = scores(Examples(confirmed[:3], photos(3, shows=5), unjudged), fives)
    assert after.mean() < before.mean()


def test_the_same_examples_give_the_same_head(photos: Photos):
    examples = Examples(photos(5, shows=1), photos(4), photos(100))
    one, two = fit(examples), fit(examples)
    assert one.weights.tobytes() == two.weights.tobytes()
    assert one.bias == two.bias


def test_it_solves_what_it_says(photos: Photos, rng: np.random.Generator):
    """At the minimum a step to any side costs more; the loss is the docstring's, written out."""
    examples = Examples(photos(4, shows=1), photos(3), photos(60))
    head = fit(examples)
    x = np.concatenate([examples.confirmed, examples.rejected, examples.unjudged]).astype(np.float64)
    middle = examples.unjudged.astype(np.float64).mean(axis=0)
    s = np.linalg.norm(examples.unjudged - middle, axis=1).mean()
    t = np.array([1] * 4 + [-1] * 63)
    c = np.concatenate([np.full(4, 1 / 4), np.full(3, 20.0) / 120, np.ones(60) / 120])

    def loss(w: NDArray[np.float64], b: float) -> float:
        return float(
            (c * np.log1p(np.exp(-t * ((x - middle) / s @ w + b)))).sum() + 0.05 * w @ w + 0.0005 * b * b
        )

    w = head.weights.astype(np.float64) * s
    b = float(head.bias) + float(middle @ head.weights)
    least = loss(w, b)
    for _ in range(20):
        step = rng.normal(size=D) * 0.05
        assert loss(w + step, b) > least
    assert min(loss(w, b + 0.05), loss(w, b - 0.05)) > least


def test_without_any_other_photo_it_still_fits(photos: Photos):
    assert scores(Examples(photos(2, shows=1), NONE, NONE), photos(3, shows=1)).min() > 0.5


def test_without_a_confirmed_photo_there_is_nothing_to_learn(photos: Photos):
    with pytest.raises(ValueError, match="at least one"):
        fit(Examples(NONE, photos(2), photos(5)))


def test_a_score_is_never_what_a_person_says():
    found = probabilities(np.array([-1e9, 0, 1e9], np.float32), 0.0)
    assert found.tolist() == [0.0, 0.5, LIMIT]
