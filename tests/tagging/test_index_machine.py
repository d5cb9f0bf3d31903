"""Any order of annotating, deleting, compacting, crashing and reopening answers like exact search.

Embeddings have 1, 4 or 16 entries of -1 or 1, so that unit length (1, 1/2, 1/4) and all cosines are exact
in float16 and float32: answers can be compared to the last bit, and equal scores are frequent.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray

from tagging import index

D = 16
KEY = "release-1"
photo_ids = st.integers(1, 40)


@st.composite
def embeddings(draw: st.DrawFn) -> NDArray[np.float16]:
    size = draw(st.sampled_from([1, 4, 16]))
    places = draw(st.permutations(range(D)))[:size]
    x = np.zeros(D, np.float16)
    x[places] = draw(st.lists(st.sampled_from([-1, 1]), min_size=size, max_size=size))
    return x


# Whole coordinates only, so that projecting is exact too.
PROJECTIONS = {"full": None, "turned": np.ascontiguousarray(np.eye(D, dtype=np.float32)[:, ::-1])}


class IndexMachine(RuleBasedStateMachine):
    vectors = Bundle("vectors")

    @initialize(projection=st.sampled_from(sorted(PROJECTIONS)))
    def begin(self, projection: str) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.projection = PROJECTIONS[projection]
        self.version = 0
        self.rows: dict[int, tuple[NDArray[np.float16], int]] = {}  # the database: embedding, version
        self.deleted: dict[int, int] = {}  # since when
        self.held: list[tuple[index.Snapshot, int, list[int]]] = []

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def opened(self) -> index.Snapshot | None:
        return index.open_snapshot(self.folder, KEY, "sha")

    def batch(self, newer_than: int = -1) -> index.Batch:
        rows = [(i, x) for i, (x, version) in self.rows.items() if version > newer_than]
        vectors = np.array([x for _, x in rows], np.float16).reshape(-1, D)
        return index.Batch(np.array([i for i, _ in rows], np.int64), vectors)

    @rule(target=vectors, x=embeddings())
    def see(self, x: NDArray[np.float16]) -> NDArray[np.float16]:
        return x

    @rule(photos=st.sets(photo_ids, min_size=1, max_size=12), x=vectors)
    def annotate(self, photos: set[int], x: NDArray[np.float16]) -> None:
        self.version += 1
        for i in photos:
            self.rows[i] = (np.roll(x, i), self.version)
            self.deleted.pop(i, None)

    @rule(photos=st.sets(photo_ids, max_size=6))
    def delete(self, photos: set[int]) -> None:
        self.version += 1
        for i in photos & self.rows.keys():
            del self.rows[i]
            self.deleted[i] = self.version

    @rule()
    def build(self) -> None:
        batch = self.batch()
        halves = [index.Batch(batch.ids[s], batch.embeddings[s]) for s in (slice(0, 7), slice(7, None))]
        snapshot = index.build(
            self.folder,
            KEY,
            release_sha="sha",
            version=self.version,
            dimensions=D,
            batches=halves,
            projection=self.projection,
        )
        assert sorted(snapshot.ids()) == sorted(self.rows)

    @precondition(lambda self: self.opened())
    @rule()
    def compact(self) -> None:
        snapshot = self.opened()
        folded = index.extend(
            snapshot, version=self.version, batches=[self.batch(snapshot.version)], drop=list(self.deleted)
        )
        assert sorted(folded.ids()) == sorted(self.rows)
        assert len(list(self.folder.glob("*.faiss"))) == 1

    @rule(share=st.floats(0, 0.99), which=st.sampled_from(["*.json", "*.faiss"]))
    def crash(self, share: float, which: str) -> None:
        for path in self.folder.glob(which):
            data = path.read_bytes()
            (self.folder / "torn").write_bytes(data[: int(len(data) * share)])
            (self.folder / "torn").replace(path)
        if list(self.folder.glob(which)):
            assert self.opened() is None

    @rule()
    def crash_before_the_manifest(self) -> None:
        (self.folder / f"{KEY}.0123456789abcdef.faiss").write_bytes(b"half a file")
        (self.folder / f"{KEY}.json.new").write_bytes(b'{"format"')

    @precondition(lambda self: self.opened())
    @rule()
    def hold(self) -> None:
        snapshot = self.opened()
        self.held = [(snapshot, snapshot.version, snapshot.ids().tolist())]

    @rule(xq=vectors, k=st.integers(1, 50), hidden=st.sets(photo_ids), trashed=st.sets(photo_ids))
    def search(self, xq: NDArray[np.float16], k: int, hidden: set[int], trashed: set[int]) -> None:
        snapshot = self.opened()
        tail = self.batch(-1 if snapshot is None else snapshot.version)
        found = index.search(
            snapshot,
            tail,
            xq,
            k,
            exclude=sorted(hidden),
            keep=lambda ids: np.array([i in self.rows and i not in trashed for i in ids.tolist()], bool),
        )
        unit = xq.astype(np.float64) / np.linalg.norm(xq.astype(np.float64))
        ranked = sorted(
            (-float(x.astype(np.float64) @ unit / np.linalg.norm(x.astype(np.float64))), -i)
            for i, (x, _) in self.rows.items()
            if i not in hidden | trashed
        )[:k]
        assert found.ids.tolist() == [-i for _, i in ranked]
        assert found.scores.tolist() == [-score for score, _ in ranked]

    @invariant()
    def what_was_open_stays_as_it_was(self) -> None:
        for snapshot, version, ids in getattr(self, "held", []):
            assert (snapshot.version, snapshot.ids().tolist()) == (version, ids)


TestIndexMachine = IndexMachine.TestCase
TestIndexMachine.settings = settings(max_examples=40, stateful_step_count=30)
