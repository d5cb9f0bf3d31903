"""A snapshot on disk: what its manifest says, and opening it only if it is whole and of the right release.

`KEY.json` is the manifest, replaced atomically; it names the data file `KEY.<random>.faiss`. That is a
FAISS file (IndexIDMap over IndexScalarQuantizer, float16) with the projection's float32 values after it,
so that what was indexed and what is asked go through the very same projection.
"""

import json
import logging
import struct
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from tagging.index.vectors import Codes, Ids, new_index

logger = logging.getLogger(__name__)

FORMAT = 1
_CHUNK_BYTES = 1 << 22
_KEPT_OPEN = 32  # snapshots a process keeps mapped; each costs 8 bytes of memory a photo
_KEPT_CHECKED = 4096
_TRIES = 3  # a file can be replaced between reading its manifest and opening it


class UnusableError(Exception):
    """The snapshot can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot says about itself; `crc32` as `checksum` computes it."""

    format: int
    release_sha: str
    version: int
    dimensions: int
    index_dimensions: int
    projected: bool
    count: int
    file: str
    size_bytes: int
    header_bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class _Identity:
    path: Path
    inode: int
    mtime_ns: int
    size_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """An open, memory-mapped index. It stays readable after its file was replaced."""

    directory: Path
    key: str
    manifest: Manifest
    index: faiss.IndexIDMap
    projection: NDArray[np.float32] | None

    @property
    def version(self) -> int:
        """The corpus version up to which annotations are in it."""
        return self.manifest.version

    @property
    def count(self) -> int:
        return self.manifest.count

    def ids(self) -> Ids:
        """Copy the photo ids, in the order of `codes`."""
        ids: Ids = faiss.vector_to_array(self.index.id_map)
        return ids

    def codes(self) -> Codes:
        """View the stored vectors, uint8 [count, 2 * index_dimensions]; only while the snapshot is held."""
        if not self.count:
            return np.empty((0, 2 * self.manifest.index_dimensions), np.uint8)
        half: Any = faiss.downcast_index(self.index.index)
        view: Codes = faiss.rev_swig_ptr(half.codes.data(), half.codes.size())
        return view.reshape(self.count, -1)


_lock = threading.Lock()
_opened: OrderedDict[Path, tuple[_Identity, Snapshot]] = OrderedDict()
_checked: OrderedDict[_Identity, int] = OrderedDict()  # -> crc32


def open_snapshot(directory: Path, key: str, release_sha: str) -> Snapshot | None:
    """Open the snapshot `key` by memory map; None, with the reason logged, if it is not usable.

    The checksum is computed once per process and file, at about 1 GB a second; a file that is open
    already is not opened again.
    """
    seen: Manifest | None = None
    reason = ""
    for _ in range(_TRIES):
        try:
            manifest = read_manifest(directory, key)
            if manifest == seen:
                break
            seen = manifest
            return _open(directory, key, manifest, release_sha)
        except UnusableError as error:
            reason = str(error)
    level = logging.DEBUG if reason == "missing" else logging.WARNING
    logger.log(level, "Similarity index not usable", extra={"index_key": key, "reason": reason})
    return None


def manifest_path(directory: Path, key: str) -> Path:
    """Where the manifest of a snapshot is."""
    return directory / f"{key}.json"


def read_manifest(directory: Path, key: str) -> Manifest:
    """Read a manifest; raises UnusableError if it is missing, torn or of another format."""
    try:
        values = json.loads(manifest_path(directory, key).read_bytes())
    except FileNotFoundError:
        raise UnusableError("missing") from None
    except ValueError:
        raise UnusableError("manifest torn") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UnusableError("another format")
    expected = {field.name: field.type for field in fields(Manifest)}
    if {name: type(value) for name, value in values.items()} != expected:
        raise UnusableError("manifest incomplete")
    return Manifest(**values)


def checksum(path: Path, header_bytes: int) -> int:
    """CRC-32 of a data file, its header (written last) taken last. Guards against accidents, not malice."""
    crc = 0
    with path.open("rb") as file:
        header = file.read(header_bytes)
        while chunk := file.read(_CHUNK_BYTES):
            crc = zlib.crc32(chunk, crc)
    return zlib.crc32(header, crc)


def header_of(index_dimensions: int, count: int) -> bytes:
    """What FAISS writes before the vectors of such an index: two headers, then the vectors' size in bytes.

    An empty index is serialised by FAISS and the counts are filled in, so that vectors can be streamed to
    disk instead of being held in memory. (faiss/impl/index_write.cpp: 4 bytes of type, int32 dimensions,
    int64 count, ...; after the vectors come the ids, int64 count first. The last 8 bytes of the empty file
    are the count of ids.)
    """
    header = bytearray(faiss.serialize_index(new_index(index_dimensions)).tobytes()[:-8])
    inner = header.index(b"IxSQ")
    header[8:16] = header[inner + 8 : inner + 16] = struct.pack("<q", count)
    header[-8:] = struct.pack("<Q", count * index_dimensions * 2)
    return bytes(header)


def _open(directory: Path, key: str, manifest: Manifest, release_sha: str) -> Snapshot:
    if manifest.release_sha != release_sha:
        raise UnusableError("another release")
    if Path(manifest.file).name != manifest.file:
        raise UnusableError("data file outside the folder")
    path = directory / manifest.file
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise UnusableError("data file missing") from None
    if stat.st_size != manifest.size_bytes:
        raise UnusableError("data file torn: size")
    identity = _Identity(path, stat.st_ino, stat.st_mtime_ns, stat.st_size)
    with _lock:
        known = _opened.get(manifest_path(directory, key))
        checked = _checked.get(identity)
    if known and known[0] == identity and known[1].manifest == manifest:
        return known[1]
    try:
        if (checksum(path, manifest.header_bytes) if checked is None else checked) != manifest.crc32:
            raise UnusableError("data file torn: checksum")
        snapshot = _mapped(directory, key, manifest)
    except FileNotFoundError:
        raise UnusableError("data file missing") from None
    _remember(identity, snapshot)
    return snapshot


def _mapped(directory: Path, key: str, manifest: Manifest) -> Snapshot:
    path = directory / manifest.file
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError:
        raise UnusableError("not readable by FAISS") from None
    if not isinstance(index, faiss.IndexIDMap) or (index.d, index.ntotal) != (
        manifest.index_dimensions,
        manifest.count,
    ):
        raise UnusableError("data file and manifest differ")
    projection = _projection(path, manifest) if manifest.projected else None
    return Snapshot(directory, key, manifest, index, projection)


def _projection(path: Path, manifest: Manifest) -> NDArray[np.float32]:
    shape = (manifest.dimensions, manifest.index_dimensions)
    size = shape[0] * shape[1] * 4
    with path.open("rb") as file:
        file.seek(manifest.size_bytes - size)
        values = np.frombuffer(file.read(size), "<f4")
    return values.reshape(shape)


def _remember(identity: _Identity, snapshot: Snapshot) -> None:
    with _lock:
        _checked[identity] = snapshot.manifest.crc32
        _opened[manifest_path(snapshot.directory, snapshot.key)] = (identity, snapshot)
        _opened.move_to_end(manifest_path(snapshot.directory, snapshot.key))
        while len(_opened) > _KEPT_OPEN:
            _opened.popitem(last=False)
        while len(_checked) > _KEPT_CHECKED:
            _checked.popitem(last=False)
