"""A snapshot on disk: what its manifest says, and opening it only if it is whole and of the right release.

`KEY.json` is the manifest, replaced atomically; it names the data file `KEY.<random>.faiss`. That is a
FAISS file (IndexIDMap over IndexScalarQuantizer, float16) with the projection's float32 values after it,
so that what was indexed and what is asked go through the very same projection.
"""

import json
import logging
import threading
import zlib
from collections import OrderedDict
from dataclasses import asdict, dataclass
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


class _UnusableError(Exception):
    """The snapshot can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot says about itself. `crc32` is of the data file from `header_bytes` on, then the header."""

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
        stored = faiss.downcast_index(self.index.index).codes
        view: Codes = faiss.rev_swig_ptr(stored.data(), stored.size())
        return view.reshape(self.count, -1)


_lock = threading.Lock()
_opened: OrderedDict[Path, tuple[_Identity, Snapshot]] = OrderedDict()
_checked: OrderedDict[_Identity, int] = OrderedDict()  # -> crc32


def open_snapshot(directory: Path, key: str, release_sha: str) -> Snapshot | None:
    """Open the snapshot `key` by memory map; None, with the reason logged, if it is not usable.

    The checksum is computed once per process and file, about 1 GB a second; the same file is opened once.
    """
    for _ in range(_TRIES):
        try:
            manifest = read_manifest(directory, key)
            return _open(directory, key, manifest, release_sha)
        except (FileNotFoundError, _UnusableError) as error:
            reason = "missing" if isinstance(error, FileNotFoundError) else str(error)
            if not _replaced(directory, key, manifest if "manifest" in locals() else None):
                break
    logger.info("Similarity index not usable", extra={"index_key": key, "reason": reason})
    return None


def manifest_path(directory: Path, key: str) -> Path:
    """Where the manifest of a snapshot is."""
    return directory / f"{key}.json"
