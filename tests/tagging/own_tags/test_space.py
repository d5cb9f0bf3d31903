"""The scan of the index against one over the stored embeddings."""

from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings

from magicroll.models import Photo
from tagging import index, own_tags, sweeping
from tagging.models import Corpus, Embedding, Verdict
from tagging.own_heads import projection_of
from tagging.own_tags.learning import UNJUDGED, _some, evidence_of, learn
from tagging.own_tags.space import live_ids, open_space
from tests.factories import annotate, make_photo, make_user
from tests.tagging.own_tags.eyes import few_dimensions

pytestmark = pytest.mark.django_db


def corpus_of(owner_id: int) -> Corpus:
    return Corpus.objects.select_related("active__encoder").get(owner=owner_id)


def exact(corpus: Corpus, weights: np.ndarray) -> dict[int, float]:
    """Hold each stored embedding against weights, alone."""
    projection = projection_of(corpus.active.encoder)
    found = {}
    for photo_id, vector in Embedding.objects.filter(owner=corpus.owner_id).values_list("photo", "vector"):
        batch = index.Batch(np.array([photo_id]), np.frombuffer(vector, "<f2")[None])
        found[photo_id] = float(index.products(index.part_of(batch, projection).codes, weights)[0])
    return found


@pytest.mark.parametrize("snapshot", [False, True])
def test_every_product_is_that_of_the_stored_embedding(
    snapshot: bool, monkeypatch: pytest.MonkeyPatch, settings: LazySettings, tmp_path: Path
):
    """Also of photos that came after the snapshot, or that got new pixels since."""
    settings.INDEX_DIR = tmp_path
    user = make_user()
    with few_dimensions():
        monkeypatch.setattr("tagging.snapshots.installed_path", lambda spec, folder: folder)
        monkeypatch.setattr(
            "tagging.snapshots.index_projection", lambda path: projection_of(corpus.active.encoder)
        )
        corpus = corpus_of(user.pk)
        photos = [make_photo(user) for _ in range(9)]
        for number, photo in enumerate(photos[:7]):
            annotate(photo, {}, seed=number)
        if snapshot:
            monkeypatch.setattr("tagging.snapshots.TAIL_ROWS", 2)
            sweeping.compact(user.pk)
        for photo, seed in ((photos[7], 20), (photos[8], 21), (photos[2], 22)):
            Photo.objects.filter(pk=photo.pk).update(revision=2)
            photo.refresh_from_db()
            annotate(photo, {}, seed=seed)
        corpus = corpus_of(user.pk)
        space = open_space(corpus, corpus.active.encoder)
        assert (space.snapshot is not None) == snapshot
        weights = np.random.default_rng(1).normal(size=space.dimensions).astype(np.float32)
        found = dict(zip(space.ids.tolist(), space.products(weights).tolist(), strict=True))
        expected = exact(corpus, weights)
        assert found.keys() == expected.keys()
        assert len(found) == 9
        np.testing.assert_allclose(list(found.values()), [expected[one] for one in found], atol=1e-3)
        places = space.places(np.array([photo.pk for photo in (photos[8], photos[2], photos[0])]))
        by_hand = space.features(places).astype(np.float64) @ weights
        np.testing.assert_allclose(by_hand, space.products(weights)[places], atol=1e-5)


def test_what_is_no_longer_the_same_is_read_again():
    user = make_user()
    photo = make_photo(user)
    with few_dimensions():
        annotate(photo, {}, seed=1)
        first = open_space(corpus_of(user.pk), corpus_of(user.pk).active.encoder)
        assert open_space(corpus_of(user.pk), corpus_of(user.pk).active.encoder) is first
        annotate(make_photo(user), {}, seed=2)
        assert len(open_space(corpus_of(user.pk), corpus_of(user.pk).active.encoder).ids) == 2


def test_live_ids_are_those_of_the_roll():
    alice, bob = make_user(), make_user()
    assert live_ids(alice.pk).tolist() == []
    photos = [make_photo(alice) for _ in range(3)]
    make_photo(bob)
    Photo.objects.filter(pk=photos[1].pk).update(trashed_at="2024-01-01T00:00Z")
    assert live_ids(alice.pk).tolist() == [photos[0].pk, photos[2].pk]


def test_the_sample_of_the_unjudged_is_always_the_same_and_spread():
    ids = np.arange(1, 10_001)
    some = _some(ids, UNJUDGED)
    assert len(some) == UNJUDGED
    assert (np.diff(some) > 0).all()
    assert some.tolist() == _some(ids, UNJUDGED).tolist()
    assert abs(np.median(some) - 5000) < 500


def test_other_peoples_photos_and_verdicts_teach_nothing():
    alice, bob = make_user(), make_user()
    tag = own_tags.make(alice, "Rex")
    with few_dimensions():
        for user in (alice, bob):
            for seed in range(5):
                annotate(make_photo(user), {}, seed=seed)
        theirs = Photo.objects.owned_by(bob).first()
        assert own_tags.judge(alice, tag, [theirs.pk], Verdict.Kind.ADDED) == 0
        corpus = corpus_of(alice.pk)
        assert learn(open_space(corpus, corpus.active.encoder), evidence_of(alice.pk, tag)) is None
        mine = Photo.objects.owned_by(alice).first()
        own_tags.judge(alice, tag, [mine.pk], Verdict.Kind.ADDED)
        lesson = learn(open_space(corpus, corpus.active.encoder), evidence_of(alice.pk, tag))
        assert lesson is not None
        assert len(lesson.scores) == 5
