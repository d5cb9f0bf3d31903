"""Read a table of labelled photos: `path<TAB>tags[<TAB>labelling[<TAB>absent]]`, UTF-8, no quoting.

A header line that begins with `path` names the columns, and then further ones are passed over. `labelling` is
`exhaustive` (which is meant where it is left out: a tag that isn't given is absent) or `positive-only` (nothing
is known of tags that aren't given). `absent` lists tags that are certainly not there. Judged are the tags that the
table names anywhere, and those of a file TAGS.txt beside it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagging.evaluation.metrics import Truth
from tagging.vocabulary import Vocabulary

COLUMNS = ("path", "tags", "labelling", "absent")
EXHAUSTIVE, POSITIVE_ONLY = "exhaustive", "positive-only"
TAG_LIST = "TAGS.txt"
_MOST_TOLD = 20


class LabelsError(ValueError):
    """The table can't be used; the message says why, a line for each line at fault."""

    def __init__(self, problems: list[str]) -> None:
        more = len(problems) - _MOST_TOLD
        told = problems[:_MOST_TOLD] + ([f"... and {more} more"] if more > 0 else [])
        super().__init__("\n".join(told))


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Photos and what is known of them: `truth` int8 [n_photos, n_tags], -1 where nobody knows."""

    paths: list[Path]
    truth: Truth


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    path: str
    tags: frozenset[str]
    exhaustive: bool
    absent: frozenset[str]


def read_labels(file: Path, folder: Path, vocabulary: Vocabulary, *, ignore_unknown: bool = False) -> Labels:
    """Read what is in the photos of a folder, in a vocabulary's tags. Raises LabelsError, OSError.

    ignore_unknown: pass over labels that no tag of the vocabulary answers to.
    """
    problems: list[str] = []
    rows = list(_rows(_text_lines(file), problems))
    problems += _misplaced(rows, folder)
    named = frozenset[str]().union(*(row.tags | row.absent for row in rows))
    listed = _listed(file.with_name(TAG_LIST))
    slugs = {label: tag_for(vocabulary, label) for label in named | listed}
    if not ignore_unknown:
        problems += [
            f"line {row.line}: no tag answers to the label {label!r}"
            for row in rows
            for label in sorted(row.tags | row.absent)
            if slugs[label] is None
        ]
    if not rows and not problems:
        problems.append("the table has no photos")
    if problems:
        raise LabelsError(sorted(problems, key=_line_of))
    known = {label: slug for label, slug in slugs.items() if slug is not None}
    return Labels([folder / row.path for row in rows], _truth(rows, known, vocabulary))


def named_labels(file: Path) -> list[str]:
    """List the labels that a table names, in alphabetical order. Raises LabelsError, OSError."""
    problems: list[str] = []
    rows = list(_rows(_text_lines(file), problems))
    if problems:
        raise LabelsError(problems)
    return sorted(frozenset[str]().union(*(row.tags | row.absent for row in rows)))


def tag_for(vocabulary: Vocabulary, label: str) -> str | None:
    """Find the tag that a label names: by slug, by name, or as the synonym of one tag alone."""
    slugs = set(vocabulary.slugs)
    if label in slugs:
        return label
    named = vocabulary.named(label)
    meant = [named] if named in slugs else [slug for slug in vocabulary.meant(label) if slug in slugs]
    return meant[0] if len(meant) == 1 else None


def _text_lines(file: Path) -> list[str]:
    data = file.read_bytes()
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise LabelsError([f"line {line}: not UTF-8 (byte 0x{data[error.start]:02x})"]) from error


def _rows(lines: list[str], problems: list[str]) -> Iterator[_Row]:
    first = lines[0].split("\t") if lines else []
    has_header = first[:1] == ["path"]
    columns = first if has_header else list(COLUMNS)
    for number, line in enumerate(lines, 1):
        if not line.strip() or (has_header and number == 1):
            continue
        cells = dict(zip(columns, line.split("\t"), strict=False))
        labelling = cells.get("labelling", "") or EXHAUSTIVE
        if "tags" not in cells:
            problems.append(f"line {number}: no tab between the path and the tags")
        elif labelling not in (EXHAUSTIVE, POSITIVE_ONLY):
            problems.append(f"line {number}: labelling is {labelling!r}, not {EXHAUSTIVE} or {POSITIVE_ONLY}")
        else:
            yield _Row(
                number,
                cells["path"],
                _split(cells["tags"]),
                labelling == EXHAUSTIVE,
                _split(cells.get("absent", "")),
            )


def _split(cell: str) -> frozenset[str]:
    return frozenset(filter(None, (label.strip() for label in cell.split(","))))


def _misplaced(rows: Iterable[_Row], folder: Path) -> Iterator[str]:
    """Complain of photos that are missing, outside of the folder or there twice, and of contradictions."""
    lines: dict[str, int] = {}
    for row in rows:
        if row.path in lines:
            yield f"line {row.line}: {row.path} is there already, in line {lines[row.path]}"
        elif Path(row.path).is_absolute() or ".." in Path(row.path).parts:
            yield f"line {row.line}: {row.path} is outside of the folder"
        elif not (folder / row.path).is_file():
            yield f"line {row.line}: there is no photo {row.path}"
        lines.setdefault(row.path, row.line)
        if both := sorted(row.tags & row.absent):
            yield f"line {row.line}: present and absent at once: {', '.join(both)}"


def _listed(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    lines = file.read_text("utf-8").splitlines()
    return frozenset(filter(None, (line.split(":")[0].strip() for line in lines)))


def _truth(rows: list[_Row], slugs: dict[str, str], vocabulary: Vocabulary) -> Truth:
    """Write present, absent and unknown; a tag brings its parents along."""
    column = {slug: i for i, slug in enumerate(vocabulary.slugs)}
    judged = sorted({column[slug] for slug in slugs.values()})
    truth = np.full((len(rows), len(column)), -1, np.int8)
    for i, row in enumerate(rows):
        if row.exhaustive:
            truth[i, judged] = 0
        for label in row.absent & slugs.keys():
            truth[i, column[slugs[label]]] = 0
        for label in row.tags & slugs.keys():
            for slug in (slugs[label], *vocabulary.ancestors(slugs[label])):
                if column[slug] in judged:
                    truth[i, column[slug]] = 1
    return truth


def _line_of(problem: str) -> tuple[int, str]:
    number = problem.removeprefix("line ").split(":")[0]
    return (int(number) if number.isdigit() else 0), problem
