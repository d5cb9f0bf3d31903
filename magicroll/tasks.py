"""Housekeeping, hourly. Running it twice is running it once."""

import shutil
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from magicroll import services, storage
from magicroll.models import User

LEFTOVER_S = 24 * 3600


@shared_task
def tidy() -> None:
    """Empty old trash, delete unclaimed files and what killed uploads left in the incoming folder."""
    before = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    for user in User.objects.filter(photos__trashed_at__lt=before).distinct():
        services.empty_trash(user, trashed_before=before)
    storage.discard_stale()
    for leftover in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):  # an upload that just ended
            if leftover.stat().st_mtime < time.time() - LEFTOVER_S:
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink()
