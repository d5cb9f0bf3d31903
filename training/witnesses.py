"""Photos of train/ as witnesses: scored by heads that no photo of their source has trained.

Their labels are less complete than those of calib/: what a source doesn't tell of a tag counts nowhere.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagging.evaluation.metrics import Truth
from training.features import features
from training.fitting import Scores, fit, score, standardised
from training.knowledge import CERTAIN, Known, read_known
from training.recipe import Recipe
from training.selection import SEEN_BY_ENCODERS, Sample

# Each fold's sources are left out of the training together; they have little in common. The three projects that
# screenshots come from are three sources. ImageNet's photos trained the encoders, if not these heads: what they have
# helps to say how often a tag is found, what they lack counts nowhere, and they calibrate nothing.
FOLDS = (
    (SEEN_BY_ENCODERS,),
    ("flickr8k", "screenshot-ente"),
    ("intel6", "screenshot-gnome"),
    ("weather6", "houses", "human", "azure"),
    ("sun8", "flowers5", "deepphoto", "screenshot-paperless"),
)
# A folder of one thing is the only one to teach that thing, and heads without it are taken in by it: of what it
# never shows elsewhere they know nothing. So folders bear witness of these tags only, for and against.
SPEAKS_OF = {
    "intel6": (
        *(
            "sunset",
            "night",
            "mountain",
            "snow",
            "sea",
            "beach",
            "river",
            "lake",
            "boat",
            "fog",
            "underwater",
            "sky",
        ),
        *(
            "clouds",
            "church",
            "tower",
            "city",
            "house",
            "street",
            "building",
            "tree",
            "forest",
            "landscape",
            "rock",
        ),
        *("grass", "water", "temple", "castle", "statue", "waterfall"),
    ),
    "weather6": ("sunset", "sky", "clouds", "fog", "beach", "sea"),
    "houses": ("house", "kitchen", "bedroom", "bathroom", "indoors", "building", "sky", "tree", "grass"),
    "human": ("person", "portrait", "group", "child", "baby"),
    "azure": ("person", "portrait", "group", "child", "baby", "house", "street", "text"),
    "sun8": ("kitchen", "indoors", "sunset", "sky", "clouds", "tree", "forest", "grass", "building", "plane"),
    "flowers5": (),
    "deepphoto": (
        "night",
        "sunset",
        "city",
        "kitchen",
        "bedroom",
        "indoors",
        "church",
        "house",
        "building",
        "sky",
    ),
    "screenshot-ente": ("screenshot", "text"),
    "screenshot-gnome": ("screenshot", "text"),
    "screenshot-paperless": ("screenshot", "text"),
}
BELIEVED = 0.5  # weight from which an absence is taken as one
# A source counts as much as so many of its photos: those that look like a roll in full, folders of one thing less,
# for what they lack is easily told from what they are full of. Flickr8k has the only snapshots: heads that were fitted
# without them know less than those that ship.
PHOTOS = {"calib": 500.0, "roll": 100.0, "flickr8k": 200.0, "grey": 10.0, SEEN_BY_ENCODERS: 500.0}
FEW_PHOTOS = 100.0
_FIRST_SERIES = 100_000


def witnesses(
    folder: Path, recipe: Recipe, encoder_name: str, yardstick: NDArray[np.float16]
) -> list[Sample]:
    """Score every source of train/ by heads fitted without it: one sample a source.

    yardstick: embeddings float16 [n, d] of photos that all heads are scaled by.
    """
    known = read_known(folder, recipe)
    embeddings = features(encoder_name, folder, known.paths).rows(known.paths)
    result = []
    for fold in FOLDS:
        heads = standardised(fit(folder, recipe, encoder_name, without=fold), yardstick, encoder_name)
        for source in fold:
            rows = known.sources == source
            truth = _truth(known, rows)
            scores = score(heads, embeddings[rows], recipe, encoder_name)
            series = _FIRST_SERIES * (1 + len(result)) + np.unique(known.groups[rows], return_inverse=True)[1]
            result.append(sample_of(source, scores, said_by(source, truth, recipe.vocabulary.slugs), series))
    return result


def said_by(source: str, truth: Truth, slugs: Sequence[str]) -> Truth:
    """Keep what a source can tell: of the photos that the encoders know nothing but what is there."""
    told = np.isin(slugs, SPEAKS_OF.get(source, slugs))
    kept = np.where(told, truth, -1).astype(np.int8)
    if source == SEEN_BY_ENCODERS:
        kept[kept == 0] = -1
    return kept


def sample_of(source: str, scores: Scores, truth: Truth, series: NDArray[np.intp]) -> Sample:
    """Make a sample of one source's photos, with the weight that the source is worth."""
    n = len(truth)
    weight = np.full(n, min(1.0, PHOTOS.get(source, FEW_PHOTOS) / n), np.float32)
    return Sample(scores, truth, series, weight, np.full(n, source))


def _truth(known: Known, rows: NDArray[np.bool_]) -> Truth:
    present, weight = known.present[rows], known.weight[rows]
    truth = np.full(present.shape, -1, np.int8)
    truth[(present == 0) & (weight >= BELIEVED)] = 0
    truth[(present == 1) & (weight >= CERTAIN)] = 1
    return truth
