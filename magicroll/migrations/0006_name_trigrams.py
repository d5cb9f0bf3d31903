"""A search for a part of a file name reads the photos that have it, and not the whole roll, on PostgreSQL."""

from typing import Any

from django.db import migrations

ON = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE INDEX photo_name_trigrams ON magicroll_photo USING gin (owner_id, name_folded gin_trgm_ops)
WHERE state = 'ready' AND trashed_at IS NULL
"""
OFF = "DROP INDEX photo_name_trigrams"


def on(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ON)


def off(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(OFF)


class Migration(migrations.Migration):
    dependencies = [("magicroll", "0005_user_row_px")]
    operations = [migrations.RunPython(on, off)]
