"""What photos bring along becomes their owner's word, and what is given back reads the same."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from magicroll.imaging.keywords import Keyword, Keywords
from magicroll.imaging.xmp import parse_xmp
from magicroll.imaging.xmp_writer import Description, write_xmp
from magicroll.models import Photo, User
from tagging.models import Corpus, PhotoTag, Tag, Verdict
from tagging.naming import TagRefused
from tagging.services import add_tag, keywords_on, reject_tag, say_keywords
from tagging.verify import differences
from tagging.vocabulary import load_builtin
from tagging.writer import corpus_change
from tests.factories import annotate, make_photo, make_user

pytestmark = pytest.mark.django_db


def say(photo: Photo, keywords: Keywords) -> int:
    with corpus_change(photo.owner_id) as change:
        change.touch([photo.pk])
        return say_keywords(change, photo.pk, keywords)


def added(*words: str) -> Keywords:
    return Keywords(tuple(map(Keyword, words)))


def verdicts(photo: Photo) -> dict[str, str]:
    said = Verdict.objects.owned_by(photo.owner_id).filter(photo=photo).select_related("tag")
    return {f"{verdict.tag.kind}:{verdict.tag.slug}": verdict.kind for verdict in said}


def seen(photo: Photo) -> set[str]:
    return set(PhotoTag.objects.filter(photo=photo).values_list("tag__slug", flat=True))


def told(photo: Photo) -> Keywords:
    corpus = Corpus.objects.get(owner=photo.owner_id)
    return keywords_on(corpus, [photo.pk]).get(photo.pk, Keywords())


def through_a_file(keywords: Keywords) -> Keywords:
    return parse_xmp(write_xmp(Description(keywords)))


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def photo(alice: User) -> Photo:
    return make_photo(alice)


def test_a_word_is_the_tag_it_names_and_else_an_own_tag(alice: User, photo: Photo) -> None:
    annotate(photo, {"beach": 0.9})
    assert say(photo, added("DOGS", "Fluffy", "beach")) == 3
    assert verdicts(photo) == {"tag:dog": "added", "own:fluffy": "added", "tag:beach": "added"}
    assert {"dog", "animals", "fluffy", "my-tags", "beach"} <= seen(photo)
    assert PhotoTag.objects.get(photo=photo, tag__slug="beach").score == 1
    assert differences(alice.pk) == []


def test_a_synonym_is_not_bent_into_another_word(photo: Photo) -> None:
    synonym = next(tag for tag in load_builtin().tags if tag.slug == "dog").synonyms[0]
    say(photo, added(synonym))
    assert verdicts(photo) == {f"own:{synonym.replace(' ', '-')}": "added"}


def test_words_are_found_as_people_who_type_find_them(alice: User, photo: Photo) -> None:
    other = make_photo(alice)
    for words in ("Dog", " big  DOG ", "Ünïcode", "C++ & more", "birds", "Zoë’s"):
        add_tag(alice, other, words)
        say(photo, added(words))
        assert verdicts(photo) == verdicts(other)
    assert Tag.objects.filter(owner=alice).count() == 4


def test_a_category_is_no_tag_and_what_no_tag_can_be_called_is_passed_over(photo: Photo) -> None:
    assert say(photo, added("People", "!!!", "x" * 81, "")) == 0
    assert say(photo, Keywords()) == 0
    assert not Tag.objects.filter(kind="own").exists()


def test_above_a_word_counts_what_names_a_tag_and_would_not_come_anyway(photo: Photo) -> None:
    tree = Keywords((Keyword("Rex", ("Holiday", "Animals", "Dog")), Keyword("Puppy", ("My tags",))))
    say(photo, tree)
    assert verdicts(photo) == {"own:rex": "added", "tag:dog": "added", "own:puppy": "added"}


def test_parents_that_come_along_need_no_word_of_their_own(alice: User) -> None:
    child = next(tag for tag in load_builtin().tags if tag.parent is not None)
    photo = make_photo(alice)
    say(photo, Keywords((Keyword(child.name, (str(child.parent),)),)))
    assert verdicts(photo) == {f"tag:{child.slug}": "added"}
    assert child.parent in seen(photo)


def test_rejected_words_are_rejected_unless_they_are_said_as_well(alice: User, photo: Photo) -> None:
    annotate(photo, {"dog": 0.9, "beach": 0.8})
    say(photo, Keywords((Keyword("beach"), Keyword("Rex", ("Dog",))), ("dog", "beach", "nobody")))
    expected = {"tag:dog": "rejected", "tag:beach": "added", "own:rex": "added", "own:nobody": "rejected"}
    assert verdicts(photo) == expected
    assert "dog" not in seen(photo)
    assert differences(alice.pk) == []


def test_what_a_person_said_before_stays(alice: User, photo: Photo) -> None:
    reject_tag(alice, photo, Tag.objects.get(slug="dog").pk)
    say(photo, added("dog", "cat"))
    assert verdicts(photo) == {"tag:dog": "rejected", "tag:cat": "added"}


def test_an_own_tag_is_the_persons_alone(alice: User, photo: Photo) -> None:
    bobs = make_photo(make_user("bob"))
    say(bobs, added("Fluffy"))
    say(photo, added("fluffy"))
    assert Tag.objects.filter(slug="fluffy").count() == 2
    assert told(bobs) == Keywords((Keyword("Fluffy"),), (), is_ours=True)


def test_what_is_told_has_its_tree(alice: User, photo: Photo) -> None:
    add_tag(alice, photo, "dog")
    add_tag(alice, photo, "Fluffy")
    keywords = told(photo)
    assert keywords.is_ours
    above = {word.name: word.above for word in keywords.added}
    assert above["Fluffy"] == ()
    assert above["dog"][0] == "Animals"
    assert told(make_photo(alice)) == Keywords()


def test_a_tag_of_another_release_is_told_by_a_name_that_means_it(alice: User, photo: Photo) -> None:
    other = Tag.objects.create(slug="dog-in-art", name="Dog", kind="tag")
    Verdict.objects.create(owner=alice, photo=photo, tag=other, kind="added")
    again = make_photo(make_user("bob"))
    say(again, through_a_file(told(photo)))
    assert verdicts(again) == {"tag:dog-in-art": "added"}


SLUGS = st.sampled_from([tag.slug for tag in load_builtin().tags])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    added=st.sets(st.one_of(SLUGS, st.text(max_size=60)), max_size=6),
    rejected=st.sets(SLUGS, max_size=6),
)
def test_what_a_person_says_survives_a_way_through_files(
    added: set[str], rejected: set[str], alice: User
) -> None:
    photo, again = make_photo(alice), make_photo(alice)
    for words in sorted(added):
        try:
            add_tag(alice, photo, words)
        except TagRefused:
            continue
    for slug in sorted(rejected):
        reject_tag(alice, photo, Tag.objects.get(owner=None, slug=slug).pk)
    said = verdicts(photo)
    keywords = through_a_file(told(photo))
    say(again, keywords)
    assert verdicts(again) == said
    elsewhere = make_photo(make_user())
    say(elsewhere, keywords)
    assert verdicts(elsewhere) == said
    assert differences(alice.pk) == []
    assert differences(elsewhere.owner_id) == []


def test_the_number_of_queries_does_not_grow_with_words_or_photos(alice: User) -> None:
    words = [f"word {n}" for n in range(60)]
    say(make_photo(alice), added("warm"))  # a process reads its release once
    counts = []
    for some in (words[:2], words):
        photo = make_photo(alice)
        with CaptureQueriesContext(connection) as queries:
            say(photo, added(*some, "dog"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    corpus, photo_ids = Corpus.objects.get(owner=alice), list(Photo.objects.values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as queries:
        keywords_on(corpus, photo_ids)
    assert len(queries) == 2
