"""The similarity index's files: whatever happens to them, a reader gets a whole snapshot or none."""

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

from tagging import index
from tagging.index import snapshot as snapshots
from tagging.index.vectors import as_codes, encode, new_index
from tests.tagging.indexes import D, built, opened, some


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
    with caplog.at_level(logging.DEBUG, "tagging.index"):
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


def test_leftovers_make_room_before_anything_is_written(tmp_path: Path) -> None:
    leftover = tmp_path / "release-1.0123456789abcdef.faiss"
    leftover.write_bytes(b"half a file")

    def batches():
        assert not leftover.exists()
        yield some(3)

    index.build(tmp_path, "release-1", release_sha="sha-a", version=1, dimensions=D, batches=batches())


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
