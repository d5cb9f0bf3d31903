"""Tags per second into annotations, reverse index and counts on PostgreSQL, as the bulk stream writes them.

A tag is a row of the reverse index: a tag of a photo that readers can find. Ours: `store_annotations` to a release
that is filling, with its locks, fence, foreign keys and counts. Beside it, in the same chunks: a bare COPY of
the same rows of both tables, ready as bytes, into tables with the same primary keys and nothing else; and Django's
`bulk_create` of the same rows into the real tables, without counts. All from as many processes at a time.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import median, report, start, timed

if TYPE_CHECKING:
    from magicroll.models import User
    from tagging.writer import NewAnnotation

CHUNK = 1000  # as chunks.RESCORED_PHOTOS
TABLES = {
    "tagging_annotation": "owner_id, release_id, photo_id, stream, revision, tag_ids, scores, faint_ids, faint_scores",
    "tagging_phototag": "owner_id, release_id, tag_id, taken_at, photo_id, score",
}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one chunk: as COPY's bytes and as values, by table."""

    binary: dict[str, bytes]
    values: dict[str, list[tuple[Any, ...]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--database", default="postgres://postgres@127.0.0.1:5432/postgres")
    args = parser.parse_args()
    start(args.database)
    from rescore import vocabulary_change
    from synthetic import build

    user = build(args.photos).user
    releases = vocabulary_change(0).pk, vocabulary_change(1).pk
    chunks = made_up(user)
    ours(user, releases[0], chunks, args.workers)
    rows = [read_rows(releases[0], chunk) for chunk in chunks]
    tags = sum(len(one.values["tagging_phototag"]) for one in rows)
    empty(user, releases[0])
    took: dict[str, list[float]] = {"ours": [], "copy": [], "bulk_create": []}
    for _ in range(args.rounds):
        took["copy"].append(bare_copy(rows, args.workers))
        took["ours"].append(ours(user, releases[0], chunks, args.workers))
        empty(user, releases[0])
        took["bulk_create"].append(bulk_create(rows, releases[1], args.workers))
        empty(user, releases[1])
        print({name: f"{tags / times[-1]:,.0f}" for name, times in took.items()}, file=sys.stderr)
    speed = {name: [tags / one for one in times] for name, times in took.items()}
    report(
        "bulk_write",
        {
            "tags_per_s": median(speed["ours"]),
            "copy_tags_per_s": median(speed["copy"]),
            "bulk_create_tags_per_s": median(speed["bulk_create"]),
            "ratio_to_copy": ratio(speed["ours"], speed["copy"]),
            "ratio_to_bulk_create": ratio(speed["ours"], speed["bulk_create"]),
            "photos": args.photos,
            "tags_per_photo": tags / args.photos,
            "workers": args.workers,
        },
    )


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return median([mine / other for mine, other in zip(ours, theirs, strict=True)])


def made_up(user: "User") -> "list[list[NewAnnotation]]":
    """Make up what another vocabulary says about all photos, in chunks; their embeddings are stored."""
    from dataclasses import replace

    import numpy as np
    from synthetic import SCENES, annotations

    from magicroll.models import Photo

    ids = list(Photo.objects.owned_by(user).order_by("id").values_list("id", flat=True))
    scenes = np.random.default_rng(7).integers(0, SCENES, len(ids)).tolist()
    return [
        [replace(one, is_stored=True) for one in annotations(ids[at : at + CHUNK], scenes[at : at + CHUNK])]
        for at in range(0, len(ids), CHUNK)
    ]


def ours(user: "User", release_id: int, chunks: "list[list[NewAnnotation]]", workers: int) -> float:
    """Begin to fill a release and write all chunks to it; return the seconds of the writing."""
    from tagging import pointers
    from tagging.models import Stream
    from tagging.writer import store_annotations

    pointers.begin(user.pk, release_id)
    return in_processes(
        workers,
        [lambda items=items: store_annotations(user.pk, release_id, Stream.BULK, items) for items in chunks],
    )


def bare_copy(rows: list[Rows], workers: int) -> float:
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS bare_{table}")
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")

    def write(one: Rows) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for table, columns in TABLES.items():
                with cursor.copy(f"COPY bare_{table} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
                    copy.write(one.binary[table])

    return in_processes(workers, [lambda one=one: write(one) for one in rows])


def bulk_create(rows: list[Rows], release_id: int, workers: int) -> float:
    from django.db import transaction

    from tagging.models import Annotation, PhotoTag

    models = {"tagging_annotation": Annotation, "tagging_phototag": PhotoTag}

    def write(one: Rows) -> None:
        with transaction.atomic():
            for table, columns in TABLES.items():
                names = columns.split(", ")
                found = [dict(zip(names, values, strict=True)) for values in one.values[table]]
                models[table].objects.bulk_create(
                    [models[table](**values | {"release_id": release_id}) for values in found],
                    batch_size=CHUNK,
                )

    return in_processes(workers, [lambda one=one: write(one) for one in rows])


_jobs: list[Callable[[], object]] = []  # handed to the processes by forking


def in_processes(workers: int, jobs: Sequence[Callable[[], object]]) -> float:
    """Run all jobs in so many processes, each with its own connection; return the seconds once all are ready."""
    from django.db import connections

    connections.close_all()
    _jobs[:] = jobs
    forking = multiprocessing.get_context("fork")
    ready = forking.Barrier(workers)
    with ProcessPoolExecutor(workers, forking, _connect, (ready,)) as pool:
        list(pool.map(_wait, [None] * workers))
        return timed(lambda: list(pool.map(_run, range(len(jobs)))))


_ready: list[Any] = []


def _connect(ready: Any) -> None:
    from django.db import connection

    connection.ensure_connection()
    _ready.append(ready)


def _wait(_: None) -> None:
    _ready[0].wait()


def _run(number: int) -> None:
    _jobs[number]()


def read_rows(release_id: int, chunk: "list[NewAnnotation]") -> Rows:
    """Read back what a chunk left, in the order of the keys."""
    from django.db import connection

    first, last = chunk[0].photo_id, chunk[-1].photo_id
    binary, values = {}, {}
    with connection.cursor() as cursor:
        for table, columns in TABLES.items():
            keys = columns.rpartition("photo_id")[0] + "photo_id"
            of_chunk = f"release_id = {release_id} AND photo_id BETWEEN {first} AND {last}"
            query = f"SELECT {columns} FROM {table} WHERE {of_chunk} ORDER BY {keys}"  # noqa: S608 - our own
            with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
                binary[table] = b"".join(bytes(block) for block in copy)
            cursor.execute(query)
            values[table] = cursor.fetchall()
    return Rows(binary, values)


def empty(user: "User", release_id: int) -> None:
    """Remove what was written for a release, as the Cleaner does, and let the space be used again."""
    from synthetic import settle

    from tagging import pointers
    from tagging.models import Annotation, PhotoTag
    from tagging.refill.cleaning import clean_some

    pointers.stop_filling(user.pk, release_id)
    clean_some(float("inf"))
    for model in (Annotation, PhotoTag):
        model.objects.filter(owner=user, release=release_id).delete()
    settle()


if __name__ == "__main__":
    main()
