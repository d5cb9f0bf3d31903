"""Rows of the large tables, many at a time; for the writer alone.

On PostgreSQL rows that are known to be new go in by COPY in its binary format, elsewhere by INSERT; both leave
the same rows. Neither makes objects of them first, which would cost more than storing them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from tagging.columns import TagColumns
from tagging.combine import pack_scores, pack_tags
from tagging.ml.tagger import NOTHING, Said
from tagging.models import PhotoTag
from tagging.published import TagRow

TUPLES_PER_STATEMENT = 100  # SQLite turns them into nested ORs, of which it takes 1,000 at most
_Cell = int | float | str | bytes | datetime | None
COPY_FROM = 64  # rows; below, a COPY's own round trips cost more than it saves


class AnnotationRow(NamedTuple):
    """Columns of an annotation, in the order of `_ANNOTATION`."""

    owner_id: int
    release_id: int
    photo_id: int
    stream: str
    revision: int
    tag_ids: bytes
    scores: bytes
    faint_ids: bytes
    faint_scores: bytes


class EmbeddingRow(NamedTuple):
    """Columns of an embedding, in the order of `_EMBEDDING`."""

    owner_id: int
    encoder_id: int
    photo_id: int
    revision: int
    vector: bytes
    version: int


@dataclass(frozen=True, slots=True)
class _Table:
    """A table whose key is its first columns: names, and PostgreSQL's types."""

    name: str
    columns: dict[str, str]
    key: int

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.columns)})"

    @property
    def insert(self) -> str:
        return f"INSERT INTO {self} VALUES ({', '.join(['%s'] * len(self.columns))})"  # noqa: S608 - our own names

    @property
    def upsert(self) -> str:
        names = list(self.columns)
        replaced = ", ".join(f"{name} = excluded.{name}" for name in names[self.key :])
        return f"{self.insert} ON CONFLICT ({', '.join(names[: self.key])}) DO UPDATE SET {replaced}"


_ANNOTATION = _Table(
    "tagging_annotation",
    {
        **dict.fromkeys(("owner_id", "release_id", "photo_id"), "int8"),
        **{"stream": "varchar", "revision": "int4"},
        **dict.fromkeys(("tag_ids", "scores", "faint_ids", "faint_scores"), "bytea"),
    },
    key=3,
)
_EMBEDDING = _Table(
    "tagging_embedding",
    {
        **dict.fromkeys(("owner_id", "encoder_id", "photo_id"), "int8"),
        **{"revision": "int4", "vector": "bytea", "version": "int8"},
    },
    key=3,
)
_PHOTO_TAG = _Table(
    "tagging_phototag",
    {
        **dict.fromkeys(("owner_id", "release_id", "tag_id"), "int8"),
        **{"taken_at": "timestamptz", "photo_id": "int8", "score": "float8"},
    },
    key=5,
)


def store_annotation_rows(rows: Sequence[AnnotationRow], *, new: bool) -> None:
    """Store annotations of one corpus; `new`: none of them is there."""
    _store(_ANNOTATION, rows, new=new)


def store_embedding_rows(rows: Sequence[EmbeddingRow], *, new: bool) -> None:
    """Store embeddings of one corpus; `new`: none of them is there."""
    _store(_EMBEDDING, rows, new=new)


class Packed(NamedTuple):
    """The packed columns of an annotation that a vocabulary fills."""

    tag_ids: bytes
    scores: bytes
    faint_ids: bytes
    faint_scores: bytes


def packed(ids: NDArray[np.int32], said: Sequence[Said], faint: Sequence[Said]) -> Iterator[Packed]:
    """Yield the packed columns of annotations, packed together: a call for each takes longer than storing it.

    ids: int32 [n_tags], of the tag at each position.
    """
    for shown, less in zip(_packed(ids, said), _packed(ids, faint), strict=True):
        yield Packed(*shown, *less)


def _packed(ids: NDArray[np.int32], said: Sequence[Said]) -> Iterator[tuple[bytes, bytes]]:
    all_ids = pack_tags(ids[np.concatenate([NOTHING.tags, *(one.tags for one in said)])])
    all_scores = pack_scores(np.concatenate([NOTHING.scores, *(one.scores for one in said)]))
    end = 0
    for one in said:
        start, end = end, end + len(one.tags)
        yield all_ids[4 * start : 4 * end], all_scores[2 * start : 2 * end]


