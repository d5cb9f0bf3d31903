"""Write snapshots so that a crash at any point leaves the old one or the new one, never a torn one.

Order: data file under a name of its own, fsync; manifest under a temporary name, fsync; os.replace;
then old data files go. A reader that has an old file mapped goes on with it.
"""

import fcntl
import json
import os
import re
import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tagging.index.snapshot import (
    FORMAT,
    Manifest,
    Snapshot,
    UnusableError,
    header_of,
    manifest_path,
    open_snapshot,
    read_manifest,
)
from tagging.index.vectors import Batch, Codes, Ids, as_codes, check_batch, encode, has_duplicates

_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ROWS_COPIED = 1 << 15


class BusyError(Exception):
    """Another process or thread is writing this very index."""


@dataclass(frozen=True, slots=True)
class _Plan:
    directory: Path
    key: str
    release_sha: str
    version: int
    dimensions: int
    projection: NDArray[np.float32] | None

    @property
    def index_dimensions(self) -> int:
        return self.dimensions if self.projection is None else int(self.projection.shape[1])


@dataclass(slots=True)
class _Writer:
    """Streams vectors into a data file; only their ids stay in memory."""

    file: BinaryIO
    crc32: int = 0
    ids: list[Ids] = field(default_factory=list)

    def add(self, ids: Ids, codes: Codes) -> None:
        self.write(codes.data)
        self.ids.append(ids)

    def write(self, data: bytes | memoryview) -> None:
        self.crc32 = zlib.crc32(data, self.crc32)
        self.file.write(data)


def build(
    directory: Path,
    key: str,
    *,
    release_sha: str,
    version: int,
    dimensions: int,
    batches: Iterable[Batch],
    projection: NDArray[np.float32] | None = None,
) -> Snapshot:
    """Write a new snapshot from scratch and open it; `version` is the corpus version it is true for.

    dimensions: of the embeddings; projection: float32 [dimensions, p], kept in the snapshot, or None to
    index the full vector. Raises BusyError when someone else is writing `key`, ValueError for an id
    given twice or an embedding that can't be indexed; the old snapshot then stays.
    """
    if not _KEY.fullmatch(key):
        raise ValueError("A key has letters, digits, hyphen and underscore only.")
    if projection is not None and (projection.ndim != 2 or projection.shape[0] != dimensions):
        raise ValueError(f"The projection is not from {dimensions} dimensions.")
    plan = _Plan(directory, key, release_sha, version, dimensions, projection)
    with _only_writer(directory, key):
        return _write(plan, _encoded(plan, batches))


def extend(snapshot: Snapshot, *, version: int, batches: Iterable[Batch], drop: ArrayLike = ()) -> Snapshot:
    """Fold a tail into a snapshot, without going back to the database (compaction).

    The new one holds `batches` and, copied as they are, the old vectors whose ids are neither in
    `batches` nor in `drop`. Raises as `build` does; `snapshot` itself stays valid.
    """
    manifest = snapshot.manifest
    plan = _Plan(
        snapshot.directory,
        snapshot.key,
        manifest.release_sha,
        version,
        manifest.dimensions,
        snapshot.projection,
    )
    with _only_writer(plan.directory, plan.key):
        return _write(plan, _folded(plan, snapshot, batches, np.asarray(drop, np.int64)))


@dataclass(frozen=True, slots=True)
class _Rows:
    ids: Ids
    codes: Codes


def remove(directory: Path, key: str) -> None:
    """Remove an index that nobody needs any more. Raises BusyError while somebody writes it."""
    with _only_writer(directory, key):
        manifest_path(directory, key).unlink(missing_ok=True)
        _remove_leftovers(directory, key)


def _encoded(plan: _Plan, batches: Iterable[Batch]) -> Iterator[_Rows]:
    for batch in batches:
        check_batch(batch)
        if batch.embeddings.shape[1] != plan.dimensions:
            raise ValueError(
                f"Embeddings have {batch.embeddings.shape[1]} dimensions, not {plan.dimensions}."
            )
        yield _Rows(batch.ids, as_codes(encode(batch.embeddings, plan.projection)))


def _folded(plan: _Plan, old: Snapshot, batches: Iterable[Batch], drop: Ids) -> Iterator[_Rows]:
    gone = [drop]
    for rows in _encoded(plan, batches):
        gone.append(rows.ids)
        yield rows
    ids, codes = old.ids(), old.codes()
    kept = np.flatnonzero(~np.isin(ids, np.concatenate(gone)))
    for start in range(0, len(kept), _ROWS_COPIED):
        some = kept[start : start + _ROWS_COPIED]
        yield _Rows(ids[some], codes[some])


def _write(plan: _Plan, rows: Iterable[_Rows]) -> Snapshot:
    _remove_leftovers(plan.directory, plan.key)
    path = plan.directory / f"{plan.key}.{secrets.token_hex(8)}.faiss"
    try:
        manifest = _write_data(plan, path, rows)
        _publish(plan, manifest)
    except BaseException:
        if not _is_current(plan, path.name):
            path.unlink(missing_ok=True)
        raise
    _remove_leftovers(plan.directory, plan.key)
    snapshot = open_snapshot(plan.directory, plan.key, plan.release_sha)
    if snapshot is None:
        raise OSError(f"The index {plan.key} can't be read back right after it was written.")
    return snapshot


def _write_data(plan: _Plan, path: Path, rows: Iterable[_Rows]) -> Manifest:
    header_bytes = len(header_of(plan.index_dimensions, 0))
    with path.open("xb") as file:
        writer = _Writer(file)
        file.write(bytes(header_bytes))
        for some in rows:
            writer.add(some.ids, some.codes)
        ids = np.concatenate([np.empty(0, np.int64), *writer.ids])
        if has_duplicates(ids):
            raise ValueError("A photo was given to the index twice.")
        writer.write(struct.pack("<q", len(ids)) + ids.astype("<i8").tobytes())
        if plan.projection is not None:
            writer.write(plan.projection.astype("<f4").tobytes())
        size_bytes = file.tell()
        file.seek(0)
        writer.write(header_of(plan.index_dimensions, len(ids)))
        file.flush()
        os.fsync(file.fileno())
    return Manifest(
        format=FORMAT,
        release_sha=plan.release_sha,
        version=plan.version,
        dimensions=plan.dimensions,
        index_dimensions=plan.index_dimensions,
        projected=plan.projection is not None,
        count=len(ids),
        file=path.name,
        size_bytes=size_bytes,
        header_bytes=header_bytes,
        crc32=writer.crc32,
    )


def _publish(plan: _Plan, manifest: Manifest) -> None:
    final = manifest_path(plan.directory, plan.key)
    fresh = final.with_suffix(".json.new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    _sync(plan.directory)
    fresh.replace(final)
    _sync(plan.directory)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_current(plan: _Plan, name: str) -> bool:
    try:
        return read_manifest(plan.directory, plan.key).file == name
    except UnusableError:
        return False


def _remove_leftovers(directory: Path, key: str) -> None:
    """Remove data files that the manifest doesn't name; only the one writer may do this."""
    try:
        current = read_manifest(directory, key).file
    except UnusableError:
        current = ""
    for path in directory.glob(f"{key}.*.faiss"):
        if path.name != current:
            path.unlink(missing_ok=True)


@contextmanager
def _only_writer(directory: Path, key: str) -> Iterator[None]:
    """Hold the index's lock file; the kernel lets go of it however the process ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{key}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(key) from None
        yield
