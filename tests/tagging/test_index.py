"""The similarity index against a NumPy model: same answers, whatever happened to its files in between."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from tagging import index
from tagging.index import snapshot as snapshots
from tagging.index.vectors import as_codes, encode, new_index

D = 24
RNG = np.random.default_rng(2)


def some(n: int, start: int = 1, d: int = D) -> index.Batch:
    return index.Batch(np.arange(start, start + n), RNG.random((n, d)).astype(np.float16))


def built(folder: Path, batch: index.Batch, version: int = 1, **more: object) -> index.Snapshot:
    settings = {"release_sha": "sha-a", "dimensions": batch.embeddings.shape[1]} | more
    return index.build(folder, "release-1", version=version, batches=[batch], **settings)


def opened(folder: Path, release: str = "sha-a") -> index.Snapshot | None:
    return index.open_snapshot(folder, "release-1", release)


def exact(batch: index.Batch, xq: NDArray[np.float16], projection: NDArray[np.float32] | None = None):
    """Scores float32 [n] of every row, over the same rounded vectors."""
    xb = as_codes(encode(batch.embeddings, projection)).view(np.float16).astype(np.float32)
    return xb @ encode(xq[None], projection)[0]


def assert_is_exact(found: index.Neighbours, batch: index.Batch, scores: NDArray[np.float32], k: int) -> None:
    assert len(found.ids) == min(k, len(batch.ids))
    assert len(set(found.ids.tolist())) == len(found.ids)
    assert (np.diff(found.scores) <= 0).all()
    score_of = dict(zip(batch.ids.tolist(), scores.tolist(), strict=True))
    np.testing.assert_allclose(found.scores, [score_of[i] for i in found.ids.tolist()], atol=2e-6)
    left_out = [score for i, score in score_of.items() if i not in set(found.ids.tolist())]
    assert not left_out or max(left_out) <= found.scores[-1] + 2e-6


@pytest.mark.parametrize("n", [1, 5, 300])
@pytest.mark.parametrize("k", [1, 7, 1000])
def test_it_finds_what_exact_search_finds(tmp_path: Path, n: int, k: int) -> None:
    batch, xq = some(n), some(1).embeddings[0]
    found = index.search(built(tmp_path, batch), None, xq, k)
    assert_is_exact(found, batch, exact(batch, xq), k)


def test_a_snapshot_carries_its_projection_and_searches_through_it(tmp_path: Path) -> None:
    projection = np.linalg.qr(RNG.standard_normal((D, 6)))[0].astype(np.float32)
    old, new, xq = some(200), some(40, start=1000), some(1).embeddings[0]
    built(tmp_path, old, projection=projection)
    snapshot = opened(tmp_path)
    assert snapshot is not None
    assert snapshot.manifest.index_dimensions == 6
    np.testing.assert_array_equal(snapshot.projection, projection)
    both = index.Batch(np.concatenate([old.ids, new.ids]), np.concatenate([old.embeddings, new.embeddings]))
    assert_is_exact(index.search(snapshot, new, xq, 30), both, exact(both, xq, projection), 30)


def test_answers_do_not_change_when_the_tail_is_folded_in(tmp_path: Path) -> None:
    old, xq = some(300), some(1).embeddings[0]
    snapshot = built(tmp_path, old)
    tail = some(80, start=260)  # 41 of them annotated again
    before = index.search(snapshot, tail, xq, 60, exclude=[5, 6])
    folded = index.extend(snapshot, version=2, batches=[tail], drop=[5, 6])
    after = index.search(folded, None, xq, 60)
    np.testing.assert_array_equal(before.ids, after.ids)
    np.testing.assert_array_equal(before.scores, after.scores)
    assert (folded.version, folded.count) == (2, 337)


def test_without_a_snapshot_the_tail_alone_answers() -> None:
    batch, xq = some(50), some(1).embeddings[0]
    found = index.search(None, batch, xq, 10)
    assert_is_exact(found, batch, exact(batch, xq), 10)


def test_with_neither_nothing_is_found() -> None:
    assert index.search(None, None, some(1).embeddings[0], 10).ids.tolist() == []


def test_an_empty_index_is_an_index(tmp_path: Path) -> None:
    index.build(tmp_path, "release-1", release_sha="sha-a", version=7, dimensions=D, batches=[])
    snapshot = opened(tmp_path)
    assert snapshot is not None
    assert (snapshot.count, snapshot.version) == (0, 7)
    assert index.search(snapshot, None, some(1).embeddings[0], 5).ids.tolist() == []
    assert index.extend(snapshot, version=8, batches=[some(3)]).ids().tolist() == [1, 2, 3]
    emptied = index.extend(opened(tmp_path), version=9, batches=[], drop=[1, 2, 3])
    assert emptied.count == 0


def test_a_newer_embedding_hides_the_one_in_the_snapshot(tmp_path: Path) -> None:
    batch = some(20)
    snapshot = built(tmp_path, batch)
    xq = batch.embeddings[3]
    assert index.search(snapshot, None, xq, 1).ids.tolist() == [4]
    moved = index.Batch(np.array([4]), (-batch.embeddings[3:4]))
    found = index.search(snapshot, moved, xq, 20)
    assert found.ids.tolist().count(4) == 1
    assert found.ids[-1] == 4


def test_excluded_and_filtered_photos_cost_no_place(tmp_path: Path) -> None:
    batch, xq = some(5000), some(1).embeddings[0]
    snapshot = built(tmp_path, batch)
    asked: list[int] = []

    def rarely(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        assert len(ids) <= 1024
        asked.extend(ids.tolist())
        return ids % 97 == 0

    found = index.search(snapshot, None, xq, 30, exclude=[97, 194], keep=rarely)
    live = (batch.ids % 97 == 0) & ~np.isin(batch.ids, [97, 194])
    kept = index.Batch(batch.ids[live], batch.embeddings[live])
    assert_is_exact(found, kept, exact(kept, xq), 30)
    assert len(asked) == len(set(asked))
    assert not {97, 194} & set(asked)


def test_nothing_is_found_when_nothing_is_kept(tmp_path: Path) -> None:
    snapshot = built(tmp_path, some(300))
    found = index.search(snapshot, some(9, 500), some(1).embeddings[0], 5, keep=lambda ids: ids < 0)
    assert found.ids.tolist() == []


def test_equal_photos_come_highest_id_first_also_at_the_cut(tmp_path: Path) -> None:
    one = some(1).embeddings
    batch = index.Batch(np.arange(1, 501), np.repeat(one, 500, axis=0))
    snapshot = built(tmp_path, batch)
    tail = index.Batch(np.array([600, 250]), np.repeat(one, 2, axis=0))
    assert index.search(snapshot, tail, one[0], 4).ids.tolist() == [600, 500, 499, 498]
    assert index.search(snapshot, None, one[0], 3).ids.tolist() == [500, 499, 498]


def test_a_photo_without_any_signal_is_like_nothing(tmp_path: Path) -> None:
    batch = index.Batch(np.array([1, 2]), np.stack([np.zeros(D), np.ones(D)]).astype(np.float16))
    found = index.search(built(tmp_path, batch), None, np.ones(D, np.float16), 2)
    assert found.ids.tolist() == [2, 1]
    assert found.scores[1] == 0


def test_large_embeddings_do_not_overflow(tmp_path: Path) -> None:
    batch = index.Batch(np.array([1]), np.full((1, D), 60000, np.float16))
    assert index.search(built(tmp_path, batch), None, np.ones(D, np.float32), 1).scores[0] == pytest.approx(
        1, abs=1e-3
    )


@pytest.mark.parametrize(
    "batch",
    [
        index.Batch(np.array([1, 1]), np.ones((2, D), np.float16)),
        index.Batch(np.array([1, 2]), np.ones((3, D), np.float16)),
        index.Batch(np.array([1]), np.ones((1, D + 1), np.float16)),
        index.Batch(np.array([1]), np.full((1, D), np.nan, np.float16)),
        index.Batch(np.array([1]), np.ones((1, D), np.float64)),
        index.Batch(np.array([1.0]), np.ones((1, D), np.float16)),
    ],
    ids=["twice", "shapes", "dimensions", "nan", "float64", "float ids"],
)
def test_a_bad_batch_is_refused_and_the_old_snapshot_stays(tmp_path: Path, batch: index.Batch) -> None:
    old = built(tmp_path, some(5))
    with pytest.raises(ValueError):
        index.build(
            tmp_path, "release-1", release_sha="sha-a", version=2, dimensions=D, batches=[some(9, 50), batch]
        )
    assert opened(tmp_path) is old
    assert len(list(tmp_path.glob("*.faiss"))) == 1


def test_a_bad_question_is_refused(tmp_path: Path) -> None:
    snapshot = built(tmp_path, some(5))
    with pytest.raises(ValueError, match="finite"):
        index.search(snapshot, None, np.full(D, np.nan, np.float32), 1)
    with pytest.raises(ValueError, match="positive"):
        index.search(snapshot, None, np.ones(D, np.float32), 0)
    with pytest.raises(ValueError, match="twice"):
        index.search(
            snapshot, index.Batch(np.array([7, 7]), np.ones((2, D), np.float16)), np.ones(D, np.float32), 1
        )


def test_a_ready_made_tail_answers_like_its_batch_and_only_beside_its_snapshot(tmp_path: Path) -> None:
    snapshot, batch, xq = built(tmp_path, some(50)), some(20, start=40), some(1).embeddings[0]
    tail = index.encode_tail(snapshot, batch)
    once, again = (index.search(snapshot, t, xq, 30) for t in (batch, tail))
    np.testing.assert_array_equal(once.ids, again.ids)
    np.testing.assert_array_equal(once.scores, again.scores)
    newer = index.extend(snapshot, version=2, batches=[batch])
    with pytest.raises(ValueError, match="another snapshot"):
        index.search(newer, tail, xq, 30)


@pytest.mark.parametrize("key", ["", "a.b", "../a", "a/b", "a*"])
def test_a_key_that_could_reach_other_files_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        index.build(tmp_path, key, release_sha="sha-a", version=1, dimensions=D, batches=[])


def test_keys_in_one_folder_keep_out_of_each_others_way(tmp_path: Path) -> None:
    for key in ("release-1", "release-11", "release-1-1"):
        index.build(tmp_path, key, release_sha=key, version=1, dimensions=D, batches=[some(3)])
    built(tmp_path, some(4), release_sha="release-1")
    assert all(index.open_snapshot(tmp_path, key, key) for key in ("release-1", "release-11", "release-1-1"))
    assert index.open_snapshot(tmp_path, "release-1", "release-1").count == 4


def test_the_file_is_one_that_faiss_reads_by_itself(tmp_path: Path) -> None:
    batch = some(30)
    snapshot = built(tmp_path, batch)
    stored = as_codes(encode(batch.embeddings, None))
    theirs = new_index(D)
    theirs.add_sa_codes(stored, batch.ids)
    faiss.write_index(theirs, str(tmp_path / "theirs"))
    assert (tmp_path / snapshot.manifest.file).read_bytes() == (tmp_path / "theirs").read_bytes()
    np.testing.assert_array_equal(snapshot.codes(), stored)


def test_nothing_there_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tagging.index"):
        assert opened(tmp_path / "never made") is None
    assert [(r.index_key, r.reason) for r in caplog.records] == [("release-1", "missing")]


def torn_manifest(folder: Path) -> None:
    path = folder / "release-1.json"
    path.write_bytes(path.read_bytes()[:-20])


def changed_manifest(**values: object):
    def change(folder: Path) -> None:
        path = folder / "release-1.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def data_file(folder: Path) -> Path:
    return next(folder.glob("*.faiss"))


def truncated_data(folder: Path) -> None:
    os.truncate(data_file(folder), 500)


def one_bit_off(folder: Path) -> None:
    path = data_file(folder)
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    copy = folder / "copy"
    copy.write_bytes(data)
    copy.replace(path)


def zeroed_header(folder: Path) -> None:
    path = data_file(folder)
    header = snapshots.read_manifest(folder, "release-1").header_bytes
    (folder / "copy").write_bytes(bytes(header) + path.read_bytes()[header:])
    (folder / "copy").replace(path)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (torn_manifest, "manifest torn"),
        (lambda folder: (folder / "release-1.json").write_text("[]"), "another format"),
        (lambda folder: (folder / "release-1.json").write_bytes(b"\xff\xfe"), "manifest torn"),
        (changed_manifest(format=2), "another format"),
        (changed_manifest(count="30"), "manifest incomplete"),
        (changed_manifest(surprise=1), "manifest incomplete"),
        (changed_manifest(release_sha="sha-b"), "another release"),
        (changed_manifest(file="../release-1.x.faiss"), "data file outside the folder"),
        (changed_manifest(file="release-1.gone.faiss"), "data file missing"),
        (changed_manifest(count=29), "data file and manifest differ"),
        (changed_manifest(index_dimensions=12), "data file and manifest differ"),
        (lambda folder: data_file(folder).unlink(), "data file missing"),
        (truncated_data, "data file torn: size"),
        (one_bit_off, "data file torn: checksum"),
        (zeroed_header, "data file torn: checksum"),
    ],
)
def test_what_is_not_whole_is_noticed_and_built_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage, reason: str
) -> None:
    batch = some(30)
    fresh = built(tmp_path, batch)
    del fresh
    snapshots._opened.clear()
    damage(tmp_path)
    with caplog.at_level(logging.INFO, "tagging.index"):
        assert opened(tmp_path) is None
    assert [r.reason for r in caplog.records] == [reason]
    again = built(tmp_path, batch, version=2)
    assert opened(tmp_path) is again
    assert [p.name for p in tmp_path.glob("*.faiss")] == [again.manifest.file]


def test_damage_is_noticed_though_the_snapshot_is_open_already(tmp_path: Path) -> None:
    built(tmp_path, some(30))
    assert opened(tmp_path)
    one_bit_off(tmp_path)
    assert opened(tmp_path) is None


def test_another_release_finds_no_snapshot(tmp_path: Path) -> None:
    built(tmp_path, some(3))
    assert opened(tmp_path, "sha-b") is None


def test_the_checksum_is_computed_once_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built(tmp_path, some(30))
    monkeypatch.setattr(snapshots, "checksum", lambda *_: pytest.fail("computed again"))
    first = opened(tmp_path)
    assert first is opened(tmp_path)
    snapshots._opened.clear()  # as when many other corpora were opened since
    assert opened(tmp_path).manifest == first.manifest


def test_a_process_keeps_only_so_many_open(tmp_path: Path) -> None:
    for n in range(snapshots._KEPT_OPEN + 3):
        index.build(tmp_path, f"release-{n}", release_sha="a", version=1, dimensions=D, batches=[some(2)])
    assert len(snapshots._opened) == snapshots._KEPT_OPEN


def test_a_replaced_snapshot_stays_readable_for_who_has_it_open(tmp_path: Path) -> None:
    batch, xq = some(400), some(1).embeddings[0]
    old = built(tmp_path, batch)
    before = index.search(old, None, xq, 20)
    new = index.extend(old, version=2, batches=[], drop=before.ids)
    assert not (tmp_path / old.manifest.file).exists()
    np.testing.assert_array_equal(index.search(old, None, xq, 20).ids, before.ids)
    assert not set(index.search(new, None, xq, 20).ids) & set(before.ids)
    assert index.extend(old, version=3, batches=[]).count == 400  # its file is gone, its vectors are not


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    def batches():
        yield some(3)
        with pytest.raises(index.BusyError):
            built(tmp_path, some(4))

    snapshot = index.build(
        tmp_path, "release-1", release_sha="sha-a", version=1, dimensions=D, batches=batches()
    )
    assert snapshot.count == 3
    assert built(tmp_path, some(4)).count == 4


def test_readers_never_stumble_while_the_index_is_replaced(tmp_path: Path) -> None:
    batch = some(200)
    built(tmp_path, batch)
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            snapshot = opened(tmp_path)
            if snapshot is None:
                wrong.append("no snapshot")
                return
            found = index.search(snapshot, None, batch.embeddings[0], 250)
            if found.ids[0] != 1 or len(found.ids) != snapshot.version + 199:
                wrong.append(f"{len(found.ids)} at version {snapshot.version}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for version in range(2, 30):
        index.extend(opened(tmp_path), version=version, batches=[some(1, start=1000 + version)])
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


WRITER = """
import os, signal, sys
from pathlib import Path
import numpy as np
from tagging import index

folder, left = Path(sys.argv[1]), int(sys.argv[2])

def die(event, args):
    global left
    if event in ("open", "os.rename", "os.remove") and "release-1" in str(args[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

def batches():
    for start in range(0, 1000, 500):
        yield index.Batch(np.arange(start, start + 500), np.ones((500, 24), np.float16))

sys.addaudithook(die)
index.build(folder, "release-1", release_sha="sha-a", version=2, dimensions=24, batches=batches())
"""


@pytest.mark.fault
def test_a_writer_killed_before_any_file_operation_leaves_a_whole_snapshot(tmp_path: Path) -> None:
    outcomes = []
    for operations in range(40):
        built(tmp_path, some(30))
        left = len(list(tmp_path.glob("*.faiss")))
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(operations)]
        status = subprocess.run(command, check=False, cwd=Path(__file__).parents[2]).returncode
        snapshot = opened(tmp_path)
        assert left == 1
        assert snapshot is not None
        outcomes.append(snapshot.count)
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert outcomes == sorted(outcomes)  # the old one up to some moment, the new one from then on
    assert set(outcomes) == {30, 1000}
    assert len(outcomes) > 6
