"""Numbers about refills, in words and in tables."""

import json
from datetime import UTC, datetime

import pytest

from magicroll.templatetags.refills import duration, rate, refill_bar
from tagging.management.answers import Answer, as_json, as_text
from tagging.refill.progress import Bar


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "not measured yet"),
        (0.2, "about 1 s"),
        (59, "about 59 s"),
        (60, "about 1 min"),
        (540, "about 9 min"),
        (2 * 3600, "about 120 min"),
        (5 * 3600, "about 5 h"),
        (4 * 86_400, "about 4 days"),
    ],
)
def test_durations_are_rounded_to_what_one_plans_with(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


def test_rates_are_exact_enough() -> None:
    assert [rate(value) for value in (None, 0.46, 9.94, 34.4, 12_345.6)] == [
        "–", "0.5 photos/s", "9.9 photos/s", "34 photos/s", "12,346 photos/s",
    ]  # fmt: skip


def test_a_bar_has_its_parts_in_proportion_and_says_its_value() -> None:
    drawn = refill_bar(Bar(done=60, failed=15, to_go=25, redone=0), "<alice>")
    assert 'aria-label="&lt;alice&gt;"' in drawn
    assert 'aria-valuenow="75"' in drawn
    assert 'class="bar-done" width="60.00"' in drawn
    assert 'class="bar-failed" x="60.00" width="15.00"' in drawn
    assert 'width="0.00"' in refill_bar(Bar(0, 0, 0, 0), "nobody")


def test_a_hundred_percent_is_the_end() -> None:
    assert Bar(done=999, failed=0, to_go=1, redone=0).percent == 99
    assert Bar(done=998, failed=2, to_go=0, redone=0).percent == 100


ANSWER = Answer(
    ["Two people."],
    ("person", "photos", "speed", "until"),
    [("alice", 12345, 1.25, datetime(2026, 11, 29, 13, 15, tzinfo=UTC)), ("bob", 7, None, None)],
)


def test_a_table_has_numbers_on_the_right() -> None:
    assert as_text(ANSWER).splitlines() == [
        "Two people.",
        "",
        "person  photos  speed  until",
        "alice   12,345    1.2  2026-11-29 13:15",
        "bob          7      -  -",
    ]
    assert as_text(Answer(["Nothing."])) == "Nothing."


def test_programs_get_values_by_name() -> None:
    answer = json.loads(as_json(ANSWER))
    assert answer["words"] == ["Two people."]
    assert answer["rows"][0] == {
        "person": "alice", "photos": 12345, "speed": 1.25, "until": "2026-11-29T13:15:00+00:00",
    }  # fmt: skip
