"""The similarity index against exact search in NumPy."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tagging import index
from tagging.index.vectors import as_codes, encode
from tests.tagging.indexes import RNG, D, built, opened, some


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
