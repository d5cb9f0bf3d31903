"""The everyday vocabulary and its heads, as they are shipped, on real photos."""

from dataclasses import replace

import numpy as np
import pytest

from tagging.ml.encoder import Encoder
from tagging.ml.registry import ENCODERS
from tagging.ml.tagger import Tagger
from tagging.models import Release
from tagging.releases import register_release, release_tags
from tagging.vocabulary import N_CLASSES, Vocabulary, VocabularyError, load_builtin, load_everyday
from tests.tagging.ml.conftest import encoder, open_once, spec  # noqa: F401
from tests.tagging.ml.photos import NAMES, pixels

BOTH = sorted(ENCODERS)


@pytest.fixture
def everyday(encoder: Encoder) -> Vocabulary:  # noqa: F811
    return load_everyday(encoder.spec.name)


def slugs_of(vocabulary: Vocabulary, indices: np.ndarray) -> set[str]:
    return {vocabulary.slugs[index] for index in indices}


def test_real_photos_get_their_tags(encoder: Encoder, everyday: Vocabulary) -> None:  # noqa: F811
    seen = Tagger(encoder, everyday).annotate(pixels(encoder.spec.input_px))
    found = {name: slugs_of(everyday, one.tags) for name, one in zip(NAMES, seen, strict=True)}
    assert {"person"} <= found["astronaut"]
    assert {"animal", "pet", "cat"} <= found["chelsea"]
    assert not {"dog", "bird", "horse", "vehicle"} & found["chelsea"]
    assert not {"animal", "person"} & found["coffee"]


def test_a_cat_is_a_cat_more_than_any_other_pet(encoder: Encoder, everyday: Vocabulary) -> None:  # noqa: F811
    embeddings = encoder.encode(pixels(encoder.spec.input_px)).astype(np.float16)
    scores = everyday.score(encoder.head.logits(embeddings), embeddings)[NAMES.index("chelsea")]
    by_slug = dict(zip(everyday.slugs, scores.tolist(), strict=True))
    assert by_slug["cat"] > 0.5 > max(by_slug[slug] for slug in ("dog", "rabbit", "bird", "fish"))


def test_scores_are_the_same_alone_and_in_a_batch(encoder: Encoder, everyday: Vocabulary) -> None:  # noqa: F811
    embeddings = np.random.default_rng(5).exponential(0.4, (300, 1280)).astype(np.float16)
    tagger = Tagger(encoder, everyday)
    whole = tagger.score(embeddings)
    for i in (0, 1, 255, 256, 299):
        [alone] = tagger.score(embeddings[i : i + 1])
        assert np.array_equal(alone.tags, whole[i].tags)
        # Some processors' kernels sum a row in another order by its place among the rows.
        np.testing.assert_allclose(alone.scores, whole[i].scores, rtol=0, atol=1e-6)


def test_a_parent_never_scores_less_than_its_child(encoder: Encoder, everyday: Vocabulary) -> None:  # noqa: F811
    embeddings = np.random.default_rng(6).exponential(0.4, (100, 1280)).astype(np.float16)
    scores = everyday.score(encoder.head.logits(embeddings), embeddings)
    column = {slug: i for i, slug in enumerate(everyday.slugs)}
    for tag in everyday.tags:
        if tag.parent is not None:
            assert (scores[:, column[tag.parent]] >= scores[:, column[tag.slug]]).all()


@pytest.mark.parametrize("name", BOTH)
def test_it_survives_being_written_down(name: str) -> None:
    vocabulary = load_everyday(name)
    again = Vocabulary.from_json(vocabulary.to_json())
    assert again.sha256 == vocabulary.sha256
    assert [tag.shown for tag in again.tags] == [tag.shown for tag in vocabulary.tags]


@pytest.mark.parametrize("name", BOTH)
def test_it_is_neither_small_nor_huge(name: str) -> None:
    vocabulary = load_everyday(name)
    assert 80 <= len(vocabulary.tags) <= 120
    assert 11 <= len(vocabulary.categories) <= 16
    assert sum(tag.shown for tag in vocabulary.tags) >= 40


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(
    ("words", "slug"),
    [
        ("children", "child"),
        ("pets", "pet"),
        ("landscapes", "landscape"),
        ("sunsets", "sunset"),
        ("people", "person"),
    ],
)
def test_the_names_of_the_seed_find_their_tags_and_these_are_shown(name: str, words: str, slug: str) -> None:
    everyday = load_everyday(name)
    assert slug in everyday.meant(words)
    assert next(tag for tag in everyday.tags if tag.slug == slug).shown


@pytest.mark.parametrize("name", BOTH)
def test_no_word_is_a_tag_here_and_a_category_there(name: str) -> None:
    ours, builtin = load_everyday(name), load_builtin()
    assert not set(ours.slugs) & {category.slug for category in builtin.categories}
    assert not set(builtin.slugs) & {category.slug for category in ours.categories}


def test_what_is_not_shown_stays_unseen(everyday: Vocabulary) -> None:
    sure = np.ones((1, len(everyday.tags)), np.float32)
    [name] = everyday.tags[0].thresholds
    hidden = np.array([not tag.shown for tag in everyday.tags])
    brought = {slug for tag in everyday.tags if tag.shown for slug in everyday.ancestors(tag.slug)}
    shown = slugs_of(everyday, np.flatnonzero(everyday.present(sure, name)[0] & hidden))
    assert shown <= brought


def test_heads_need_embeddings(everyday: Vocabulary) -> None:
    with pytest.raises(VocabularyError, match="needs embeddings"):
        everyday.score(np.zeros((2, N_CLASSES), np.float32))


def test_another_encoder_is_refused(encoder: Encoder) -> None:  # noqa: F811
    other = load_everyday(next(name for name in BOTH if name != encoder.spec.name))
    with pytest.raises(VocabularyError, match="were trained for"):
        Tagger(encoder, other)


def test_heads_for_other_tags_are_refused(everyday: Vocabulary) -> None:
    with pytest.raises(VocabularyError, match="shape"):
        replace(everyday, tags=everyday.tags[:-1])


@pytest.mark.django_db
def test_it_becomes_a_release() -> None:
    name = "efficientnet-lite2"
    release = register_release(ENCODERS[name], load_everyday(name), default=False)
    tags = release_tags(release.pk)
    assert tags.vocabulary.sha256 == release.vocabulary_sha256
    assert len(set(tags.ids.tolist())) == len(tags.vocabulary.tags)


@pytest.mark.django_db
def test_no_release_with_heads_for_another_encoder() -> None:
    with pytest.raises(VocabularyError, match="were trained for"):
        register_release(ENCODERS["efficientnet-lite0"], load_everyday("efficientnet-lite2"), default=False)
    assert not Release.objects.exists()
