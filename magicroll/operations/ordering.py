"""What a person can order: begin, stop, undo. Small ones are carried out at once."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from magicroll.models import Operation, OperationPart, User
from magicroll.operations.running import UNDO_FOR, run_some
from magicroll.operations.selecting import Selection, chosen_ids
from magicroll.services import PHOTOS_PER_CHANGE

AT_ONCE = PHOTOS_PER_CHANGE  # photos: one change, done before the answer; what is larger goes to the worker


class NothingSelected(ValueError):
    """None of the selected photos is this person's (any more)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to do; of the others each kind has what it needs. tag_id: one that this person may use."""

    kind: Operation.Kind
    tag_id: int | None = None
    shift_s: int | None = None
    date: dt.date | None = None
    time: dt.time | None = None


def begin(user: User, order: Order, selection: Selection) -> Operation:
    """Freeze a selection and begin with it; return the operation, done where it is small.

    Raises NothingSelected, selecting.UnknownPlace.
    """
    given_at = timezone.now()
    with transaction.atomic():
        ids = chosen_ids(user, selection)
        if not ids:
            raise NothingSelected
        operation = Operation.objects.create(
            owner=user,
            kind=order.kind,
            tag_id=order.tag_id,
            shift_s=order.shift_s,
            date=order.date,
            time=order.time,
            total=len(ids),
            given_at=given_at,
        )
        OperationPart.objects.bulk_create(_parts(operation, ids), batch_size=200)
    return _at_once(operation, len(ids))


def stop(operation: Operation) -> Operation:
    """Apply no more parts of an operation; what it has done stays, and can be undone. Stopping twice is fine."""
    now = timezone.now()
    Operation.objects.filter(pk=operation.pk, state=Operation.State.RUNNING).update(
        state=Operation.State.STOPPED, finished_at=now, undo_until=now + UNDO_FOR, claimed_until=None
    )
    operation.refresh_from_db()
    return operation


def undo(operation: Operation) -> Operation:
    """Begin to put back what an operation changed; one that still runs goes no further.

    Whose time for it has run out, and what was deleted for good, stays as it is.
    """
    now = timezone.now()
    in_time = Q(state__in=(Operation.State.DONE, Operation.State.STOPPED), undo_until__gt=now)
    ours = Operation.objects.filter(in_time | Q(state=Operation.State.RUNNING), pk=operation.pk)
    ours.exclude(kind=Operation.Kind.DELETE).update(
        state=Operation.State.UNDOING, finished_at=now, claimed_until=None
    )
    operation.refresh_from_db()
    return _at_once(operation, operation.changed)


def _parts(operation: Operation, ids: Sequence[int]) -> list[OperationPart]:
    return [
        OperationPart(
            operation=operation,
            number=number,
            photo_ids=np.array(ids[start : start + PHOTOS_PER_CHANGE], "<i8").tobytes(),
        )
        for number, start in enumerate(range(0, len(ids), PHOTOS_PER_CHANGE))
    ]


def _at_once(operation: Operation, photos: int) -> Operation:
    """Carry out what is small enough for an answer to wait for it."""
    if operation.is_working and photos <= AT_ONCE:
        run_some(operation.pk, until=time.monotonic() + 60)
        operation.refresh_from_db()
    return operation
