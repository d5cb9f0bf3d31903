"""Train the everyday vocabulary's heads for every encoder, and write releases, results and the model card.

.venv/bin/python -m training [../shared/photos]
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagging.evaluation.metrics import average_precision
from tagging.ml.heads import Heads
from tagging.ml.heads_fitting import LinearHeads
from tagging.ml.registry import ENCODERS
from tagging.vocabulary import N_CLASSES, Vocabulary, everyday_file
from training.calibration import About, Calibration
from training.card import write_cards
from training.features import ROOT, encoder
from training.fitting import fit, score, standardised
from training.knowledge import CERTAIN, read_known
from training.recipe import Recipe, read_recipe
from training.selection import (
    SEEN_BY_ENCODERS,
    Choice,
    Sample,
    calibrated,
    choose,
    cross_validate,
    figures,
    joined,
    judge,
    out_of_fold,
)
from training.truth import Judged, grey_copies, read_calib, read_roll
from training.witnesses import sample_of, witnesses

PHOTOS = ROOT.parent / "shared" / "photos"
RESULTS = Path(__file__).with_name("results")
DATA = ROOT / "tagging" / "data"
JUDGED = ("calib", "roll", "flickr8k")
FEW = 10  # photos from which no head of worth is fitted, and none is judged


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """The samples that calibrate, with what heads say of them that their source did not train."""

    calib: Sample
    roll: Sample
    grey: Sample
    witnesses: list[Sample]

    @property
    def whole(self) -> Sample:
        """All of them."""
        return joined([self.calib, self.roll, self.grey, *self.witnesses])

    def but_for(self, source: str) -> Sample:
        """All but one source's."""
        whole = self.whole
        return whole.some(whole.source != source)


def main(photos: Path = PHOTOS) -> None:
    """Train for each encoder."""
    recipe = read_recipe()
    results = {name: train(name, photos, recipe) for name in ENCODERS}
    write_cards(results)


def train(encoder_name: str, photos: Path, recipe: Recipe) -> dict[str, object]:
    """Fit, calibrate, choose; write the release's file and its figures, and return these."""
    calib = read_calib(photos / "calib", recipe, encoder_name)
    heads = standardised(fit(photos / "train", recipe, encoder_name), calib.embeddings, encoder_name)
    samples = _samples(heads, calib, photos, recipe, encoder_name)
    about = about_tags(recipe, joined([samples.calib, samples.roll]), taught(photos / "train", recipe))
    whole = samples.whole
    fitted = calibrated(whole, about)
    choice = choose(whole, about)
    results = measure(samples, about) | {"encoder": encoder_name}
    results["tags"] = by_tag(recipe, whole, choice, about)
    release = _release(encoder_name, recipe, heads, fitted, choice)
    results["vocabulary_sha256"] = release.sha256
    (DATA / everyday_file(encoder_name).name).write_text(release.to_json(), "utf-8")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{encoder_name}.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(encoder_name, json.dumps({name: results[name] for name in JUDGED}, indent=1))
    return results


def measure(samples: Photos, about: About) -> dict[str, object]:
    """Judge the whole procedure by what took no part in it: folds of calib, the roll, the snapshots."""
    rest = samples.but_for("calib")
    snapshots = next(one for one in samples.witnesses if one.source[0] == "flickr8k")
    unseen = {
        "calib": cross_validate(samples.calib, rest, about),
        "roll": judge(samples.but_for("roll"), samples.roll, about),
        "flickr8k": judge(samples.but_for("flickr8k"), snapshots, about),
    }
    return {name: figures(one) for name, one in unseen.items()}


