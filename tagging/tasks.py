"""Celery's face: ids in, one service called. Running a task twice is running it once."""

import time

from celery import shared_task

from tagging import services, sweeping

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
    annotate.delay_on_commit(owner_id)  # type: ignore[attr-defined]  # the stubs don't know Celery's Django task


@shared_task
def compact_index(owner_id: int) -> None:
    """Fold what is new in a corpus into its similarity index."""
    sweeping.compact(owner_id)


@shared_task
def sweep() -> None:
    """Find what lost hints left undone."""
    for owner_id in sweeping.sweep_changed():
        compact_index.delay(owner_id)
    for owner_id in sweeping.owners_with_work():
        annotate.delay(owner_id)
