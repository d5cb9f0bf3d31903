"""One corpus's similarity index: a FAISS snapshot on disk, searched together with what is newer than it.

The database is the truth and the snapshot a cache: whatever is wrong with a file, it is noticed on
opening and the index is built again. Pure: NumPy and FAISS, neither Django nor Celery.
"""

from tagging.index.scanning import Part, features, part_of, products
from tagging.index.searching import Neighbours, Tail, encode_tail, search
from tagging.index.snapshot import Snapshot, open_snapshot
from tagging.index.storing import BusyError, build, extend, remove
from tagging.index.vectors import Batch

__all__ = [
    "Batch",
    "BusyError",
    "Neighbours",
    "Part",
    "Snapshot",
    "Tail",
    "build",
    "encode_tail",
    "extend",
    "features",
    "open_snapshot",
    "part_of",
    "products",
    "remove",
    "search",
]
