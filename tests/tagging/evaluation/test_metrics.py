"""The figures, against cases worked out by hand."""

import numpy as np
import pytest

from tagging.evaluation.metrics import (
    Counts,
    average_precision,
    calibration_error,
    count,
    reliability,
    wilson,
)


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def truth(*values: int) -> np.ndarray:
    return np.array(values, np.int8)


@pytest.mark.parametrize(
    ("said", "so", "expected"),
    [
        ((0.9, 0.8, 0.7), (1, 0, 1), (1 + 2 / 3) / 2),
        ((0.9, 0.8, 0.7), (1, 1, 0), 1.0),
        ((0.1, 0.8, 0.7), (1, 0, 0), 1 / 3),
        ((0.5, 0.5, 0.5, 0.5), (1, 0, 0, 0), 1 / 4),  # equal scores: no order may help
        ((0.9, 0.95, 0.1), (1, -1, 0), 1.0),  # what nobody knows counts nowhere
    ],
)
def test_average_precision(said, so, expected) -> None:
    assert average_precision(scores(*said), truth(*so)) == pytest.approx(expected)


def test_average_precision_needs_a_positive() -> None:
    assert average_precision(scores(0.5, 0.6), truth(0, -1)) is None


def test_average_precision_does_not_depend_on_the_order_of_photos() -> None:
    rng = np.random.default_rng(0)
    said, so = rng.integers(0, 5, 50).astype(np.float32), rng.integers(0, 2, 50).astype(np.int8)
    order = rng.permutation(50)
    assert average_precision(said, so) == pytest.approx(average_precision(said[order], so[order]))


def test_counts() -> None:
    shown = np.array([[True, True], [False, False], [True, False]])
    counts = count(shown, np.array([[1, 0], [1, 0], [-1, 1]], np.int8))
    assert counts == Counts(right=1, wrong=1, missed=2)
    assert counts.precision == 1 / 2
    assert counts.recall == 1 / 3


def test_nothing_shown_has_no_precision() -> None:
    assert Counts(0, 0, 3).precision is None
    assert Counts(0, 2, 0).recall is None


def test_calibration_error_of_two_bins() -> None:
    bins = reliability(scores(0.1, 0.1, 0.9, 0.9, 1.0), truth(0, 1, 1, 1, -1), n_bins=2)
    assert [one.n for one in bins] == [2, 2]
    assert bins[0].so == 0.5
    assert bins[1].said == pytest.approx(0.9)
    assert calibration_error(bins) == pytest.approx((0.4 * 2 + 0.1 * 2) / 4)


def test_calibration_error_of_nothing() -> None:
    assert calibration_error(reliability(scores(0.5), truth(-1))) is None


def test_a_probability_of_one_is_in_the_last_bin() -> None:
    assert reliability(scores(1.0), truth(1))[-1].n == 1


def test_wilson_against_published_values() -> None:
    low, high = wilson(81, 263)  # Newcombe, Statistics in Medicine 17 (1998), table I
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) == (0.0, 1.0)
