"""Fit the heads of one encoder on train/, and give every photo its raw scores."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagging.ml.heads_fitting import LinearHeads, fit_heads, normalise
from training.features import CACHE, encoder, features
from training.knowledge import Known, read_known
from training.recipe import Recipe
from training.truth import BLACK_AND_WHITE

PENALTY = 0.2
STEPS = 120
BALANCE = -0.5  # a source of n photos counts as much as sqrt(n) of its photos
GREY_EVERY = 6
_FLOOR = 1e-5  # as in tagging/ml/heads.py


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """`head`: what the heads say; `rolled`: logits of the rolled-up probabilities. float32 [n, n_tags]."""

    head: NDArray[np.float32]
    rolled: NDArray[np.float32]


def fit(folder: Path, recipe: Recipe, encoder_name: str, without: Collection[str] = ()) -> LinearHeads:
    """Fit heads on train/, but for some of its sources, and on grey copies of a part of it."""
    everything = read_known(folder, recipe)
    known = everything.but_for(without)
    plain = features(encoder_name, folder, known.paths).rows(known.paths)
    copied = set(everything.paths[::GREY_EVERY]) & set(known.paths)
    grey_paths = [path for path in known.paths if path in copied]
    grey = features(encoder_name, folder, everything.paths[::GREY_EVERY], "grey").rows(grey_paths)
    embeddings = np.concatenate([plain, grey])
    present, weight = _with_grey(known, len(grey), recipe)
    settings = np.array([PENALTY, STEPS])
    file = CACHE / f"heads-{encoder_name}-{_key(embeddings, present, weight, settings)}.npz"
    if file.exists():
        with np.load(file) as archive:
            return LinearHeads(archive["weight"], archive["bias"])
    heads = fit_heads(inputs(embeddings, encoder_name), present, weight, PENALTY, STEPS)
    np.savez(file, weight=heads.weight, bias=heads.bias)
    return heads


def _key(*parts: NDArray[Any]) -> str:
    """Name what heads are fitted to, so that only what changed is fitted again."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


def standardised(heads: LinearHeads, embeddings: NDArray[np.float16], encoder_name: str) -> LinearHeads:
    """Scale heads to mean 0 and deviation 1 on these photos, so that heads of different folds speak one language."""
    z = inputs(embeddings, encoder_name) @ heads.weight + heads.bias
    centre, spread = z.mean(axis=0), z.std(axis=0) + 1e-6
    return LinearHeads(heads.weight / spread, (heads.bias - centre) / spread)


def inputs(embeddings: NDArray[np.float16], encoder_name: str) -> NDArray[np.float32]:
    """Join embeddings of length 1 and the square roots of class probabilities: float32 [n, d + classes]."""
    return np.hstack([normalise(embeddings), np.sqrt(_probabilities(embeddings, encoder_name))])


def score(heads: LinearHeads, embeddings: NDArray[np.float16], recipe: Recipe, encoder_name: str) -> Scores:
    """Score photos by their embeddings: float16 [n, d]."""
    logits = encoder(encoder_name).head.logits(embeddings)
    share = np.clip(recipe.vocabulary.roll_up(logits), _FLOOR, 1 - _FLOOR)
    head = inputs(embeddings, encoder_name) @ heads.weight + heads.bias
    return Scores(head, np.log(share / (1 - share)))


def _probabilities(embeddings: NDArray[np.float16], encoder_name: str) -> NDArray[np.float32]:
    logits = encoder(encoder_name).head.logits(embeddings)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: NDArray[np.float32] = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def _with_grey(known: Known, n_grey: int, recipe: Recipe) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Add rows of which only one thing is known: that they have no colour."""
    counts = dict(zip(*np.unique(known.sources, return_counts=True), strict=True))
    sizes = np.array([counts[source] for source in known.sources], np.float32)
    weight = known.weight * ((sizes / sizes.max()) ** BALANCE)[:, None]
    column = recipe.vocabulary.slugs.index(BLACK_AND_WHITE)
    grey_present, grey_weight = np.zeros((2, n_grey, weight.shape[1]), np.float32)
    grey_present[:, column] = grey_weight[:, column] = 1.0
    return np.vstack([known.present, grey_present]), np.vstack([weight, grey_weight]).astype(np.float32)
