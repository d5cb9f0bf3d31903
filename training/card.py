"""Write the cards that the releases come with, and the tables of docs/model-card.md, whose text is written by hand."""

import json
import tomllib
from pathlib import Path
from typing import Any

from tagging.cards import Card, CardTag, Evidence, Interval, Measured, Origin, card_name
from training.features import ROOT
from training.selection import BOUND, LEAST_RECALL, LEAST_RIGHT, LEAST_UNSEEN, SEEN_BY_ENCODERS

PAGE = ROOT / "docs" / "model-card.md"
DATA = ROOT / "tagging" / "data"
WORDS = Path(__file__).with_name("origins.toml")
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
BORROWED = (
    "Few photos with it could judge: it stands on its false alarms, and on how often like tags are found."
)
_JUDGED = {
    "calib": ("BSDS500, by folds", 500),
    "roll": ("The demo roll", 82),
    "flickr8k": ("Flickr8k, by heads without it", 1000),
}
_FIGURES = {
    "micro_precision": "precision over shown tags",
    "micro_recall": "recall over shown tags",
    "macro_ap": "mean AP, all judged tags",
    "macro_ap_shown": "mean AP, shown tags",
    "ece": "calibration error, all tags",
    "ece_shown": "calibration error, shown tags",
}


def write_cards(results: dict[str, dict[str, Any]]) -> None:
    """Write a card for each encoder's release, and replace what stands between the two marks of the page."""
    for name, result in results.items():
        facts = json.dumps(card(result).to_facts(), indent=1, ensure_ascii=False)
        (DATA / card_name(name)).write_text(facts + "\n", "utf-8")
    text = PAGE.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    parts = [_overall(results), *(_tags(name, one) for name, one in results.items())]
    PAGE.write_text(f"{before}{BEGIN}\n{chr(10).join(parts)}\n{END}{after}", "utf-8")


def card(result: dict[str, Any]) -> Card:
    """Put a release's figures into words."""
    words = tomllib.loads(WORDS.read_text("utf-8"))
    return Card(
        summary=words["summary"],
        licence=words["licence"],
        origins=tuple(Origin(**one) for one in words["origin"]),
        measured=tuple(_measured(*_JUDGED[key], result[key]) for key in _JUDGED),
        tags=tuple(_card_tag(row) for row in result["tags"]),
        failures=tuple(words["failures"]),
    )


def _measured(on: str, photos: int, figures: dict[str, Any]) -> Measured:
    keys = ("micro_precision", "micro_recall", "macro_ap", "ece")
    precision, recall, ap, error = (Interval(**figures[key]) for key in keys)
    return Measured(on, photos, precision, recall, ap, error)


def _card_tag(row: dict[str, Any]) -> CardTag:
    evidence = tuple(Evidence(source, *counts) for source, counts in row["evidence"].items())
    return CardTag(
        slug=row["tag"],
        shown=row["shown"],
        threshold=row["threshold"],
        precision=row["precision"],
        low=row["precision_low"],
        recall=row["recall"],
        evidence=evidence,
        why=_why(row) if not row["shown"] else BORROWED if row["borrowed"] else "",
    )


def _why(row: dict[str, Any]) -> str:
    """Say why a tag is not shown."""
    right, wrong, missed = (sum(counts[i] for counts in row["evidence"].values()) for i in range(3))
    if right + missed == 0:
        return "No photo with it is in a source that did not train it."
    known = row["evidence"].get(SEEN_BY_ENCODERS, [0])[0]
    if right and right - known < LEAST_UNSEEN:
        return f"All that it finds ({right} of {right + missed} photos) trained the encoder: nothing unseen proves it."
    if right < LEAST_RIGHT:
        return f"Of {right + missed} photos with it that could judge, it finds {right} for certain: too few."
    if row["recall"] < LEAST_RECALL:
        return f"It finds {right} of {right + missed} photos: too few to be of use."
    if row["precision_low"] < BOUND:
        return f"{right} right and {wrong} wrong: its precision may be as low as {row['precision_low']:.2f}."
    return f"{right} right and {wrong} wrong: not right often enough."


def _overall(results: dict[str, dict[str, Any]]) -> str:
    columns = [(name, part) for name in results for part in _JUDGED]
    head = (
        "| | " + " | ".join(f"{name.removeprefix('efficientnet-')}, {part}" for name, part in columns) + " |"
    )
    lines = [head, "| --- |" + " --- |" * len(columns)]
    for key, words in _FIGURES.items():
        cells = (results[name][part][key] for name, part in columns)
        lines.append(f"| {words} | " + " | ".join(map(_interval, cells)) + " |")
    return "\n".join(lines) + "\n"


def _interval(one: dict[str, float]) -> str:
    return f"{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})"


def _tags(name: str, result: dict[str, Any]) -> str:
    shown = [row for row in result["tags"] if row["shown"]]
    hidden = [row for row in result["tags"] if not row["shown"]]
    lines = [
        f"### {name}: {len(shown)} tags shown, {len(hidden)} not\n",
        "| tag | from | precision | at least | recall | AP | right/wrong/missed by source |",
        "| --- |" + " --- |" * 6,
        *map(_row, shown),
        "\n| unshown | why |",
        "| --- | --- |",
        *(f"| {row['tag']} | {_why(row)} |" for row in hidden),
    ]
    return "\n".join(lines) + "\n"


def _row(row: dict[str, Any]) -> str:
    evidence = ", ".join(f"{source} {r}/{w}/{m}" for source, (r, w, m) in row["evidence"].items())
    evidence += "; recall of like tags" if row["borrowed"] else ""
    ap = " ".join(f"{source} {value:.2f}" for source, value in row["ap"].items() if value is not None)
    return (
        f"| {row['tag']} | {row['threshold']:.2f} | {row['precision']:.2f} | {row['precision_low']:.2f} "
        f"| {row['recall']:.2f} | {ap} | {evidence} |"
    )
