"""What words find: tags with synonyms, own tags, years, months, file names, and all of them together."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from magicroll import services
from magicroll.models import Photo, User
from tagging import search
from tagging.models import Tag
from tagging.search.find import matching, understand
from tagging.services import add_tag, reject_tag
from tests.factories import annotate, make_photo, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def photos(user: User) -> dict[str, Photo]:
    made = {}
    for name, year, month, said in (
        ("dog2019", 2019, 6, {"dog": 0.9, "beach": 0.8}),
        ("dog2024", 2024, 6, {"dog": 0.9}),
        ("cat2024", 2024, 12, {"cat": 0.9, "beach": 0.5}),
        ("plain", 2024, 12, {}),
    ):
        made[name] = make_photo(user, datetime(year, month, 3, tzinfo=UTC), name=f"Straße_{name}.JPG")
        annotate(made[name], said)
    add_tag(user, made["plain"], "Grandma’s garden party")
    stranger = make_user()
    annotate(make_photo(stranger, name="Straße_dog.jpg"), {"dog": 0.9, "beach": 0.9})
    return made


def found(user: User, words: str) -> set[str]:
    page = search.find(search.corpus_of(user), words).page
    return {photo.name.removeprefix("Straße_").removesuffix(".JPG") for photo in page.photos}


CASES: list[tuple[str, set[str]]] = [
    ("dog", {"dog2019", "dog2024"}),
    ("DOGS", {"dog2019", "dog2024"}),
    ("puppy", {"dog2019", "dog2024"}),
    ("animals", {"dog2019", "dog2024", "cat2024"}),
    ("animal", {"dog2019", "dog2024", "cat2024"}),
    ("dog beach", {"dog2019"}),
    ("beach dog", {"dog2019"}),
    ("show me photos of a dog on the beach from 2019", {"dog2019"}),
    ("photos of", set()),
    ("cat dog", set()),
    ("2024", {"dog2024", "cat2024", "plain"}),
    ("december", {"cat2024", "plain"}),
    ("dec 2024", {"cat2024", "plain"}),
    ("2024-12", {"cat2024", "plain"}),
    ("2024-6", {"dog2024"}),
    ("june", {"dog2019", "dog2024"}),
    ("june december", {"dog2019", "dog2024", "cat2024", "plain"}),
    ("2019 2024 dog", {"dog2019", "dog2024"}),
    ("dog june 2019", {"dog2019"}),
    ("dog december", set()),
    ("straße", {"dog2019", "dog2024", "cat2024", "plain"}),
    ("STRASSE_cat", {"cat2024"}),
    ("dog straße_dog2019", {"dog2019"}),
    (".jpg 2019", {"dog2019"}),
    ("grandma's garden party", {"plain"}),
    ("Grandma’s garden party 2024", {"plain"}),
    ("garden", set()),
    ("dog nosuchfile", set()),
    ("1999", set()),
    ("", set()),
    ("   ", set()),
    ("%", set()),
    ("_", {"dog2019", "dog2024", "cat2024", "plain"}),
    ("dog " * 40, {"dog2019", "dog2024"}),
]


def test_words_find_what_they_mean(user: User, photos: dict[str, Photo]):
    wrong = {words: names for words, expected in CASES if (names := found(user, words)) != expected}
    assert wrong == {}


def test_what_a_person_said_counts_for_more_than_the_model(user: User, photos: dict[str, Photo]):
    reject_tag(user, photos["dog2019"], Tag.objects.get(slug="dog").pk)
    add_tag(user, photos["plain"], "dog")
    assert found(user, "dog") == {"dog2024", "plain"}


def test_what_is_not_in_the_roll_is_not_found(user: User, photos: dict[str, Photo]):
    services.trash(user, [photos["dog2024"].id])
    assert found(user, "dog") == {"dog2019"}
    assert found(user, "2024") == {"cat2024", "plain"}
    assert found(user, "straße_dog") == {"dog2019"}


def test_the_tags_that_words_mean_are_offered_with_counts_and_covers(user: User, photos: dict[str, Photo]):
    tiles = search.find(search.corpus_of(user), "dog").tags
    assert (tiles[0].slug, tiles[0].count) == ("dog", 2)
    assert tiles[0].cover.id in {photos["dog2019"].id, photos["dog2024"].id}
    assert [tile.slug for tile in search.find(search.corpus_of(user), "garden").tags] == [
        Tag.objects.get(owner=user).slug
    ]


def test_suggestions_are_ones_own_tags_and_the_vocabulary(user: User, photos: dict[str, Photo]):
    corpus = search.corpus_of(user)
    assert search.suggest(corpus, "gran") == ["Grandma’s garden party"]
    assert "Dog" in [word.capitalize() for word in search.suggest(corpus, "dog")]
    assert search.suggest(search.corpus_of(make_user()), "gran") != ["Grandma’s garden party"]


def test_a_part_of_a_file_name_is_found_without_reading_the_whole_roll(user: User, photos: dict[str, Photo]):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite reads the roll's index")
    many = [
        Photo(
            owner=user,
            sha256=n.to_bytes(32, "big"),
            name="x",
            name_folded=f"img_{n}.jpg",
            width=1,
            height=1,
            byte_size=1,
            kind="jpeg",
            taken_at=photos["plain"].taken_at,
            taken_from="exif",
        )
        for n in range(3000)
    ]
    Photo.objects.bulk_create(many)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE magicroll_photo")
        cursor.execute("SELECT gin_clean_pending_list('photo_name_trigrams')")
    corpus = search.corpus_of(user)
    rare = matching(corpus, understand(corpus, "grandma"))
    assert "photo_name_trigrams" in rare.after(None).explain()
