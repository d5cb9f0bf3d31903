"""Mind the folder of the embedded broker (Celery's filesystem:// transport)."""

import json
import logging
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def drop_torn_tables() -> None:
    """Remove routing tables that a killed process left half-written: the worker could not start with them.

    It writes them anew as it starts. Whole ones stay.
    """
    if settings.BROKER_URL != "filesystem://":
        return
    for table in Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["control_folder"]).glob("*.exchange"):
        try:
            json.loads(table.read_text(encoding="utf-8"))
        except ValueError:
            logger.warning("A torn routing table of the broker was removed")
            table.unlink(missing_ok=True)
