"""Say how often the vocabulary's tags are right on photos with exhaustive labels.

    .venv/bin/python -m training.measure_vocabulary efficientnet-lite2 logits.npz labels.tsv TAGS.txt

logits.npz has `paths` [n] and `logits` float32 [n, 1000]; labels.tsv has the columns `path` and `tags`
(comma separated); a tag of TAGS.txt ("tag: rule" a line) that is not given is absent. A tag of ours that
the labels don't know under its own slug is measured against what it implies (LABELS) or left out.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from tagging.vocabulary import load_builtin

LABELS = {
    "person": "people", "sport": "sports", "diving": "underwater", "sailing-boat": "boat", "ship": "boat",
    "canoe": "boat", "pier": "water", "coral-reef": "underwater", "butterfly": "insect", "spider": "insect",
    "turtle": "reptile", "snake": "reptile", "lizard": "reptile", "duck": "bird", "penguin": "bird",
    "bird-of-prey": "bird", "wading-bird": "bird", "castle": "building", "temple": "building",
    "lighthouse": "building", "cliff": "rock", "valley": "landscape", "skiing": "sports", "music": "concert",
    "big-cat": "wild-animal", "bear": "wild-animal", "elephant": "wild-animal", "wolf": "wild-animal",
    "deer-and-antelope": "wild-animal",
}  # fmt: skip


def main(encoder: str, logits_file: Path, labels_file: Path, tags_file: Path) -> None:
    """Print a Markdown table: photos tagged, right among them, and photos that have the thing."""
    vocabulary = load_builtin()
    with labels_file.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        labels = {row["path"]: set(row["tags"].split(",")) for row in rows}
    with np.load(logits_file) as archive:
        known = [i for i, path in enumerate(archive["paths"]) if path in labels]
        truth = [labels[archive["paths"][i]] for i in known]
        shown = vocabulary.present(vocabulary.score(archive["logits"][known]), encoder)
    judged = {line.split(":")[0] for line in tags_file.read_text("utf-8").splitlines()}
    sums = {"animals": [0, 0], "all else": [0, 0]}
    print(f"{encoder}: {shown.any(axis=1).mean():.0%} of {len(known)} photos tagged\n")
    print("| tag | label | shown | right | have it |\n| --- | --- | --- | --- | --- |")
    for column, slug in enumerate(vocabulary.slugs):
        label = LABELS.get(slug, slug)
        if label not in judged or not shown[:, column].any():
            continue
        has = np.array([label in tags for tags in truth])
        hits = int((shown[:, column] & has).sum())
        part = sums["animals" if vocabulary.category_of(slug) == "animals" else "all else"]
        part[0], part[1] = part[0] + hits, part[1] + int(shown[:, column].sum())
        print(f"| {slug} | {label} | {shown[:, column].sum()} | {hits} | {has.sum()} |")
    for name, (right, total) in sums.items():
        print(f"\n{name}: {right} of {total} right ({right / total:.1%})")


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:5]))
