"""Bring database, static files and encoders up to date; does nothing that is done already."""

import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    help = "Migrate the database, collect static files and install the encoders, where that is not done yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--files-only", action="store_true", help="leave the database alone")

    def handle(self, *args: Any, **options: Any) -> None:
        files_only, verbosity = options["files_only"], options["verbosity"]
        if not files_only and has_migrations_to_apply():
            call_command("migrate", interactive=False, verbosity=verbosity)
        collect_static_if_changed()
        call_command("install_encoders", files_only=files_only, verbosity=verbosity)


def has_migrations_to_apply() -> bool:
    """Tell whether the database is behind the code."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def collect_static_if_changed() -> bool:
    """Collect static files unless the collected ones were made from the very same sources."""
    stamp = Path(settings.STATIC_ROOT) / ".sources"
    digest = _sources_digest()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
        return False
    # Without clearing: servers that still run, of this checkout's other installations too, read the old ones.
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(digest, encoding="ascii")
    return True


def _sources_digest() -> str:
    """Hash the names and contents of all static sources, and the storage that rewrites them."""
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: str(found[0])):
            with storage.open(name) as file:
                digest.update(f"\0{name}\0".encode() + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()
