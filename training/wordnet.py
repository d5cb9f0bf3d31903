"""Read WordNet 3.0's noun database (format: wndb(5WN)) and the ImageNet classes that point into it."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WORDNET = Path("/usr/share/wordnet")  # where Debian's package wordnet-base puts data.noun
CLASSES = Path(__file__).with_name("ilsvrc2012.tsv")


@dataclass(frozen=True, slots=True)
class Synset:
    """Nouns with one meaning. `offset` is its place in data.noun and the number in an ImageNet wnid."""

    offset: str
    lemmas: tuple[str, ...]
    hypernyms: tuple[str, ...]


@cache
def read_nouns(folder: Path = WORDNET) -> dict[str, Synset]:
    """Read all noun synsets by offset."""
    lines = (folder / "data.noun").read_text("ascii").splitlines()
    return {synset.offset: synset for synset in map(_synset, lines) if synset is not None}


def _synset(line: str) -> Synset | None:
    if line.startswith("  "):  # the licence at the head of the file
        return None
    words = line.split(" | ")[0].split()
    pointers_at = 4 + 2 * int(words[3], 16)  # each word is followed by its lex_id
    lemmas = tuple(word.replace("_", " ") for word in words[4:pointers_at:2])
    pointers = words[pointers_at + 1 : pointers_at + 1 + 4 * int(words[pointers_at])]
    links = zip(pointers[0::4], pointers[1::4], pointers[2::4], strict=True)
    hypernyms = tuple(offset for symbol, offset, part in links if symbol in ("@", "@i") and part == "n")
    return Synset(words[0], lemmas, hypernyms)


def read_classes(path: Path = CLASSES) -> tuple[str, ...]:
    """Read the WordNet offsets of the 1,000 ILSVRC-2012 classes, in class order."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    offsets = tuple(row["wnid"].removeprefix("n") for row in rows)
    assert len(offsets) == 1000
    assert list(offsets) == sorted(offsets)
    return offsets


def line_of(offset: str, nouns: dict[str, Synset]) -> set[str]:
    """Collect a synset's own offset and those of all its hypernyms."""
    line, open_ends = set(), [offset]
    while open_ends:
        here = open_ends.pop()
        if here not in line:
            line.add(here)
            open_ends.extend(nouns[here].hypernyms)
    return line
