"""What a command has to say: words, and a table that people read or programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

Value = str | int | float | datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Sentences, then rows of as many values as there are columns."""

    words: list[str] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[Value]] = ()


def as_text(answer: Answer) -> str:
    """Return lines for people: numbers to the right, with separators."""
    lines = list(answer.words)
    if answer.rows:
        columns = list(zip(*answer.rows, strict=True))
        cells = [answer.columns, *([_text(value) for value in row] for row in answer.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        right = [all(isinstance(value, int | float | None) for value in column) for column in columns]
        lines += [""] if lines else []
        lines += [
            "  ".join(_placed(*cell) for cell in zip(row, widths, right, strict=True)).rstrip()
            for row in cells
        ]
    return "\n".join(lines)


def as_json(answer: Answer) -> str:
    """Return one line for programs: `words`, and `rows` as objects by column."""
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return json.dumps({"words": answer.words, "rows": rows}, default=datetime.isoformat)


def _text(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else value


def _placed(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
