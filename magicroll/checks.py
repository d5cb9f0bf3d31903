"""System checks: settings that would only hurt later. `manage.py check` and every start run them."""

import os
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def data_folder_is_ours(**kwargs: Any) -> list[CheckMessage]:
    if os.access(settings.DATA_DIR, os.R_OK | os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"The data folder {settings.DATA_DIR} can't be read and written.",
            hint="Give it to the user that runs Magic Roll, or name another one in MAGICROLL_DATA_DIR.",
            id="magicroll.E001",
        )
    ]


@register()
def address_is_whole(**kwargs: Any) -> list[CheckMessage]:
    if not settings.URL:
        return []
    parts = urlsplit(settings.URL)
    if parts.scheme in {"http", "https"} and parts.hostname and not parts.path:
        return []
    return [
        Error(
            f"MAGICROLL_URL is {settings.URL!r}.",
            hint="Write what people type, with scheme and without path: https://photos.example.org",
            id="magicroll.E002",
        )
    ]


@register()
def throttle_is_shared(**kwargs: Any) -> list[CheckMessage]:
    """Each process counts for itself in a local-memory cache: right for one web process, weak for more."""
    if settings.CACHE_URL or settings.BROKER_URL == "filesystem://":
        return []
    return [
        Warning(
            "Log-in and upload throttles count per web process, because no shared cache is set.",
            hint="Set MAGICROLL_CACHE_URL to a Redis database.",
            id="magicroll.W001",
        )
    ]


@register()
def embedded_broker_has_embedded_database(**kwargs: Any) -> list[CheckMessage]:
    if settings.BROKER_URL != "filesystem://" or "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        return []
    return [
        Warning(
            "The broker is a folder on this machine, though the database is a server.",
            hint="Workers on other machines need MAGICROLL_BROKER_URL; on one machine all is well.",
            id="magicroll.W002",
        )
    ]
