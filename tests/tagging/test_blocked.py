"""The blocked list: no release may say such a thing."""

import pytest

from tagging.blocked import BlockedWords, blocked_in, blocked_words, refuse_blocked
from tagging.ml.registry import ENCODERS
from tagging.models import Release, Tag
from tagging.releases import register_release
from tagging.vocabulary import CategorySpec, TagSpec, Vocabulary, load_builtin, load_everyday


def vocabulary(name: str, *synonyms: str, slug: str = "some", category: str = "Animals") -> Vocabulary:
    tag = TagSpec(slug, name, "animals", None, synonyms, (), {"efficientnet-lite0": 0.5})
    return Vocabulary("test", "made up", (CategorySpec("animals", category),), (tag,))


@pytest.mark.parametrize(
    "one",
    [
        vocabulary("gorilla"),
        vocabulary("Górillas"),
        vocabulary("fat person"),
        vocabulary("person", slug="black-person"),
        vocabulary("person", category="Elderly"),
        vocabulary("animal", "MONKEYS"),
        vocabulary("obese_people"),
    ],
)
def test_it_refuses_what_could_be_said(one: Vocabulary) -> None:
    with pytest.raises(BlockedWords, match="No release may say"):
        refuse_blocked(one)


@pytest.mark.parametrize(
    "one", [vocabulary("grape"), vocabulary("elephant", "Indian elephant"), vocabulary("landscape")]
)
def test_it_lets_harmless_words_be(one: Vocabulary) -> None:
    assert blocked_in(one) == []


def test_our_own_vocabularies_say_nothing_of_the_kind() -> None:
    assert len(blocked_words()) > 100
    assert blocked_in(load_builtin()) == []
    assert all(blocked_in(load_everyday(name)) == [] for name in ENCODERS)


@pytest.mark.django_db
def test_such_a_release_is_not_registered() -> None:
    with pytest.raises(BlockedWords):
        register_release(ENCODERS["efficientnet-lite0"], vocabulary("monkey"), default=False)
    assert not Release.objects.exists()
    assert not Tag.objects.filter(slug="some").exists()
