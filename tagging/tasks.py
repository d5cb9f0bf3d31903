"""Celery's face: ids in, one service called. Running a task twice is running it once."""

import logging
import time

from celery import Task, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from tagging import own_tags, republishing, services, sweeping
from tagging.models import CorpusRefill, Refill
from tagging.refill import automatic, cleaning, filling

logger = logging.getLogger(__name__)

SLICE_S = 2.0  # then others get their turn
FILL_SLICE_S = 5.0
FILL_EXPIRES_S = 55  # before the next sweep
FILL_HINTS = 4  # a minute; each keeps one worker of the bulk queue busy as long as there is work


@shared_task(autoretry_for=(OSError,), retry_backoff=2, retry_backoff_max=60, max_retries=5)
def annotate(owner_id: int) -> None:
    """Drain a corpus's outstanding photos, newest first, for a short while; then queue up again."""
    until = time.monotonic() + SLICE_S
    if services.annotate_some(owner_id, until=until) and time.monotonic() > until:
        annotate.delay(owner_id)
        return
    if sweeping.is_due(owner_id):
        compact_index.delay(owner_id)


@shared_task(autoretry_for=(OSError,), retry_backoff=2, retry_backoff_max=60, max_retries=5)
def settle_own_tags(owner_id: int) -> None:
    """Give a person's own tags to their photos for a short while; then queue up again."""
    if not own_tags.settle(owner_id, time.monotonic() + SLICE_S):
        settle_own_tags.delay(owner_id)


@shared_task
def follow_wishes(owner_id: int) -> None:
    """Let a person's photos follow their wishes for a short while, and what they forgot go; then queue up again."""
    until = time.monotonic() + SLICE_S
    if not republishing.carry_out(owner_id, until) or not own_tags.forget_some(owner_id, until):
        follow_wishes.delay(owner_id)


def hint_wishes(owner_id: int) -> None:
    """Say that photos have yet to follow their owner's wishes."""
    _send(follow_wishes, owner_id)


def hint_own_tags(owner_id: int) -> None:
    """Say that own tags have yet to be given to photos."""
    _send(settle_own_tags, owner_id)


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


@shared_task(autoretry_for=(OSError,), retry_backoff=2, retry_backoff_max=60, max_retries=5)
def fill() -> None:
    """Work at refills for a short while, behind fresh uploads; then queue up again."""
    if filling.fill_some(time.monotonic() + FILL_SLICE_S):
        _fill_later()


def hint_refill() -> None:
    """Say after the commit that a refill has work."""
    transaction.on_commit(lambda: _fill_later(), robust=True)


def _fill_later() -> None:
    """A hint that nobody takes up in time is worth nothing: the next sweep sends another one."""
    try:
        fill.apply_async(expires=FILL_EXPIRES_S, retry=False)
    except OperationalError:
        logger.warning("the broker does not answer; the sweep will find the work")


@shared_task
def clean() -> None:
    """Remove what no reader can reach any more."""
    if cleaning.clean_some(time.monotonic() + FILL_SLICE_S):
        clean.apply_async(expires=FILL_EXPIRES_S)


@shared_task
def turn_automatic(owner_id: int) -> None:
    """Carry out that automatic tags were turned off or on, for a short while; then queue up again."""
    until = time.monotonic() + SLICE_S
    if automatic.remove_some(owner_id, until) or automatic.note_some(owner_id, until):
        turn_automatic.delay(owner_id)
        return
    sweeping.bring_back(owner_id)
    hint_now(owner_id)


def hint_automatic(owner_id: int) -> None:
    """Say after the commit that automatic tags were turned off or on."""
    transaction.on_commit(lambda: _send(turn_automatic, owner_id), robust=True)


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
    for owner_id in own_tags.owners_with_work():
        settle_own_tags.delay(owner_id)
    for owner_id in {*republishing.owners_with_work(), *own_tags.owners_forgetting()}:
        follow_wishes.delay(owner_id)
    for owner_id in sweeping.owners_turning():
        turn_automatic.delay(owner_id)
    filling.end_what_is_over()
    open_ = CorpusRefill.objects.filter(
        state__in=(CorpusRefill.State.WAITING, CorpusRefill.State.FILLING), refill__state=Refill.State.RUNNING
    )
    for _ in range(min(FILL_HINTS, open_.count())):
        _fill_later()
    if cleaning.is_due():
        clean.apply_async(expires=FILL_EXPIRES_S)
