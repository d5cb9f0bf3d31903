"""Celery's face: ids in, one service called. Running a task twice is running it once."""

import logging
import time

from celery import Task, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from tagging import services, sweeping

logger = logging.getLogger(__name__)

SLICE_S = 2.0  # then others get their turn


@shared_task(autoretry_for=(OSError,), retry_backoff=2, retry_backoff_max=60, max_retries=5)
def annotate(owner_id: int) -> None:
    """Drain a corpus's outstanding photos, newest first, for a short while; then queue up again."""
    until = time.monotonic() + SLICE_S
    while services.annotate_some(owner_id):
        if time.monotonic() > until:
            annotate.delay(owner_id)
            return
    if sweeping.is_due(owner_id):
        compact_index.delay(owner_id)


def hint(owner_id: int) -> None:
    """Say after the commit that a corpus has outstanding photos; a lost hint only costs time."""
    transaction.on_commit(lambda: hint_now(owner_id), robust=True)


def hint_now(owner_id: int) -> None:
    """Say that a corpus has outstanding photos."""
    _send(annotate, owner_id)


def hint_index(owner_id: int) -> None:
    """Say that a corpus lacks its similarity index."""
    _send(compact_index, owner_id)


def _send(task: "Task[[int], None]", owner_id: int) -> None:
    """What is committed stands, broker or not."""
    try:
        task.apply_async((owner_id,), retry=False)
    except OperationalError:
        logger.warning("the broker does not answer; the sweep will find the work", extra={"owner": owner_id})


@shared_task
def compact_index(owner_id: int) -> None:
    """Fold what is new in a corpus into its similarity index."""
    sweeping.compact(owner_id)


@shared_task
def sweep() -> None:
    """Find what lost hints left undone."""
    known = set(sweeping.owners_with_work())
    for owner_id in known:
        annotate.delay(owner_id)
    for owner_id in sweeping.sweep_changed():
        compact_index.delay(owner_id)
    for owner_id in set(sweeping.owners_with_work()) - known:
        annotate.delay(owner_id)