_DELETE = """
DELETE FROM tagging_phototag AS there
USING unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::bigint[])
  AS gone (release_id, tag_id, taken_at, photo_id)
WHERE there.owner_id = %s AND there.release_id = gone.release_id AND there.tag_id = gone.tag_id
  AND there.taken_at = gone.taken_at AND there.photo_id = gone.photo_id
"""


def delete_tag_rows(owner_id: int, rows: Sequence[TagRow]) -> None:
    """Remove rows of the reverse index."""
    if rows and connection.vendor == "postgresql":  # writing tuples out takes longer than finding their rows
        with connection.cursor() as cursor:
            cursor.execute(_DELETE, [*map(list, zip(*rows, strict=True)), owner_id])
        return
    for start in range(0, len(rows), TUPLES_PER_STATEMENT):
        keys = [(owner_id, *row) for row in rows[start : start + TUPLES_PER_STATEMENT]]
        PhotoTag.objects.filter(pk__in=keys).delete()


def insert_tag_rows(owner_id: int, rows: dict[TagRow, float]) -> None:
    """Add rows that the reverse index doesn't have, with their scores."""
    adapt = connection.ops.adapt_datetimefield_value
    _store(
        _PHOTO_TAG,
        [
            (owner_id, row.release_id, row.tag_id, adapt(row.taken_at), row.photo_id, score)
            for row, score in rows.items()
        ],
        new=True,
    )


def insert_tag_columns(owner_id: int, columns: TagColumns) -> None:
    """Add rows that the reverse index doesn't have, from columns."""
    if _copies(len(columns.tag_ids)):
        with connection.cursor() as cursor, cursor.copy(_copy_into(_PHOTO_TAG)) as copy:
            copy.write(_binary_rows(owner_id, columns))
        return
    adapt = connection.ops.adapt_datetimefield_value
    photos = [(adapt(photo.taken_at), photo.photo_id) for photo in columns.photos]
    cells = zip(columns.tag_ids.tolist(), columns.places.tolist(), columns.scores.tolist(), strict=True)
    release_id = columns.release_id
    _store(
        _PHOTO_TAG,
        [(owner_id, release_id, tag_id, *photos[place], score) for tag_id, place, score in cells],
        new=True,
    )


# PostgreSQL's documentation of COPY: signature, flags, extension; for each row the number of its fields, and for
# each field its length and its bytes, the most significant one first; -1 at the end.
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # of its timestamps, in microseconds


def _binary_rows(owner_id: int, columns: TagColumns) -> bytes:
    """Write rows of the reverse index as COPY reads them: each of its six columns has eight bytes."""
    names = list(_PHOTO_TAG.columns)
    lengths = [(f"bytes of {name}", ">i4") for name in names]
    fields = [(name, ">f8" if name == "score" else ">i8") for name in names]
    pairs = [one for pair in zip(lengths, fields, strict=True) for one in pair]
    table = np.empty(len(columns.tag_ids), np.dtype([("fields", ">i2"), *pairs]))
    table["fields"] = len(names)
    for name, _ in lengths:
        table[name] = 8
    microsecond = timedelta(microseconds=1)
    taken_at = np.array([(photo.taken_at - _EPOCH) // microsecond for photo in columns.photos], np.int64)
    photo_ids = np.array([photo.photo_id for photo in columns.photos], np.int64)
    table["owner_id"], table["release_id"] = owner_id, columns.release_id
    table["tag_id"], table["score"] = columns.tag_ids, columns.scores
    table["taken_at"], table["photo_id"] = taken_at[columns.places], photo_ids[columns.places]
    return _HEAD + table.tobytes() + _TAIL


def _copies(count: int) -> bool:
    return connection.vendor == "postgresql" and count >= COPY_FROM


def _copy_into(table: _Table) -> str:
    return f"COPY {table} FROM STDIN (FORMAT BINARY)"


def _store(table: _Table, rows: Sequence[Sequence[_Cell]], *, new: bool) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        if not (new and _copies(len(rows))):
            cursor.executemany(table.insert if new else table.upsert, rows)
            return
        with cursor.copy(_copy_into(table)) as copy:
            copy.set_types(list(table.columns.values()))
            for row in rows:
                copy.write_row(row)
