"""Operations over many photos; housekeeping, hourly. Running it twice is running it once."""

import logging
import shutil
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from magicroll import operations, services, storage
from magicroll.models import User

logger = logging.getLogger(__name__)

LEFTOVER_S = 24 * 3600
SLICE_S = 2.0  # then others get their turn


@shared_task
def operate(operation_id: int) -> None:
    """Carry out an operation over many photos for a short while; then queue up again."""
    if operations.run_some(operation_id, until=time.monotonic() + SLICE_S):
        operate.delay(operation_id)


@shared_task
def operate_on_all() -> None:
    """Find operations that lost hints or killed workers left undone."""
    for operation_id in operations.outstanding():
        operate.delay(operation_id)


def hint_operation(operation_id: int) -> None:
    """Say after the commit that an operation has work; a lost hint only costs time."""
    transaction.on_commit(lambda: _send(operation_id), robust=True)


def _send(operation_id: int) -> None:
    """What is committed stands, broker or not."""
    try:
        operate.apply_async((operation_id,), retry=False)
    except OperationalError:
        logger.warning("the broker does not answer; the minute's look will find the operation")


@shared_task
def tidy() -> None:
    """Empty old trash, delete unclaimed files and what killed uploads left in the incoming folder."""
    before = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    for user in User.objects.filter(photos__trashed_at__lt=before).distinct():
        services.empty_trash(user, trashed_before=before)
    storage.discard_stale()
    operations.tidy()
    for leftover in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):  # an upload that just ended
            if leftover.stat().st_mtime < time.time() - LEFTOVER_S:
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink()