def about_tags(recipe: Recipe, roll_like: Sample, taught: NDArray[np.intp]) -> About:
    """Say what is known beforehand; a tag without a rate of its own has that of photos that look like a roll.

    taught: [n_tags], how many photos with the tag have trained heads, but for those that the encoders know anyway.
    """
    vocabulary, slugs = recipe.vocabulary, recipe.vocabulary.slugs
    column = {slug: i for i, slug in enumerate(slugs)}
    found = ((roll_like.truth == 1).sum(axis=0) + 0.5) / ((roll_like.truth >= 0).sum(axis=0) + 1.0)
    named = np.array([bool(tag.classes) and tag.slug not in recipe.hints for tag in vocabulary.tags])
    return About(
        vocabulary.roll_up(np.eye(N_CLASSES, dtype=np.float32) * 50).max(axis=0) > 0.5,
        np.array([slug not in recipe.never_shown for slug in slugs]),
        np.array([recipe.rates.get(slug, found[i]) for i, slug in enumerate(slugs)]),
        tuple((column[slug], column[above]) for slug in slugs for above in vocabulary.ancestors(slug)),
        named,
        named & (taught + (roll_like.truth == 1).sum(axis=0) < FEW),
    )


def taught(folder: Path, recipe: Recipe) -> NDArray[np.intp]:
    """Count the photos of train/ with each tag that are no part of ImageNet: intp [n_tags]."""
    known = read_known(folder, recipe).but_for([SEEN_BY_ENCODERS])
    result: NDArray[np.intp] = ((known.present == 1) & (known.weight >= CERTAIN)).sum(axis=0)
    return result


def _samples(heads: LinearHeads, calib: Judged, photos: Path, recipe: Recipe, encoder_name: str) -> Photos:
    roll = read_roll(photos / "roll", recipe, encoder_name)
    grey = grey_copies(photos / "calib", calib, recipe, encoder_name)

    def sample(judged: Judged) -> Sample:
        scores = score(heads, judged.embeddings, recipe, encoder_name)
        return sample_of(judged.source, scores, judged.truth, judged.series)

    seen = witnesses(photos / "train", recipe, encoder_name, calib.embeddings)
    return Photos(sample(calib), sample(roll), sample(grey), seen)


def _release(
    encoder_name: str, recipe: Recipe, heads: LinearHeads, fitted: Calibration, choice: Choice
) -> Vocabulary:
    """Fold the calibration into the heads, and freeze them with their tags and thresholds."""
    d = encoder(encoder_name).spec.dimensions
    weight = heads.weight * fitted.head
    tags = tuple(
        replace(tag, thresholds={encoder_name: round(float(at), 4)}, shown=bool(shown))
        for tag, at, shown in zip(recipe.vocabulary.tags, choice.thresholds, choice.shown, strict=True)
    )
    return replace(
        recipe.vocabulary,
        tags=tags,
        heads=Heads(
            encoder_name,
            ENCODERS[encoder_name].onnx_sha256,
            weight[:d].astype(np.float16),
            weight[d:].astype(np.float16),
            fitted.rolled.astype(np.float32),
            (fitted.bias + fitted.head * heads.bias).astype(np.float32),
        ),
    )


def by_tag(recipe: Recipe, whole: Sample, choice: Choice, about: About) -> list[dict[str, object]]:
    """Tell of each tag from which probability on it is shown, if it is, and what stands behind that."""
    p = out_of_fold(whole, about)
    rows = []
    for i, tag in enumerate(recipe.vocabulary.tags):
        evidence = choice.evidence[i]
        aps = {
            source: average_precision(p[whole.source == source, i], whole.truth[whole.source == source, i])
            for source in ("calib", "flickr8k")
        }
        rows.append(
            {
                "tag": tag.slug,
                "shown": bool(choice.shown[i]),
                "threshold": round(float(choice.thresholds[i]), 2),
                "rate": round(float(about.rates[i]), 4),
                "precision": round(evidence.precision, 3),
                "precision_low": round(evidence.low, 3),
                "recall": round(evidence.recall, 3),
                "borrowed": evidence.borrowed,
                "ap": {source: None if ap is None else round(ap, 3) for source, ap in aps.items()},
                "evidence": {
                    source: [counts.right, counts.wrong, counts.missed]
                    for source, counts in evidence.by_source.items()
                    if counts.right + counts.wrong + counts.missed
                },
            }
        )
    return rows


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
