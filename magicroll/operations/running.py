"""Carry operations out, part after part. The parts are the ledger: whoever is killed, the next one goes on.

A part is applied in one corpus change together with the note of what its photos were before, so that applying it
twice is applying it once. Locks are taken in the order of the writer: corpus, operation, photos.
"""

import time
from datetime import timedelta

import numpy as np
from django.db.models import Q
from django.utils import timezone

from magicroll.models import Operation, OperationPart, Photo
from magicroll.operations.acts import act_of
from tagging.models import Corpus
from tagging.services import corpus_change

UNDO_FOR = timedelta(minutes=15)
LEASE = timedelta(seconds=60)  # of a worker; renewed with each part
_ID_BYTES = 8
KEPT_FOR = timedelta(days=1)  # finished operations, to be seen by their owner

_NEXT = {
    Operation.State.RUNNING.value: OperationPart.State.WAITING,
    Operation.State.UNDOING.value: OperationPart.State.APPLIED,
}


def run_some(operation_id: int, *, until: float) -> bool:
    """Carry out parts of an operation until a moment of the monotonic clock, in seconds; one in any case.

    Returns whether there is more to do. One that another worker is at, or that is gone, is left alone.
    """
    if not _claim(operation_id):
        return False
    while _one_part(operation_id):
        if time.monotonic() >= until:
            Operation.objects.filter(pk=operation_id).update(claimed_until=None)
            return True
    return False


def outstanding() -> list[int]:
    """Return operations that nobody is at."""
    return list(Operation.objects.filter(_free()).order_by("id").values_list("id", flat=True))


def tidy() -> int:
    """Forget operations that ended long ago, with what would undo them; return how many rows went."""
    ended = Operation.objects.exclude(state__in=list(_NEXT))
    return ended.filter(finished_at__lt=timezone.now() - KEPT_FOR).delete()[0]


def _free() -> Q:
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
    return Q(state__in=list(_NEXT)) & free


def _claim(operation_id: int) -> bool:
    mine = Operation.objects.filter(_free(), pk=operation_id)
    return mine.update(claimed_until=timezone.now() + LEASE) == 1


def _one_part(operation_id: int) -> bool:
    """Apply or undo the next part; False where there is none, and the operation has ended."""
    owner_id = Operation.objects.filter(pk=operation_id).values_list("owner_id", flat=True).first()
    if owner_id is None:
        return False
    try:
        with corpus_change(owner_id) as change:
            operation = Operation.objects.select_for_update().filter(pk=operation_id).first()
            if operation is None or operation.state not in _NEXT:
                return False
            part = operation.parts.filter(state=_NEXT[operation.state]).order_by("number").first()
            if part is None:
                _end(operation)
                return False
            photos = change.touch(np.frombuffer(part.photo_ids, "<i8").tolist())
            _carry_out(operation, part, photos)
    except Corpus.DoesNotExist:  # the account was deleted meanwhile
        return False
    return True


def _carry_out(operation: Operation, part: OperationPart, photos: dict[int, Photo]) -> None:
    """Apply or undo a part, and note it; operation and photos are locked, the photos touched."""
    act = act_of(operation)
    if operation.state == Operation.State.RUNNING:
        part.before = act.apply(operation, photos)
        part.state = OperationPart.State.APPLIED
        operation.seen += len(part.photo_ids) // _ID_BYTES
        operation.changed += len(part.before)
    else:
        operation.put_back += act.put_back(operation, photos, part.before or {})
        part.state = OperationPart.State.UNDONE
    part.save(update_fields=["state", "before"])
    operation.claimed_until = timezone.now() + LEASE
    operation.save(update_fields=["seen", "changed", "put_back", "claimed_until"])


def _end(operation: Operation) -> None:
    """Close an operation without parts to do; the row is locked."""
    now = timezone.now()
    operation.claimed_until = None
    if operation.state == Operation.State.UNDOING:
        operation.state = Operation.State.UNDONE
    else:
        operation.state, operation.finished_at = Operation.State.DONE, now
        if operation.kind != Operation.Kind.DELETE:
            operation.undo_until = now + UNDO_FOR
    operation.save(update_fields=["state", "finished_at", "undo_until", "claimed_until"])
