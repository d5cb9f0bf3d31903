"""How much disk rows take, for estimates before and after.

Measured in a fresh database, 20,000 photos with 8 tags each, written in chunks of 32 as workers do; indexes and
TOAST included (PostgreSQL 15: pg_total_relation_size; SQLite 3.40, 4 KiB pages: dbstat).
"""

from dataclasses import dataclass

from django.db import connection

TAGS_PER_PHOTO = 8.0  # rows of the reverse index, parents and category included; where nothing is known
INDEX_BYTES = 521  # a photo in the similarity index: docs/adr/0002-stored-vector-and-index.md


@dataclass(frozen=True, slots=True)
class RowBytes:
    """Bytes of one row with its part of the indexes; of an embedding for each of its dimensions."""

    annotation: float
    tag: float
    dimension: float  # 2 bytes of float16, and what pages lose


POSTGRESQL = RowBytes(annotation=144, tag=178, dimension=2913 / 1280)
SQLITE = RowBytes(annotation=64, tag=84, dimension=4132 / 1280)  # a vector fills an overflow page of its own


def row_bytes() -> RowBytes:
    """Return what rows take in the database in use."""
    return POSTGRESQL if connection.vendor == "postgresql" else SQLITE


def annotation_bytes(photos: int, tag_rows: float) -> int:
    """Return what a release's annotations of so many photos take, with so many rows of the reverse index."""
    each = row_bytes()
    return round(photos * each.annotation + tag_rows * each.tag)


def embedding_bytes(photos: int, dimensions: int) -> int:
    """Return what an encoder's embeddings of so many photos take, with their similarity index."""
    return round(photos * (dimensions * row_bytes().dimension + INDEX_BYTES))
