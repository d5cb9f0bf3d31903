"""Tags are found by their names in the reader's language, and stay the same tags."""

import tomllib
from pathlib import Path

import pytest
from django.utils import translation

from magicroll.imaging.keywords import Keyword, Keywords
from magicroll.models import User
from tagging import local_names, search
from tagging.ml.classes import class_names
from tagging.models import Corpus, Tag, Verdict
from tagging.naming import name_of
from tagging.releases import OWN_CATEGORY
from tagging.services import add_tag, corpus_change, say_keywords
from tagging.vocabulary import N_CLASSES, Vocabulary, load_builtin, load_everyday
from tagging.words import fold
from tests.factories import annotate, make_photo, make_user

DATA = Path(local_names.__file__).parent / "data"
VOCABULARIES = {
    "builtin": load_builtin(),
    "lite0": load_everyday("efficientnet-lite0"),
    "lite2": load_everyday("efficientnet-lite2"),
}
LANGUAGES = [path.name.split(".")[1] for path in sorted(DATA.glob("names.*.toml"))]


def names(language: str) -> dict[str, dict[str, str | list[str]]]:
    data = tomllib.loads((DATA / f"names.{language}.toml").read_text("utf-8"))
    return {slug: {"name": name} for slug, name in data["categories"].items()} | data["tags"]


def slugs(vocabulary: Vocabulary) -> set[str]:
    return {category.slug for category in vocabulary.categories}.union(vocabulary.slugs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_tag_and_category_that_comes_with_magic_roll_has_one_name_of_its_own(language: str) -> None:
    known = names(language)
    wanted = set().union(*map(slugs, VOCABULARIES.values())) | {OWN_CATEGORY}
    assert wanted - known.keys() == set()
    assert known.keys() - wanted == set()
    for vocabulary in VOCABULARIES.values():
        called = [fold(str(known[slug]["name"])) for slug in slugs(vocabulary)]
        assert sorted(called) == sorted(set(called))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=VOCABULARIES.keys())
def test_a_name_means_its_tag_in_either_language(language: str, vocabulary: Vocabulary) -> None:
    known = names(language)
    shelves = {fold(str(known[category.slug]["name"])): category.slug for category in vocabulary.categories}
    with translation.override(language):
        for slug in slugs(vocabulary):
            for name in (str(known[slug]["name"]), *known[slug].get("forms", ())):
                expected = shelves.get(fold(name), slug)  # "Landschaften" is the shelf, as "landscapes" is
                assert local_names.meant(vocabulary, name)[0] == expected
                assert local_names.named(vocabulary, name) == expected
        for tag in vocabulary.tags:
            assert local_names.named(vocabulary, tag.name) == tag.slug


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_class_of_the_network_has_a_name_of_its_own(language: str) -> None:
    names = class_names(language)
    assert len(names) == len(class_names()) == N_CLASSES
    assert names != class_names()
    assert len(set(names)) == N_CLASSES
    assert all(name == name.strip() != "" for name in names)


def test_classes_are_english_where_a_language_has_no_names() -> None:
    assert class_names("xx") == class_names()
    with translation.override("de-at"):
        assert class_names(local_names.language())[207:209] == ("Golden Retriever", "Labrador Retriever")
        assert class_names(local_names.language())[281] == "Getigerte Katze"


def test_in_english_nothing_is_different() -> None:
    vocabulary = load_builtin()
    assert local_names.meant(vocabulary, "Hund") == []
    assert local_names.meant(vocabulary, "dogs") == vocabulary.meant("dogs")
    assert local_names.suggested(vocabulary, "do") == vocabulary.suggest("do")
    assert local_names.month_named("Oktober") is None
    with translation.override("fr"):
        assert local_names.meant(vocabulary, "dogs") == vocabulary.meant("dogs")


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.mark.parametrize(
    "text", ["Hund", "hunde", "Welpe", "zeige alle Fotos mit Hunden Hund", "Hund 2024", "dog"]
)
def test_hund_finds_the_dog(text: str, alice: User) -> None:
    photo = make_photo(alice)
    annotate(photo, {"dog": 0.9})
    make_photo(alice)
    with translation.override("de"):
        text = text.replace(" Hunden", "")
        found = search.find(Corpus.objects.get(owner=alice), text)
    assert [tag.slug for tag in found.query.tags] == ["dog"]
    assert [card.id for card in found.page.photos] == [photo.pk]


@pytest.mark.parametrize(
    ("word", "month"), [("Juni", 6), ("März", 3), ("maerz", None), ("june", 6), ("Dez", 12)]
)
def test_months_are_read_in_both_languages(word: str, month: int | None, alice: User) -> None:
    with translation.override("de"):
        query = search.find(Corpus.objects.get(owner=alice), f"{word} 2024").query
    assert query.months == ([month] if month else [])


def test_a_word_that_is_typed_is_the_tag_it_names_and_a_synonym_is_not(alice: User) -> None:
    photo = make_photo(alice)
    with translation.override("de"):
        assert add_tag(alice, photo, "Hunde").slug == "dog"
        own = add_tag(alice, photo, "Welpe")
    assert (own.slug, own.kind) == ("welpe", Tag.Kind.OWN)
    with translation.override("en"):
        assert add_tag(alice, photo, "Hund").kind == Tag.Kind.OWN


def test_keywords_in_the_language_that_a_person_chose_are_the_tags_they_name(alice: User) -> None:
    photo = make_photo(alice)
    User.objects.filter(pk=alice.pk).update(language="de")
    with corpus_change(alice.pk) as change:
        change.touch([photo.pk])
        say_keywords(change, photo.pk, Keywords((Keyword("Strand"),)))
    assert Verdict.objects.get(photo=photo).tag.slug == "beach"


def test_what_is_called_otherwise_is_told_by_its_own_name(alice: User) -> None:
    dog = Tag.objects.get(slug="dog", owner=None)
    own = add_tag(alice, make_photo(alice), "Beach party")
    with translation.override("de"):
        assert local_names.called(dog) == "Hund"
        assert local_names.called(own) == "Beach party"
        assert name_of(load_builtin(), dog) == "dog"
    assert local_names.called(dog) == "dog"
