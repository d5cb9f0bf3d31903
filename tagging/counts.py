"""Counts and covers beside the reverse index, and live photos by month; for the writer, under its lock."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from django.db.models import Count

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


@dataclass(slots=True)
class _Move:
    delta: int = 0
    gone: set[int] = field(default_factory=set)
    best: Cover | None = None


def update_tags(owner_id: int, *, gone: Iterable[TagRow], come: Mapping[TagRow, float]) -> None:
    """Bring counts and covers up to the reverse index, which has lost and gained these rows already."""
    moves = _moves(gone, come)
    if not moves:
        return
    known = {
        Counted(row.release_id, row.tag_id): row
        for row in TagCount.objects.filter(
            owner=owner_id,
            release__in={key.release_id for key in moves},
            tag__in={key.tag_id for key in moves},
        )
    }
    empty, full = [], []
    for key, move in moves.items():
        row = known.get(key) or TagCount(
            owner_id=owner_id, release_id=key.release_id, tag_id=key.tag_id, count=0
        )
        row.count += move.delta
        if row.count == 0:
            empty.append(row.pk)
            continue
        _choose_cover(row, move)
        full.append(row)
    if empty:
        TagCount.objects.filter(pk__in=empty).delete()
    TagCount.objects.bulk_create(
        full,
        update_conflicts=True,
        unique_fields=["owner", "release", "tag"],
        update_fields=["count", "cover", "cover_score"],
    )


def _moves(gone: Iterable[TagRow], come: Mapping[TagRow, float]) -> dict[Counted, _Move]:
    moves: dict[Counted, _Move] = defaultdict(_Move)
    for row in gone:
        move = moves[Counted(row.release_id, row.tag_id)]
        move.delta -= 1
        move.gone.add(row.photo_id)
    for row, score in come.items():
        move = moves[Counted(row.release_id, row.tag_id)]
        move.delta += 1
        move.best = max(filter(None, [move.best, Cover(score, row.photo_id)]))
    return dict(moves)


def _choose_cover(row: TagCount, move: _Move) -> None:
    if row.cover_id in move.gone:
        best = PhotoTag.objects.filter(owner=row.owner_id, release=row.release_id, tag=row.tag_id).order_by(
            "-score", "-photo_id"
        )
        score, photo_id = best.values_list("score", "photo_id")[0]
        row.cover_score, row.cover_id = score, photo_id
    elif move.best and (row.cover_id is None or move.best > Cover(row.cover_score, row.cover_id)):
        row.cover_score, row.cover_id = move.best


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


def count_tags(owner_id: int, release_id: int) -> dict[int, int]:
    """Count the reverse index itself: tag id -> rows."""
    rows = PhotoTag.objects.filter(owner=owner_id, release=release_id)
    return dict(rows.values_list("tag_id").annotate(n=Count("photo_id")))
