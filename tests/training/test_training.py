"""Calibration, the choice of thresholds, and what is made of labels and captions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagging.evaluation.metrics import calibration_error, reliability
from training.calibration import About, calibrate
from training.fitting import Scores
from training.knowledge import SETTING, read_known, read_rows
from training.recipe import read_recipe
from training.selection import SEEN_BY_ENCODERS, Sample, choose, evidence_of, folds, joined, out_of_fold
from training.witnesses import sample_of


def about(n: int, *, rate: float = np.nan) -> About:
    return About(np.ones(n, np.bool_), np.ones(n, np.bool_), np.full(n, rate))


def made_up(n: int = 1200, seed: int = 0) -> Sample:
    """Three tags: one that only the head knows, one that only the roll-up knows, one that nobody knows."""
    rng = np.random.default_rng(seed)
    truth = (rng.uniform(size=(n, 3)) < 0.2).astype(np.int8)
    head, rolled = rng.normal(size=(2, n, 3)).astype(np.float32)
    head[:, 0] += 4 * truth[:, 0]
    rolled[:, 1] += 4 * truth[:, 1]
    sample = sample_of("calib", Scores(head, rolled), truth, np.arange(n) // 2)
    return replace(sample, weight=np.ones(n, np.float32))


def test_evidence_decides_between_head_and_roll_up() -> None:
    sample = made_up()
    found = calibrate(sample.scores.head, sample.scores.rolled, sample.truth, sample.weight, about(3))
    assert found.head[0] > 3 * found.rolled[0]
    assert found.rolled[1] > 3 * found.head[1]
    assert max(found.head[2], found.rolled[2]) < 0.5


def test_probabilities_hold_on_photos_left_out() -> None:
    sample = made_up()
    error = calibration_error(reliability(out_of_fold(sample, about(3)), sample.truth))
    assert error is not None
    assert error < 0.03


def test_a_base_rate_moves_the_probabilities() -> None:
    sample = made_up()
    head, rolled = sample.scores.head, sample.scores.rolled
    rare = calibrate(head, rolled, sample.truth, sample.weight, about(3, rate=0.02)).probabilities(
        head, rolled
    )
    assert rare[:, 2].mean() == pytest.approx(0.02, abs=0.015)


def test_a_tag_without_a_positive_stays_improbable() -> None:
    sample = made_up()
    truth = sample.truth.copy()
    truth[:, 2] = 0
    found = calibrate(sample.scores.head, sample.scores.rolled, truth, sample.weight, about(3))
    assert found.probabilities(sample.scores.head, sample.scores.rolled)[:, 2].mean() < 0.02


def test_a_named_tag_without_a_positive_speaks_as_like_ones_do() -> None:
    rng = np.random.default_rng(4)
    present = (rng.uniform(size=(1500, 4)) < 0.05).astype(np.int8)
    head, rolled = (rng.normal(size=(1500, 4)) + 4 * present).astype(np.float32), -6 + 8 * present
    rolled = (rolled + rng.normal(size=present.shape)).astype(np.float32)
    truth = present.copy()
    truth[:, 3] = np.where(present[:, 3] == 1, -1, 0)  # nobody knows of the ones that have it
    sample = sample_of("calib", Scores(head, rolled), truth, np.arange(1500))
    named = replace(about(4, rate=0.02), named=np.ones(4, np.bool_))
    found = calibrate(head, rolled, truth, sample.weight, named).probabilities(head, rolled)[:, 3]
    assert found[present[:, 3] == 1].mean() > 0.9
    assert found[present[:, 3] == 0].mean() < 0.01


def test_false_alarms_of_a_named_tag_count_although_nothing_has_it() -> None:
    sample = made_up()
    truth = sample.truth.copy()
    truth[:, 1] = 0  # the roll-up says it of one in five
    like = replace(about(3, rate=0.1), named=np.ones(3, np.bool_))
    choice = choose(replace(sample, truth=truth), like)
    assert not choice.shown[1]


def test_only_what_is_proven_is_shown() -> None:
    choice = choose(made_up(), about(3))
    assert choice.shown.tolist() == [True, True, False]
    for i in range(2):
        assert (choice.evidence[i].like_a_roll.precision or 0) > 0.8
        assert choice.evidence[i].recall > 0.3


def judged(said: list[int], truth: list[int], source: str = "calib", weight: float = 1.0) -> tuple:
    n = len(said)
    cells = np.array(truth, np.int8)[:, None]
    nothing = np.zeros((n, 1), np.float32)
    sample = Sample(
        Scores(nothing, nothing), cells, np.arange(n), np.full(n, weight, np.float32), np.full(n, source)
    )
    return np.array(said, np.bool_), sample


def test_precision_is_that_of_an_ordinary_roll() -> None:
    """Half of these photos have the tag; where one in a hundred has it, one false alarm in ten ruins it."""
    said, sample = judged([1] * 50 + [1] * 5 + [0] * 45, [1] * 50 + [0] * 50)
    here, roll = (evidence_of(said, sample, 0, rate) for rate in (np.nan, 0.01))
    assert here.precision == pytest.approx(50 / 55, abs=0.02)
    assert roll.precision == pytest.approx(0.01 / (0.01 + 0.99 * 0.1), abs=0.02)
    assert roll.low < roll.precision
    assert roll.recall == 1.0
    assert (roll.by_source["calib"].right, roll.by_source["calib"].wrong) == (50, 5)


def test_photos_that_nobody_judged_are_no_evidence() -> None:
    said, sample = judged([1] * 20, [-1] * 20)
    found = evidence_of(said, sample, 0, 0.1)
    assert not found.proven
    assert found.by_source == {}


def test_what_is_rarer_here_than_on_a_roll_is_not_judged_by_its_share_here() -> None:
    """Two of 582 are cats, both found, and a bobcat is taken for one: of a roll with 25 cats in 1,000, nine in ten."""
    said, sample = judged([1] * 2 + [1] + [0] * 579, [1] * 2 + [0] * 580)
    here, roll = (evidence_of(said, sample, 0, rate) for rate in (np.nan, 0.025))
    assert here.rarer == 1.0
    assert not here.keeps
    assert roll.rarer == pytest.approx(0.025 * 582 / 2)
    assert roll.keeps
    assert not evidence_of(*judged([1] * 9 + [0] * 573, [1] * 2 + [0] * 580), 0, 0.025).keeps


def test_photos_that_trained_the_encoders_prove_nothing_alone() -> None:
    said, sample = judged([1] * 20 + [0] * 500, [1] * 20 + [0] * 500)
    seen = np.array([SEEN_BY_ENCODERS] * 20 + ["calib"] * 500)
    assert evidence_of(said, sample, 0, 0.1).proven
    assert not evidence_of(said, replace(sample, source=seen), 0, 0.1).proven
    seen[0] = "roll"
    assert evidence_of(said, replace(sample, source=seen), 0, 0.1).proven


def test_a_tag_that_finds_next_to_nothing_is_no_shelf() -> None:
    said, sample = judged([1] * 3 + [0] * 497, [1] * 100 + [0] * 400)
    found = evidence_of(said, sample, 0, 0.2)
    assert found.keeps
    assert not found.proven
    said, sample = judged([1] * 50 + [0] * 450, [1] * 100 + [0] * 400)
    assert evidence_of(said, sample, 0, 0.2).proven


def test_photos_that_the_encoders_know_calibrate_nothing() -> None:
    sample = made_up()
    known = Sample(
        sample.scores,
        np.where(sample.truth == 1, 1, -1).astype(np.int8),
        sample.series + 10_000,
        sample.weight,
        np.full(len(sample.truth), SEEN_BY_ENCODERS),
    )
    both = out_of_fold(joined([sample, known]), about(3))[: len(sample.truth)]
    assert both.mean(axis=0) == pytest.approx(sample.truth.mean(axis=0), abs=0.04)


def test_a_series_is_never_torn_apart() -> None:
    sample = made_up(100)
    left_out = np.zeros(100, int)
    for out in folds(sample):
        left_out += out
        assert all(out[i] == out[i + 1] for i in range(0, 100, 2))
    assert (left_out == 1).all()


def table(folder: Path, *rows: str) -> Path:
    train = folder / "train"
    train.mkdir()
    (folder / "calib").mkdir()
    (folder / "calib" / "TAGS.txt").write_text("people\ndog\ntree\n")
    header = "path\ttags\tlabelling\tabsent\tilsvrc_index\tclass\tgroup"
    (train / "labels.tsv").write_text("\n".join((header, *rows)) + "\n")
    captions = [f"flickr8k/x.jpg\tA dog by a river {n}" for n in range(2)]
    captions += ["flickr8k/x.jpg\tA dog near a truck", "flickr8k/x.jpg\tA dog", "flickr8k/x.jpg\tA brown dog"]
    captions += [f"flickr8k/w.jpg\tA woman riding {what}" for what in ("a bicycle", "her bike", "uphill")]
    (train / "captions.tsv").write_text("path\tcaption\n" + "\n".join(captions) + "\n")
    return train


def test_labels_captions_and_classes_are_weighed(tmp_path: Path) -> None:
    recipe = read_recipe()
    train = table(
        tmp_path,
        "flickr8k/x.jpg\tdog\tpositive-only\t\t\t\tg1",
        "imagenet/y.jpg\t\tpositive-only\t\t281\ttabby\t",
        "intel6/z.jpg\tforest\tpositive-only\tbeach\t\tforest\t",
    )
    known = read_known(train, recipe)
    column = {slug: i for i, slug in enumerate(recipe.vocabulary.slugs)}

    def cell(row: int, slug: str) -> tuple[float, float]:
        return float(known.present[row, column[slug]]), round(float(known.weight[row, column[slug]]), 3)

    assert cell(0, "dog") == cell(0, "pet") == cell(0, "animal") == (1.0, 1.0)
    assert cell(0, "river") == cell(0, "water") == (1.0, 1.0)  # two captions of five
    assert cell(0, "truck") == (0.0, 0.03)  # one only
    assert cell(0, "pizza") == (0.0, 0.7)
    assert cell(1, "cat") == (1.0, 1.0)
    assert cell(1, "dog") == (0.0, 0.5)
    assert cell(1, "grass") == (0.0, 0.03)  # may well be there
    assert cell(2, "tree") == (1.0, 1.0)
    assert cell(2, "beach") == (0.0, 1.0)
    assert known.groups.tolist() == ["g1", "imagenet/y.jpg", "intel6/z.jpg"]


def test_captions_that_mean_something_else_are_not_believed(tmp_path: Path) -> None:
    recipe = read_recipe()
    known = read_known(table(tmp_path, "flickr8k/w.jpg\tperson\tpositive-only\t\t\t\tg2"), recipe)
    column = {slug: i for i, slug in enumerate(recipe.vocabulary.slugs)}
    assert "riding" in next(tag for tag in recipe.vocabulary.tags if tag.slug == "horse").synonyms
    assert known.present[0, column["horse"]] == 0.0
    assert known.weight[0, column["horse"]] == pytest.approx(0.7)
    assert known.present[0, column["person"]] == 1.0


def test_a_source_can_be_left_out(tmp_path: Path) -> None:
    train = table(
        tmp_path,
        "screens/a.png\t\tpositive-only\t\t\tscreenshot-ente\t",
        "screens/b.png\t\tpositive-only\t\t\tscreenshot-gnome\t",
        "intel6/z.jpg\tforest\tpositive-only\tbeach\t\tforest\t",
    )
    known = read_known(train, read_recipe())
    assert known.sources.tolist() == ["screenshot-ente", "screenshot-gnome", "intel6"]
    rest = known.but_for(["intel6", "screenshot-ente"])
    assert rest.paths == ["screens/b.png"]
    assert rest.present.shape == rest.weight.shape == (1, known.present.shape[1])


def test_what_was_looked_at_by_eye_counts_in_full(tmp_path: Path) -> None:
    recipe = read_recipe()
    seen = next(row for row in read_rows(SETTING) if row["doubts"] and "grass" in row["tags"])
    train = table(tmp_path, f"{seen['path']}\tsnow\tpositive-only\t\t\tmixed\tg1")
    known = read_known(train, recipe)
    column = {slug: i for i, slug in enumerate(recipe.vocabulary.slugs)}
    assert (known.present[0, column["grass"]], known.weight[0, column["grass"]]) == (1.0, 1.0)
    assert (known.present[0, column["snow"]], known.weight[0, column["snow"]]) == (0.0, 1.0)
    assert known.weight[0, [column[slug] for slug in seen["doubts"].split(",")]].max() == 0.0


def test_an_unknown_label_stops_the_training(tmp_path: Path) -> None:
    train = table(tmp_path, "intel6/z.jpg\tunicorn\tpositive-only\t\t\tforest\t")
    with pytest.raises(ValueError, match="unicorn"):
        read_known(train, read_recipe())
