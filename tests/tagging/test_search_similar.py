"""Similar photos held against NumPy, through snapshot and tail, whatever happens to the files."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_django import Settings

from magicroll import services
from magicroll.models import Photo, User
from tagging import search, snapshots, sweeping
from tagging.models import Stream
from tagging.writer import store_annotations
from tests.factories import annotate, annotation, make_photo, make_user

pytestmark = pytest.mark.django_db
K = 12


@pytest.fixture(autouse=True)
def index_dir(settings: Settings, tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.INDEX_DIR, settings.MODELS_DIR = tmp_path / "indexes", models_dir
    monkeypatch.setattr("tagging.snapshots.TAIL_ROWS", 10)
    return settings.INDEX_DIR


@pytest.fixture
def user() -> User:
    return make_user()


VECTORS: dict[int, NDArray[np.float16]] = {}


def make_photos(user: User, count: int, start: int = 0) -> list[Photo]:
    photos = [make_photo(user) for _ in range(count)]
    said = [annotation(photo, {"dog": 0.9}, seed=start + number) for number, photo in enumerate(photos)]
    VECTORS.update({one.photo_id: one.embedding for one in said})
    release = search.corpus_of(user).active_id
    assert store_annotations(user.pk, release, Stream.REALTIME, said) == count
    return photos


def expected(user: User, photo: Photo) -> list[int]:
    """Rank by NumPy alone, over the vectors as the index holds them: projected, normalised, float16."""
    snapshot = snapshots._snapshot(user.pk, search.corpus_of(user).active.encoder)
    live = list(Photo.objects.owned_by(user).live().exclude(pk=photo.pk).values_list("id", flat=True))
    x = np.array([VECTORS[i] for i in [photo.id, *live]], np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    if snapshot is not None and snapshot.projection is not None:
        x = x @ snapshot.projection.astype(np.float64)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    held = x[1:].astype(np.float16).astype(np.float64)
    order = np.argsort(-(held @ x[0]), kind="stable")[:K]
    return [live[place] for place in order]


def similar(user: User, photo: Photo) -> list[int]:
    answer = search.similar_photos(search.corpus_of(user), photo, K)
    assert answer.ready
    assert answer.scores == sorted(answer.scores, reverse=True)
    return [found.id for found in answer.photos]


def assert_exact(user: User, photos: list[Photo]) -> None:
    for photo in photos[::7]:
        assert similar(user, photo) == expected(user, photo)


def test_without_a_snapshot_it_is_exact(user: User):
    photos = make_photos(user, 30)
    assert_exact(user, photos)


def test_with_a_snapshot_and_a_tail_it_is_exact(user: User, index_dir: Path):
    photos = make_photos(user, 30)
    sweeping.compact(user.pk)
    assert list(index_dir.rglob("*.faiss"))
    assert_exact(user, photos)
    photos += make_photos(user, 9, start=100)
    assert_exact(user, photos)
    photos += make_photos(user, 9, start=200)
    sweeping.compact(user.pk)
    assert snapshots._snapshot(user.pk, search.corpus_of(user).active.encoder).count == 48
    assert_exact(user, photos)


def test_a_photo_annotated_anew_hides_its_older_vector(user: User):
    photos = make_photos(user, 30)
    sweeping.compact(user.pk)
    annotate(photos[3], {"dog": 0.9}, seed=777)
    VECTORS[photos[3].id] = np.random.default_rng(777).normal(size=1280).astype(np.float16)
    assert_exact(user, photos)


def test_what_is_not_in_ones_roll_never_occurs(user: User):
    stranger = make_user()
    photos = make_photos(user, 20)
    twins = make_photos(stranger, 20)  # the same vectors: nothing would be nearer
    sweeping.compact(user.pk)
    sweeping.compact(stranger.pk)
    services.trash(user, [photo.id for photo in photos[5:9]])
    services.purge(user, [photo.id for photo in photos[5:7]])
    later = make_photos(user, 4, start=50)
    services.trash(user, [later[0].id])
    live = set(Photo.objects.owned_by(user).live().values_list("id", flat=True))
    for photo in [*photos[:5], *later[1:]]:
        found = set(similar(user, photo))
        assert len(found) == K
        assert found <= live - {photo.id}
        assert found.isdisjoint(twin.id for twin in twins)
    services.restore(user, [photos[7].id])
    assert_exact(user, photos[:5])


@pytest.mark.parametrize("harm", ["deleted", "cut short", "a flipped byte", "no manifest", "a torn manifest"])
def test_whatever_happens_to_its_files_the_answers_are_the_same_once_it_is_built_again(
    user: User, index_dir: Path, harm: str
):
    photos = make_photos(user, 25)
    sweeping.compact(user.pk)
    before = [similar(user, photo) for photo in photos]
    (data,) = index_dir.rglob("*.faiss")
    (manifest,) = index_dir.rglob("*.json")
    damage(harm, data, manifest)
    assert_exact(user, photos)  # from the database meanwhile
    sweeping.compact(user.pk)
    assert [similar(user, photo) for photo in photos] == before


def damage(harm: str, data: Path, manifest: Path) -> None:
    content = bytearray(data.read_bytes())
    if harm == "deleted":
        data.unlink()
    elif harm == "cut short":
        data.write_bytes(content[:-100])
    elif harm == "a flipped byte":
        content[len(content) // 2] ^= 255
        data.unlink()  # another process may have the old file mapped
        data.write_bytes(content)
    elif harm == "no manifest":
        manifest.unlink()
    else:
        manifest.write_bytes(manifest.read_bytes()[:40])


def test_a_corpus_that_is_too_large_to_read_in_a_page_says_that_it_is_not_ready(
    user: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tagging.snapshots.LONGEST_TAIL", 5)
    photos = make_photos(user, 12)
    answer = search.similar_photos(search.corpus_of(user), photos[0], K)
    assert (answer.ready, answer.index_missing, answer.photos) == (False, True, [])
    sweeping.compact(user.pk)
    assert_exact(user, photos)


def test_a_photo_without_an_annotation_is_not_ready(user: User):
    answer = search.similar_photos(search.corpus_of(user), make_photo(user), K)
    assert (answer.ready, answer.photos) == (False, [])
