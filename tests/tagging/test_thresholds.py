"""How verdicts move a threshold: by the rule in the docstring, and never where they should not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging.thresholds import ENOUGH, MAX_OFFSET, Evidence, floors, learned_offset, moved

THRESHOLD = 0.8


def evidence(added: list[float], rejected: list[float], silent: list[float]) -> Evidence:
    scores = np.array([*added, *rejected, *silent])
    kinds = np.repeat([0, 1, 2], [len(added), len(rejected), len(silent)])
    return Evidence(scores, kinds == 0, kinds == 1)


def log_odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


class TestMoved:
    def test_it_adds_log_odds(self) -> None:
        assert log_odds(moved(0.8, 0.7)) == pytest.approx(log_odds(0.8) + 0.7)
        assert moved(0.8, 0.0) == pytest.approx(0.8)
        assert moved(0.9, -MAX_OFFSET) == pytest.approx(0.5492, abs=1e-3)
        assert moved(0.9, MAX_OFFSET) == pytest.approx(0.9852, abs=1e-3)

    def test_a_threshold_of_one_stays(self) -> None:
        assert moved(1.0, -2.0) == 1.0

    @given(st.floats(0.01, 1.0))
    def test_a_floor_is_the_lowest_that_one_may_fall_to(self, threshold: float) -> None:
        (floor,) = floors(np.array([threshold], np.float32))
        assert floor == pytest.approx(moved(threshold, -MAX_OFFSET), rel=1e-4)


class TestLearned:
    def test_too_few_verdicts_teach_nothing(self) -> None:
        assert learned_offset(evidence([], [0.9] * (ENOUGH - 1), []), THRESHOLD) == 0.0

    def test_many_rejections_raise_it(self) -> None:
        assert learned_offset(evidence([], [0.9] * ENOUGH, []), THRESHOLD) == MAX_OFFSET

    def test_many_additions_lower_it(self) -> None:
        assert learned_offset(evidence([0.6] * ENOUGH, [], []), THRESHOLD) < -1.0

    def test_what_was_shown_and_not_objected_to_stands_against_rejections(self) -> None:
        few = learned_offset(evidence([], [0.9] * ENOUGH, [0.9] * 50), THRESHOLD)
        many = learned_offset(evidence([], [0.9] * ENOUGH, [0.9] * 200), THRESHOLD)
        thousands = learned_offset(evidence([], [0.9] * ENOUGH, [0.9] * 3000), THRESHOLD)
        assert MAX_OFFSET >= few > many > thousands == 0.0

    def test_what_nobody_was_shown_shrinks_it_towards_the_release(self) -> None:
        alone = learned_offset(evidence([0.6] * ENOUGH, [], []), THRESHOLD)
        beside = learned_offset(evidence([0.6] * ENOUGH, [], [0.6] * 500), THRESHOLD)
        assert alone < beside < 0.0

    def test_verdicts_that_agree_with_the_release_change_nothing(self) -> None:
        assert learned_offset(evidence([0.95] * ENOUGH, [0.3] * ENOUGH, [0.9, 0.5]), THRESHOLD) == 0.0

    def test_it_solves_what_the_docstring_says(self) -> None:
        """One kind of photo above the threshold: b1 is the root of its gradient, found here on a grid."""
        rejected, silent, score = 30, 100, 0.9
        b = np.linspace(-MAX_OFFSET, 0.0, 200_001)
        p = 1 / (1 + np.exp(-(log_odds(score) + b)))
        posterior = rejected * np.log(1 - p) + 0.5 * silent * np.log(p) - b**2 / 2
        offset = learned_offset(evidence([], [score] * rejected, [score] * silent), THRESHOLD)
        assert offset == pytest.approx(-b[posterior.argmax()], abs=0.05)

    SCORES = st.lists(st.floats(0.35, 1.0), max_size=60)

    @given(SCORES, SCORES, SCORES)
    def test_it_stays_in_range_and_a_further_rejection_never_lowers_it(
        self, added: list[float], rejected: list[float], silent: list[float]
    ) -> None:
        before = learned_offset(evidence(added, rejected, silent), THRESHOLD)
        assert -MAX_OFFSET <= before <= MAX_OFFSET
        if len(added) + len(rejected) >= ENOUGH:
            after = learned_offset(evidence(added, [*rejected, 0.9], silent), THRESHOLD)
            assert after >= before

    @given(SCORES, SCORES)
    def test_rejections_alone_never_lower_it_and_additions_never_raise_it(
        self, scores: list[float], silent: list[float]
    ) -> None:
        assert learned_offset(evidence([], scores, silent), THRESHOLD) >= 0.0
        assert learned_offset(evidence(scores, [], silent), THRESHOLD) <= 0.0
