"""Searching parts of file names: the months that have them are known from memory, the photos from the database."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from magicroll import services
from magicroll.models import Photo, User
from tagging import search
from tagging.models import Corpus
from tagging.search import names
from tagging.search.find import Query, in_order, matching
from tagging.search.listing import Key, Ordered
from tests.factories import annotate, make_photo, make_user

pytestmark = pytest.mark.django_db

SLOW = settings(max_examples=25, suppress_health_check=list(HealthCheck))
NAMES = st.text("ab1", min_size=1, max_size=4)
MONTHS = st.sampled_from(
    [datetime(*month, 15, 12, tzinfo=UTC) for month in ((1826, 1), (2014, 2), (2014, 3), (9999, 12))]
)
ACTS = st.tuples(
    st.sampled_from(["add", "add", "trash", "restore", "redate", "caption"]), NAMES, MONTHS, st.integers(0, 9)
)
PARTS = st.lists(st.text("ab1", min_size=1, max_size=2), min_size=1, max_size=2)


@pytest.fixture
def user() -> User:
    return make_user()


def act(user: User, what: str, name: str, moment: datetime, which: int) -> None:
    photos = list(Photo.objects.owned_by(user).order_by("id"))
    if what == "add" or not photos:
        make_photo(user, moment, name=f"{name}.jpg")
        return
    photo = photos[which % len(photos)]
    if what == "trash":
        services.trash(user, [photo.pk])
    elif what == "restore":
        services.restore(user, [photo.pk])
    elif what == "caption":
        services.set_caption(user, photo.pk, name)
    else:
        services.set_date(user, [photo.pk], moment)


def keys(found: Ordered) -> list[Key]:
    """Page through all of a list, newest first."""
    listed: list[Key] = []
    while page := found.older(listed[-1] if listed else None, 2):
        listed += page
    return listed


@SLOW
@given(acts=st.lists(ACTS, min_size=1, max_size=12), parts=PARTS)
def test_the_same_is_found_as_without_memory_whatever_has_changed(acts: list, parts: list[str]) -> None:
    user = make_user(f"u{User.objects.count()}")
    query = Query(name_parts=parts)
    for one in acts:
        act(user, *one)
        corpus = search.corpus_of(user)
        whole = matching(corpus, query).older(None, 100)
        found = in_order(corpus, query)
        assert isinstance(found, names.Named)
        assert keys(found) == whole
        for photo in Photo.objects.owned_by(user):
            here = Key(photo.taken_at, photo.id)
            assert found.newer(here, 3) == matching(corpus, query).newer(here, 3)
            assert found.older(here, 3) == matching(corpus, query).older(here, 3)


def asked(corpus: Corpus, text: str) -> tuple[list[str], str]:
    """Search; return the names found, and the statements that it took."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        photos = search.find(corpus, text).page.photos
    return [photo.name for photo in photos], "\n".join(query["sql"] for query in queries)


def test_the_database_is_asked_only_between_the_months_that_have_the_name(user: User) -> None:
    for month in range(1, 13):
        name = f"{'old' if month in {4, 5} else 'new'}_{month}.jpg"
        annotate(make_photo(user, datetime(2014, month, 3, tzinfo=UTC), name=name), {"dog": 0.9})
    corpus = search.corpus_of(user)
    for text in ("old_", "dog old_"):
        found, statements = asked(corpus, text)
        assert found == ["old_5.jpg", "old_4.jpg"]
        assert "2014-04-01" in statements
        assert "2014-06-01" in statements
    ours = {photo.name: photo for photo in Photo.objects.owned_by(user)}
    assert search.neighbours(corpus, ours["new_9.jpg"], "search:old_").next == ours["old_5.jpg"].pk


def test_a_month_is_read_again_only_when_it_has_changed(user: User) -> None:
    def reads(text: str) -> tuple[list[str], int]:
        found, statements = asked(search.corpus_of(user), text)
        return found, statements.count("STRING_AGG") + statements.count("GROUP_CONCAT")

    for month in (1, 2, 3):
        make_photo(user, datetime(2014, month, 3, tzinfo=UTC), name=f"one_{month}.jpg")
    assert reads("none") == ([], 3)
    assert reads("none") == ([], 0)
    make_photo(user, datetime(2014, 2, 4, tzinfo=UTC), name="two.jpg")
    assert reads("two") == (["two.jpg"], 1)
