"""The vocabulary: what it accepts, how it scores, what a search finds."""

import json
import re
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging.vocabulary import (
    N_CLASSES,
    CategorySpec,
    TagSpec,
    Vocabulary,
    VocabularyError,
    load_builtin,
)

ENCODERS = ("efficientnet-lite0", "efficientnet-lite2")
DOG, CAT = 207, 281  # golden retriever, tabby
GREAT_APE, LAST_PRIMATE = 365, 384  # orangutan ... indri, the primates of ILSVRC-2012


def tag(slug: str, parent: str | None = None, classes: tuple[int, ...] = (), **changes: object) -> TagSpec:
    facts = {"name": slug, "category": "animals", "synonyms": (), "thresholds": {"tiny": 0.5}, **changes}
    return TagSpec(slug=slug, parent=parent, classes=classes, **facts)


def vocabulary(*tags: TagSpec) -> Vocabulary:
    return Vocabulary("test", "made up", (CategorySpec("animals", "Animals"),), tags)


@pytest.fixture
def pets() -> Vocabulary:
    return vocabulary(
        tag("animal", synonyms=("créature",)),
        tag("dog", "animal", (1, 2), synonyms=("puppy", "puppies", "hot-blooded")),
        tag("cat", "animal", (3,), thresholds={"tiny": 0.2}),
        tag("catfish", "animal", (4,)),
    )


def logits_for(*classes: int) -> np.ndarray:
    logits = np.zeros((len(classes), N_CLASSES), dtype=np.float32)
    logits[np.arange(len(classes)), classes] = 20.0
    return logits


@pytest.mark.parametrize(
    ("tags", "complaint"),
    [
        ([tag("dog", category="plants")], "unknown category 'plants'"),
        ([tag("dog", "pet")], "unknown parent 'pet'"),
        ([tag("dog", "dog")], "own ancestor"),
        ([tag("a", "b"), tag("b", "c"), tag("c", "a")], "own ancestor"),
        ([tag("dog"), tag("dog")], "'dog' is used twice"),
        ([tag("animals")], "'animals' is used twice"),
        ([tag("dog", classes=(1000,))], "class 1000, outside 0..999"),
        ([tag("dog", classes=(-1,))], "class -1, outside 0..999"),
        ([tag("dog", thresholds={"tiny": 0.0})], "threshold 0.0"),
        ([tag("dog", thresholds={"tiny": 1.5})], "threshold 1.5"),
        ([tag("dog", thresholds={"tiny": float("nan")})], "threshold nan"),
        ([tag("")], "no slug"),
    ],
)
def test_it_refuses_what_does_not_fit_together(tags: list[TagSpec], complaint: str) -> None:
    with pytest.raises(VocabularyError, match=re.escape(complaint)):
        vocabulary(*tags)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"name": 1', '{"name": "x", "source": "y", "categories": 3, "tags": []}']
)
def test_it_refuses_text_that_is_no_vocabulary(text: str) -> None:
    with pytest.raises(VocabularyError):
        Vocabulary.from_json(text)


def test_json_round_trips_and_the_hash_is_of_its_content(pets: Vocabulary) -> None:
    again = Vocabulary.from_json(pets.to_json())

    assert again == pets
    assert again.sha256 == pets.sha256
    assert vocabulary(*pets.tags[:-1]).sha256 != pets.sha256


def test_the_hash_does_not_depend_on_how_the_text_is_laid_out(pets: Vocabulary) -> None:
    assert Vocabulary.from_json(json.dumps(json.loads(pets.to_json()), indent=4)).sha256 == pets.sha256


def test_a_score_is_the_probability_of_a_tag_and_its_children(pets: Vocabulary) -> None:
    logits = np.full((1, N_CLASSES), -30.0, dtype=np.float32)
    logits[0, [1, 2, 3, 500]] = np.log([0.3, 0.2, 0.1, 0.4])

    scores = pets.score(logits)

    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [[0.6, 0.5, 0.1, 0.0]], atol=1e-6)


def test_scores_stand_huge_logits_and_no_photos(pets: Vocabulary) -> None:
    assert pets.score(logits_for(1) * 1e4).tolist() == [[1.0, 1.0, 0.0, 0.0]]
    assert pets.score(np.zeros((0, N_CLASSES), dtype=np.float32)).shape == (0, 4)


@pytest.mark.parametrize("shape", [(N_CLASSES,), (2, 999), (1, 2, N_CLASSES)])
def test_scoring_refuses_other_shapes(pets: Vocabulary, shape: tuple[int, ...]) -> None:
    with pytest.raises(VocabularyError, match="logits must be"):
        pets.score(np.zeros(shape, dtype=np.float32))


@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(0.0, 40.0))
def test_a_parent_never_scores_below_its_child(seed: int, spread: float) -> None:
    logits = np.random.default_rng(seed).normal(0.0, spread, (5, N_CLASSES)).astype(np.float32)
    builtin = load_builtin()
    scores = builtin.score(logits)
    column = {slug: i for i, slug in enumerate(builtin.slugs)}

    assert scores.min() >= 0.0
    assert scores.max() <= 1.0
    for spec in builtin.tags:
        if spec.parent is not None:
            assert (scores[:, column[spec.parent]] >= scores[:, column[spec.slug]]).all()


