"""Score stored embeddings with the whole everyday vocabulary, beside bare matrix products of the same shapes.

Both take the same float16 rows, chunk by chunk, in turns. The bare products are the ones that scoring can't do
without: embeddings by the classifier, embeddings by the heads, class probabilities by the roll-up and by the heads.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common import MODELS, median, report
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tagging.ml.encoder import read_head
from tagging.ml.install import install
from tagging.ml.registry import DEFAULT_ENCODER, ENCODERS
from tagging.vocabulary import N_CLASSES, load_everyday

CHUNK = 1_000  # as many as fit a processor's cache, for both

Rows = NDArray[np.float16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embeddings", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoder", default=DEFAULT_ENCODER, choices=list(ENCODERS))
    args = parser.parse_args()
    threadpool_limits(limits=1, user_api="blas")  # as in a worker (tagging/ml/session.py)
    rows = made_up(CHUNK)
    ours, bare = scorer(args.encoder), products(args.encoder)
    ours(rows[:256]), bare(rows[:256])
    ours_s: list[float] = []
    bare_s: list[float] = []
    for _ in range(args.rounds):
        taken = [0.0, 0.0]
        for start in range(0, args.embeddings, CHUNK):
            chunk = rows[: min(CHUNK, args.embeddings - start)]
            for i, act in enumerate((ours, bare)):
                began = time.perf_counter()
                act(chunk)
                taken[i] += time.perf_counter() - began
        ours_s.append(taken[0])
        bare_s.append(taken[1])
    report(
        "heads",
        {
            "embeddings": args.embeddings,
            "tags": len(load_everyday(args.encoder).tags),
            "embeddings_per_s": args.embeddings / median(ours_s),
            "bare_per_s": args.embeddings / median(bare_s),
            "ratio": median([b / o for o, b in zip(ours_s, bare_s, strict=True)]),
        },
    )


def made_up(n: int) -> Rows:
    """Return rows that look like pooled activations: none below zero, most of them small."""
    return np.random.default_rng(0).exponential(0.4, (n, 1280)).astype(np.float16)


def scorer(encoder: str) -> Callable[[Rows], object]:
    """Score as a tagger does, without putting the results into objects."""
    head = read_head(install(ENCODERS[encoder], MODELS))
    vocabulary = load_everyday(encoder)

    def act(rows: Rows) -> object:
        scores = vocabulary.score(head.logits(rows), rows)
        return vocabulary.present(scores, encoder)

    return act


def products(encoder: str) -> Callable[[Rows], object]:
    """Multiply matrices of the same shapes, and nothing else."""
    n_tags, d = len(load_everyday(encoder).tags), ENCODERS[encoder].dimensions
    rng = np.random.default_rng(1)
    first = rng.normal(size=(d, N_CLASSES + n_tags)).astype(np.float32)
    second = rng.normal(size=(N_CLASSES, 2 * n_tags)).astype(np.float32)

    def act(rows: Rows) -> object:
        classes = rows.astype(np.float32) @ first
        return classes[:, :N_CLASSES] @ second

    return act


if __name__ == "__main__":
    main()
