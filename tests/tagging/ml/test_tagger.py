import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagging.ml.tagger import Tagger
from tagging.vocabulary import load_builtin
from tests.tagging.ml.photos import pixels


@pytest.fixture
def tagger(encoder):
    return Tagger(encoder, load_builtin())


@pytest.fixture(scope="module")
def stored_tagger(open_once):
    return Tagger(open_once("efficientnet-lite0"), load_builtin())


def slugs(seen):
    return [load_builtin().slugs[index] for index in seen.tags]


def assert_same(seen, other):
    assert np.array_equal(seen.embedding, other.embedding)
    assert np.array_equal(seen.tags, other.tags)
    assert np.array_equal(seen.scores, other.scores)


def test_a_cat_is_tagged_cat(tagger):
    [seen] = tagger.annotate(pixels(tagger.encoder.spec.input_px, ("chelsea",)))
    assert "cat" in slugs(seen)


def test_what_is_seen_has_the_right_types_and_order(tagger):
    for seen in tagger.annotate(pixels(tagger.encoder.spec.input_px)):
        assert (seen.embedding.dtype, seen.embedding.shape) == (np.float16, (1280,))
        assert (seen.tags.dtype, seen.scores.dtype) == (np.int32, np.float32)
        assert len(seen.tags) == len(set(seen.tags)) == len(seen.scores)
        assert (np.diff(seen.scores) <= 0).all()


def test_only_tags_that_the_vocabulary_shows_are_seen(tagger):
    vocabulary, encoder = tagger.vocabulary, tagger.encoder
    embeddings = encoder.encode(pixels(encoder.spec.input_px)).astype(np.float16)
    scores = vocabulary.score(encoder.head.logits(embeddings))
    shown = vocabulary.present(scores, encoder.spec.name)
    for seen, row, present in zip(tagger.score(embeddings), scores, shown, strict=True):
        assert set(seen.tags) == set(np.flatnonzero(present))
        assert np.array_equal(seen.scores, row[seen.tags])


def test_tagging_pixels_and_scoring_what_was_stored_are_the_same(tagger):
    annotated = tagger.annotate(pixels(tagger.encoder.spec.input_px))
    for seen, again in zip(annotated, tagger.score(np.stack([s.embedding for s in annotated])), strict=True):
        assert_same(seen, again)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40), data=st.data())
def test_a_photo_scores_the_same_alone_and_in_any_batch(stored_tagger, seed, n, data):
    embeddings = np.random.default_rng(seed).exponential(0.5, (n, 1280)).astype(np.float16)
    start = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(start + 1, n))
    whole = stored_tagger.score(embeddings)
    for seen, other in zip(whole[start:end], stored_tagger.score(embeddings[start:end]), strict=True):
        assert_same(seen, other)


def test_nothing_gives_nothing(stored_tagger):
    assert stored_tagger.score(np.empty((0, 1280), np.float16)) == []