def test_thresholds_are_by_encoder(pets: Vocabulary) -> None:
    assert pets.thresholds("tiny").dtype == np.float32
    assert pets.thresholds("tiny").tolist() == pytest.approx([0.5, 0.5, 0.2, 0.5])
    with pytest.raises(VocabularyError, match="no thresholds for encoder 'huge'"):
        pets.thresholds("huge")


def test_a_child_on_show_brings_its_parents(pets: Vocabulary) -> None:
    scores = np.array([[0.3, 0.0, 0.3, 0.0], [0.6, 0.3, 0.1, 0.2]], dtype=np.float32)

    assert pets.present(scores, "tiny").tolist() == [[True, False, True, False], [True, False, False, False]]


def test_ancestors_are_nearest_first_and_without_the_category() -> None:
    line = vocabulary(tag("animal"), tag("cat", "animal"), tag("tabby", "cat"))

    assert line.ancestors("tabby") == ("cat", "animal")
    assert line.ancestors("animal") == ()
    assert line.category_of("tabby") == "animals"
    with pytest.raises(VocabularyError, match="no tag 'unicorn'"):
        line.category_of("unicorn")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("dog", ["dog"]),
        (" DOGS ", ["dog"]),
        ("puppies", ["dog"]),
        ("hot blooded", ["dog"]),
        ("creature", ["animal"]),
        ("CRÉATURES", ["animal"]),
        ("cat", ["cat"]),
        ("animals", ["animals", "animal"]),
        ("catf", []),
        ("ca", []),
        ("", []),
        ("!?", []),
        ("unicorn", []),
    ],
)
def test_a_search_means_tags_by_name_plural_or_synonym(
    pets: Vocabulary, words: str, found: list[str]
) -> None:
    assert pets.meant(words) == found


def test_a_name_is_found_by_the_name_alone(pets: Vocabulary) -> None:
    assert pets.named("Dogs") == "dog"
    assert pets.named("Animals") == "animals"
    assert pets.named("puppy") is None
    assert pets.named("do") is None


def test_suggestions_put_exact_matches_before_completions(pets: Vocabulary) -> None:
    assert pets.suggest("cat") == ["cat", "catfish"]
    assert pets.suggest("ani") == ["animal", "animals"]


def test_the_builtin_is_stored_in_its_canonical_form() -> None:
    text = (resources.files("tagging") / "data" / "imagenet-wordnet.json").read_text("utf-8")

    assert load_builtin().to_json() == text


def test_the_builtin_has_everyday_tags_on_about_a_dozen_shelves() -> None:
    builtin = load_builtin()

    assert 10 <= len(builtin.categories) <= 15
    assert 80 <= len(builtin.tags) <= 180
    assert {c.slug for c in builtin.categories} == {t.category for t in builtin.tags}
    assert all(spec.classes for spec in builtin.tags)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.slug) for spec in builtin.tags)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_builtin_has_thresholds_for_both_encoders(encoder: str) -> None:
    assert load_builtin().thresholds(encoder).shape == (len(load_builtin().tags),)


def test_no_builtin_tag_rests_on_a_primate() -> None:
    """People mislabelled as apes are a known harm: these classes may speak for nothing at all."""
    used = {index for spec in load_builtin().tags for index in spec.classes}

    assert not used & set(range(GREAT_APE, LAST_PRIMATE + 1))
    assert load_builtin().score(logits_for(*range(GREAT_APE, LAST_PRIMATE + 1))).max() < 1e-4


@pytest.mark.parametrize("word", ["ape", "monkey", "gorilla", "pig", "rifle", "gun", "bra", "diaper"])
def test_no_builtin_word_can_offend(word: str) -> None:
    terms = {
        term.casefold() for spec in load_builtin().tags for term in (spec.slug, spec.name, *spec.synonyms)
    }

    assert word not in terms


@pytest.mark.parametrize(
    ("index", "shown"),
    [
        (DOG, {"dog", "animal"}),
        (CAT, {"cat", "animal"}),
        (963, {"pizza", "food"}),
        (555, {"truck", "vehicle"}),
    ],
)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_sure_class_shows_its_tag_and_the_parents(index: int, shown: set[str], encoder: str) -> None:
    builtin = load_builtin()
    present = builtin.present(builtin.score(logits_for(index)), encoder)[0]

    assert {slug for slug, on in zip(builtin.slugs, present, strict=True) if on} == shown


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("dogs", "dog"),
        ("golden retriever", "dog"),
        ("Kitten", "cat"),
        ("people", "people"),
        ("food", "food"),
        ("cathedral", "church"),
        ("bike", "bicycle"),
        ("ocean", "sea"),
        ("CAFÉ", "coffee"),
        ("butterflies", "butterfly"),
        ("screenshots", "screenshot"),
        ("food & drink", "food-and-drink"),
    ],
)
def test_the_builtin_understands_what_people_type(words: str, first: str) -> None:
    assert load_builtin().meant(words)[0] == first
