"""Counts and covers beside the reverse index, and live photos by month; for the writer, under its lock."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from django.db import connection

from tagging.models import MonthCount, PhotoTag, TagCount
from tagging.published import TagRow


class Counted(NamedTuple):
    """What a TagCount row belongs to, below its owner."""

    release_id: int
    tag_id: int


class Cover(NamedTuple):
    """Covers compare by score, then the newer upload wins."""

    score: float
    photo_id: int


class Gain(NamedTuple):
    """So many rows more of a tag, and the best of them."""

    counted: Counted
    rows: int
    best: Cover


@dataclass(slots=True)
class _Move:
    delta: int = 0
    gone: set[int] = field(default_factory=set)
    best: Cover | None = None


def update_tags(
    owner_id: int,
    *,
    gone: Iterable[TagRow],
    come: Mapping[TagRow, float],
    gains: Iterable[Gain] = (),
    shared: int | None = None,
    version: int,
) -> None:
    """Bring counts and covers up to the reverse index, which has lost and gained these rows already.

    The caller holds the corpus. gains: rows beside `come`, summed up. shared: the release that is filling, whose
    counts other transactions add to at the same time; where nothing of it goes, they are added to in one
    statement, otherwise all of them are locked first. version: of the corpus with this change, which every tag
    whose rows changed carries from now on.
    """
    moves = _moves(gone, come, gains)
    mine = {key: move for key, move in moves.items() if key.release_id != shared}
    _settle(owner_id, mine, _known(owner_id, mine), version)
    growing = {key: move for key, move in moves.items() if key.release_id == shared}
    if any(move.gone for move in growing.values()):
        _add(owner_id, {key: _nothing_of(move) for key, move in growing.items()}, version)
        _settle(owner_id, growing, _known(owner_id, growing), version, keep_empty=True)
    elif growing:
        _add(owner_id, growing, version)


def _nothing_of(move: _Move) -> _Move:
    """Return what locks a count, or makes one of no rows, whose cover is worse than any other."""
    return _Move(best=Cover(-1.0, move.best.photo_id if move.best else min(move.gone)))


def _known(owner_id: int, moves: Mapping[Counted, _Move]) -> dict[Counted, TagCount]:
    if not moves:
        return {}
    rows = TagCount.objects.filter(
        owner=owner_id,
        release__in={key.release_id for key in moves},
        tag__in={key.tag_id for key in moves},
    )
    found = {Counted(row.release_id, row.tag_id): row for row in rows}
    return {key: found[key] for key in moves if key in found}


def _settle(
    owner_id: int,
    moves: Mapping[Counted, _Move],
    known: Mapping[Counted, TagCount],
    version: int,
    *,
    keep_empty: bool = False,
) -> None:
    """Write counts that nobody else writes now."""
    empty, full = [], []
    for key, move in moves.items():
        row = known.get(key) or TagCount(
            owner_id=owner_id, release_id=key.release_id, tag_id=key.tag_id, count=0
        )
        row.count += move.delta
        if row.count == 0 and not keep_empty:
            empty.append(row.pk)
            continue
        _choose_cover(row, move)
        row.version = version
        full.append(row)
    if empty:
        TagCount.objects.filter(pk__in=empty).delete()
    TagCount.objects.bulk_create(
        full,
        update_conflicts=True,
        unique_fields=["owner", "release", "tag"],
        update_fields=["count", "cover", "cover_score", "version"],
    )


# A cover is better by score, then by being the newer upload.
_ADD = """
INSERT INTO tagging_tagcount (owner_id, release_id, tag_id, count, cover_id, cover_score, version)
VALUES {rows}
ON CONFLICT (owner_id, release_id, tag_id) DO UPDATE SET
  count = tagging_tagcount.count + excluded.count,
  cover_id = CASE WHEN {better} THEN excluded.cover_id ELSE tagging_tagcount.cover_id END,
  cover_score = CASE WHEN {better} THEN excluded.cover_score ELSE tagging_tagcount.cover_score END,
  version = excluded.version
"""
_BETTER = (
    "(tagging_tagcount.count = 0 OR (excluded.cover_score, excluded.cover_id)"
    " > (tagging_tagcount.cover_score, tagging_tagcount.cover_id))"
)


def _add(owner_id: int, moves: Mapping[Counted, _Move], version: int) -> None:
    """Add to counts that others add to as well: one statement, in the order of the keys, so none waits in a ring."""
    values: list[float] = []
    for key, move in sorted(moves.items()):
        assert move.best is not None  # noqa: S101 - what only grows has something that came
        values += [owner_id, *key, move.delta, move.best.photo_id, move.best.score, version]
    sql = _ADD.format(rows=", ".join(["(%s, %s, %s, %s, %s, %s, %s)"] * len(moves)), better=_BETTER)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def _moves(
    gone: Iterable[TagRow], come: Mapping[TagRow, float], gains: Iterable[Gain]
) -> dict[Counted, _Move]:
    moves: dict[Counted, _Move] = defaultdict(_Move)
    for row in gone:
        move = moves[Counted(row.release_id, row.tag_id)]
        move.delta -= 1
        move.gone.add(row.photo_id)
    for row, score in come.items():
        move = moves[Counted(row.release_id, row.tag_id)]
        move.delta += 1
        move.best = max(filter(None, [move.best, Cover(score, row.photo_id)]))
    for gain in gains:
        move = moves[gain.counted]
        move.delta += gain.rows
        move.best = max(filter(None, [move.best, gain.best]))
    return dict(moves)


def _choose_cover(row: TagCount, move: _Move) -> None:
    if row.count == 0:  # the next photo that comes is the cover
        row.cover_score = 0.0
    elif row.cover_id in move.gone:
        best = PhotoTag.objects.filter(owner=row.owner_id, release=row.release_id, tag=row.tag_id).order_by(
            "-score", "-photo_id"
        )
        score, photo_id = best.values_list("score", "photo_id")[0]
        row.cover_score, row.cover_id = score, photo_id
    elif move.best and (row.cover_id is None or move.best > Cover(row.cover_score, row.cover_id)):
        row.cover_score, row.cover_id = move.best


def drop_empty(owner_id: int, release_id: int) -> None:
    """Remove the zeros of a release that was filling; the caller holds the whole corpus."""
    TagCount.objects.filter(owner=owner_id, release=release_id, count=0).delete()


def update_months(owner_id: int, *, before: Counter[date], after: Counter[date]) -> None:
    """Add to each month what the changed photos contribute now beyond what they did before."""
    deltas = {m: after[m] - before[m] for m in before.keys() | after.keys() if after[m] != before[m]}
    if not deltas:
        return
    known = dict(MonthCount.objects.filter(owner=owner_id, month__in=deltas).values_list("month", "count"))
    totals = {month: known.get(month, 0) + delta for month, delta in deltas.items()}
    empty = [month for month, total in totals.items() if total == 0]
    MonthCount.objects.filter(owner=owner_id, month__in=empty).delete()
    MonthCount.objects.bulk_create(
        [MonthCount(owner_id=owner_id, month=month, count=total) for month, total in totals.items() if total],
        update_conflicts=True,
        unique_fields=["owner", "month"],
        update_fields=["count"],
    )
