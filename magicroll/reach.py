"""Can this process reach what it needs? Quick probes for /healthz and `manage.py doctor`."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import kombu.exceptions
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, connection

from magicroll.celery import app

logger = logging.getLogger(__name__)

BROKER_TIMEOUT_S = 2


class Unreachable(Exception):
    """A probe failed; the message is for the administrator's eyes, not for everybody's."""


@dataclass(frozen=True, slots=True)
class Probe:
    name: str
    run: Callable[[], None]

    def succeeds(self) -> bool:
        """Run it, and log why it failed."""
        try:
            self.run()
        except Unreachable:
            logger.exception("can't reach the %s", self.name)
            return False
        return True


def database() -> None:
    """Ask the database for a row. Raises Unreachable."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise Unreachable(f"The database does not answer: {error}") from error


def storage() -> None:
    """Ask the storage about a file, and on a local disk whether it may write. Raises Unreachable."""
    try:
        default_storage.exists("healthz")
        if isinstance(default_storage, FileSystemStorage):
            _need_writable(Path(default_storage.location))
    except OSError as error:
        raise Unreachable(f"The storage does not answer: {error}") from error


def broker() -> None:
    """Connect to the broker anew. Raises Unreachable."""
    try:
        if settings.BROKER_URL == "filesystem://":
            _need_writable(Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"]))
        with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_S) as link:
            link.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_S)
    except (kombu.exceptions.OperationalError, OSError) as error:
        raise Unreachable(f"The broker does not answer: {error}") from error


PROBES = (Probe("database", database), Probe("storage", storage), Probe("broker", broker))


def _need_writable(folder: Path) -> None:
    """Check the folder, or, while nothing has been stored yet, the one that it will be made in."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        raise PermissionError(f"can't write to {existing}")
