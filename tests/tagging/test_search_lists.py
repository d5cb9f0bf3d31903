"""Roll, favourites, tag pages and searches as lists: paging, neighbours, and how many queries they cost."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from magicroll import services
from magicroll.models import Photo, User
from tagging import search
from tagging.search import BadCursor, Page
from tagging.search.listing import last_day
from tagging.services import add_tag
from tests.factories import JUNE, annotate, make_photo, make_user

pytestmark = pytest.mark.django_db

# Few different moments, so that many photos share one; the ids then decide.
MOMENTS = st.integers(0, 2).map(lambda days: JUNE + timedelta(days=days))
QUICK = settings(max_examples=8, suppress_health_check=list(HealthCheck))
Read = Callable[[User, str | None, int], Page]


def roll(user: User, before: str | None, limit: int) -> Page:
    return search.roll_page(search.corpus_of(user), before, limit)


def favourites(user: User, before: str | None, limit: int) -> Page:
    return search.roll_page(search.corpus_of(user), before, limit, favourites=True)


def tag(user: User, before: str | None, limit: int) -> Page:
    return search.tag_page(search.corpus_of(user), "dog", before, limit).page


def found(user: User, before: str | None, limit: int) -> Page:
    return search.find(search.corpus_of(user), "dog img", before, limit).page


def named(user: User, before: str | None, limit: int) -> Page:
    return search.find(search.corpus_of(user), "img_ 2024", before, limit).page


LISTS = {
    "roll": roll,
    "favourites": favourites,
    "tag:dog": tag,
    "search:dog img": found,
    "search:img_ 2024": named,
}


def make_dog(user: User, taken_at: datetime) -> Photo:
    photo = make_photo(user, taken_at, favourite=True)
    annotate(photo, {"dog": 0.9})
    return photo


def newest_first(user: User) -> list[int]:
    return list(Photo.objects.owned_by(user).live().newest_first().values_list("id", flat=True))


def walk(read: Read, user: User, limit: int, between: Callable[[], object] = lambda: None) -> list[int]:
    """Read a list page by page, with something else going on between the pages."""
    ids, before = [], None
    while True:
        page = read(user, before, limit)
        assert len(page.photos) <= limit
        ids += [photo.id for photo in page.photos]
        if page.next is None:
            return ids
        before = page.next
        between()


@given(moments=st.lists(MOMENTS, max_size=7), limit=st.integers(1, 4), trashed=st.integers(0, 6))
@QUICK
def test_all_pages_together_are_the_whole_list(moments: list[datetime], limit: int, trashed: int):
    user, other = make_user(), make_user()
    photos = [make_dog(user, moment) for moment in moments]
    make_dog(other, JUNE)
    services.trash(user, [photo.id for photo in photos[trashed:]])
    for read in LISTS.values():
        assert walk(read, user, limit) == newest_first(user)


@given(moments=st.lists(MOMENTS, min_size=2, max_size=6), limit=st.integers(1, 3))
@QUICK
def test_photos_that_come_in_front_neither_hide_nor_repeat_any(moments: list[datetime], limit: int):
    for read in (roll, tag):
        user = make_user()
        for moment in moments:
            make_dog(user, moment)
        there = newest_first(user)
        assert walk(read, user, limit, lambda user=user: make_dog(user, JUNE + timedelta(days=9))) == there


@given(moments=st.lists(MOMENTS, min_size=2, max_size=6), limit=st.integers(1, 3))
@QUICK
def test_photos_that_go_meanwhile_hide_no_others(moments: list[datetime], limit: int):
    user = make_user()
    photos = [make_dog(user, moment) for moment in moments]
    there = newest_first(user)
    gone = photos[len(photos) // 2].id
    seen = walk(roll, user, limit, lambda: services.trash(user, [gone]))
    assert [photo for photo in seen if photo != gone] == [photo for photo in there if photo != gone]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("within", [*LISTS, "tag:no-such-tag", "elsewhere", ""])
def test_neighbours_lead_through_the_whole_list_and_back(within: str):
    user = make_user()
    for days in (0, 1, 1, 1, 2):
        make_dog(user, JUNE + timedelta(days=days))
    make_dog(make_user(), JUNE + timedelta(days=1))
    order, corpus = newest_first(user), search.corpus_of(user)
    photos = Photo.objects.in_bulk(order)
    beside = [search.neighbours(corpus, photos[photo_id], within) for photo_id in order]
    assert [place.previous for place in beside] == [None, *order[:-1]]
    assert [place.next for place in beside] == [*order[1:], None]


def test_neighbours_are_those_of_the_list_the_photo_was_opened_from():
    user = make_user()
    dogs = [make_dog(user, JUNE + timedelta(days=days)) for days in (0, 4)]
    cat = make_photo(user, JUNE + timedelta(days=2))
    annotate(cat, {"cat": 0.9})
    corpus = search.corpus_of(user)
    assert search.neighbours(corpus, dogs[0], "roll").previous == cat.id
    for within in ("tag:dog", "search:dog", "favourites", "search:puppy"):
        assert search.neighbours(corpus, dogs[0], within).previous == dogs[1].id, within
    services.trash(user, [dogs[1].id])
    assert search.neighbours(corpus, dogs[0], "tag:dog").previous is None
    dogs[1].refresh_from_db()
    assert search.neighbours(corpus, dogs[1], "roll") == search.Neighbours(None, None)


@pytest.mark.parametrize("cursor", ["x", "1", "1-2-3", "-", "1-x", f"{10**30}-1", f"1-{2**63}", "1.5-2"])
def test_a_cursor_that_nobody_made_is_refused(cursor: str):
    user = make_user()
    for read in LISTS.values():
        with pytest.raises(BadCursor):
            read(user, cursor, 5)
    client = Client()
    client.force_login(user)
    for url in ("/", "/favourites/", "/magic/dog/", "/search/?q=dog", "/trash/"):
        assert (
            client.get(url, {**({"q": "dog"} if "search" in url else {}), "before": cursor}).status_code
            == 404
        )


def test_a_month_begins_with_its_last_photo():
    user = make_user()
    may, june, july = (make_photo(user, JUNE + timedelta(days=days)) for days in (-30, 0, 30))
    corpus = search.corpus_of(user)
    assert [photo.id for photo in search.roll_page(corpus, day=last_day(JUNE.date())).photos] == [
        june.id,
        may.id,
    ]
    assert [row.count for row in search.months(corpus)] == [1, 1, 1]
    assert search.roll_page(corpus, day=last_day(july.taken_at.date())).photos[0].id == july.id


ADDRESSES = {
    "roll": "/",
    "roll, later": f"/?before={search.Key(JUNE + timedelta(days=400), 1)}",
    "favourites": "/favourites/",
    "magic": "/magic/",
    "category": "/magic/animals/",
    "tag": "/magic/dog/",
    "search by tag": "/search/?q=dog",
    "search by name": "/search/?q=img+2024",
    "photo": "/photo/{id}/",
    "photo in a tag": "/photo/{id}/?in=tag:dog",
    "similar": "/photo/{id}/similar/",
    "tags": "/photo/{id}/tags/",
    "trash": "/trash/",
    "set aside": "/set-aside/",
    "rail": "/rail/",
    "suggest": "/tags/suggest/?q=do",
}


def fill(user: User, count: int) -> Photo:
    """Give a user `count` photos of each kind; return one of the middle."""
    for number in range(count):
        photo = make_dog(user, JUNE + timedelta(minutes=number))
        services.trash(user, [make_photo(user, JUNE).id])
        aside = {"state": "set_aside", "set_aside_reason": "It crashed.", "width": 0, "height": 0}
        make_photo(user, JUNE, **aside)
        if number == count // 2:
            middle = photo
            add_tag(user, photo, "my own word")
    return middle


def test_pages_cost_the_same_queries_for_one_photo_and_for_thirty():
    costs: dict[str, list[int]] = {name: [] for name in ADDRESSES}
    for count in (3, 3, 30):  # the first time, the process reads the vocabulary too
        user = make_user()
        photo = fill(user, count)
        client = Client()
        client.force_login(user)
        for name, address in ADDRESSES.items():
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(address.format(id=photo.id)).status_code == 200
            costs[name].append(len(queries))
    assert {name: cost for name, cost in costs.items() if cost[1] != cost[2]} == {}
    assert max(cost[2] for cost in costs.values()) <= 40, costs


def test_asking_how_photos_are_doing_costs_the_same_for_one_and_for_many():
    user = make_user()
    ids = [make_dog(user, JUNE).id for _ in range(10)]
    client = Client()
    client.force_login(user)
    costs = []
    for asked in (ids, ids[:1], ids):  # the first time, the process reads the vocabulary too
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("upload_status"), {"ids": ",".join(map(str, asked))})
        costs.append(len(queries))
    assert costs[1] == costs[2]
