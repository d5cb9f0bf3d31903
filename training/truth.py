"""The photos that calibrate: calib/ with its doubts left out, roll/ as labelled here, grey copies of some."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagging.evaluation.labels import read_labels, tag_for
from tagging.evaluation.metrics import Truth
from training.features import features
from training.knowledge import read_rows
from training.recipe import Recipe

ROLL = Path(__file__).with_name("roll.tsv")
MORE = Path(__file__).with_name("calib-more.tsv")
GREY_EVERY = 50  # one grey copy for so many photos: two in a hundred, as in many a roll
BLACK_AND_WHITE = "black-and-white"


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Photos of which every tag of a list is known: `truth` int8 [n, n_tags]; `source` names their folder."""

    source: str
    embeddings: NDArray[np.float16]
    truth: Truth
    series: NDArray[np.intp]  # photos of one series have one number


def read_calib(folder: Path, recipe: Recipe, encoder_name: str) -> Judged:
    """Read calib/, its doubtful cells and the tags that calib-more.tsv adds."""
    vocabulary = recipe.vocabulary
    labels = read_labels(folder / "labels.tsv", folder, vocabulary)
    names = [path.name for path in labels.paths]
    column = {slug: i for i, slug in enumerate(vocabulary.slugs)}
    truth = labels.truth
    for slug, above in recipe.implies.items():
        truth[truth[:, column[above]] == 0, column[slug]] = 0
    truth[:, column["pet"]] = np.maximum(truth[:, column["dog"]], truth[:, column["cat"]])
    for row in read_rows(MORE):
        _mark(truth[:, column[row["tag"]]], names, row)
    for row in read_rows(folder / "doubts.tsv"):
        slug = tag_for(vocabulary, row["tag"])
        if slug is not None:
            truth[names.index(row["path"]), column[slug]] = -1
    found = features(encoder_name, folder, names)
    return Judged("calib", found.rows(names), truth, np.arange(len(names)) // 2)


def _mark(cells: NDArray[np.int8], names: list[str], row: dict[str, str]) -> None:
    cells[:] = 0
    for value, key in ((1, "photos"), (-1, "doubts")):
        for number in filter(None, row[key].split(",")):
            cells[names.index(f"{number}.jpg")] = value


def read_roll(folder: Path, recipe: Recipe, encoder_name: str) -> Judged:
    """Read roll/ with the labels and doubts of roll.tsv; it was labelled for every tag of the vocabulary."""
    rows = read_rows(ROLL)
    column = {slug: i for i, slug in enumerate(recipe.vocabulary.slugs)}
    truth = np.zeros((len(rows), len(column)), np.int8)
    for i, row in enumerate(rows):
        truth[i, [column[slug] for slug in filter(None, row["doubts"].split(","))]] = -1
        truth[i, [column[slug] for slug in filter(None, row["tags"].split(","))]] = 1
    names = [row["path"] for row in rows]
    return Judged(
        "roll", features(encoder_name, folder, names).rows(names), truth, 1000 + np.arange(len(rows))
    )


def grey_copies(folder: Path, calib: Judged, recipe: Recipe, encoder_name: str) -> Judged:
    """Take the colour out of some photos of calib/; nothing else is judged of the copies."""
    names = [path.name for path in sorted(folder.glob("*.jpg"))]
    some = list(range(0, len(names), GREY_EVERY))
    truth = np.full((len(some), calib.truth.shape[1]), -1, np.int8)
    truth[:, recipe.vocabulary.slugs.index(BLACK_AND_WHITE)] = 1
    found = features(encoder_name, folder, names, "grey")
    return Judged("grey", found.rows([names[i] for i in some]), truth, calib.series[some])
