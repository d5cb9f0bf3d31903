"""What the roll draws itself from: its days, and its photos in blocks."""

import html
import json
import re
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from magicroll import services
from magicroll.models import Photo
from tagging.models import DayCount
from tagging.search import timeline
from tests.factories import JUNE, annotate, make_photo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_blocks(monkeypatch: pytest.MonkeyPatch):
    cache.clear()
    monkeypatch.setattr(timeline, "BLOCK", 4)
    yield
    cache.clear()


def days(client: Client) -> dict:
    return client.get(reverse("roll_days")).json()


def block(client: Client, **asked: object):
    return client.get(reverse("roll_block"), asked)


def ids(response) -> list[int]:
    return [photo[0] for photo in response.json()["photos"]]


def inline(client: Client, **asked: object) -> dict:
    page = client.get(reverse("roll"), asked).content.decode()
    found = re.search(r'<template id="timeline">(.*?)</template>', page)
    assert found
    return json.loads(html.unescape(found[1]))


def test_days_tell_the_whole_length(as_alice: Client, alice, bob):
    make_photo(alice, JUNE, width=400, height=200)
    make_photo(alice, JUNE, width=100, height=1000)  # slimmer than a grid shows it
    make_photo(alice, JUNE, width=100, height=75)  # so small that it is shown in its own size
    make_photo(alice, JUNE - timedelta(days=40))
    make_photo(bob, JUNE)
    told = days(as_alice)
    assert [(month[0], month[2]) for month in told["months"]] == [
        ("2024-06", [[[15, 3, 288]]]),
        ("2024-05", [[[6, 1, 133]]]),
    ]
    assert told["photo"] == "/photo/0/"


def test_an_unchanged_roll_is_not_told_again(as_alice: Client, alice):
    make_photo(alice)
    etag = as_alice.get(reverse("roll_days"))["ETag"]
    assert as_alice.get(reverse("roll_days"), headers={"If-None-Match": etag}).status_code == 304
    make_photo(alice)
    assert as_alice.get(reverse("roll_days"), headers={"If-None-Match": etag}).status_code == 200


def test_a_block_holds_days_of_one_month_up_to_its_size(as_alice: Client, alice):
    made = [make_photo(alice, JUNE - timedelta(days=number)) for number in range(6)]
    (month,) = days(as_alice)["months"]
    assert [[day[0] for day in its] for its in month[2]] == [[15, 14, 13, 12], [11, 10]]
    assert ids(block(as_alice, **{"from": "2024-06-15"})) == [photo.pk for photo in made[:4]]
    assert ids(block(as_alice, **{"from": "2024-06-11"})) == [photo.pk for photo in made[4:]]


def test_a_long_day_comes_in_parts(as_alice: Client, alice):
    made = [make_photo(alice, JUNE) for _ in range(10)]  # the same moment: ids decide
    make_photo(alice, JUNE - timedelta(days=1))
    parts = [ids(block(as_alice, **{"from": "2024-06-15", "part": part})) for part in range(3)]
    newest_first = [photo.pk for photo in reversed(made)]
    assert parts == [newest_first[:4], newest_first[4:8], newest_first[8:]]
    assert block(as_alice, **{"from": "2024-06-15", "part": 3}).status_code == 404
    services.trash(alice, [newest_first[0]])
    assert ids(block(as_alice, **{"from": "2024-06-15", "part": 1})) == newest_first[5:9]


def test_a_block_shows_what_the_grid_needs(as_alice: Client, alice):
    photo = make_photo(alice, width=4000, height=3000, dominant_colour="#112233", favourite=True)
    unseen = make_photo(alice, JUNE - timedelta(hours=1), name="IMG_7.jpg")
    annotate(photo, {"dog": 0.9})
    assert block(as_alice, **{"from": "2024-06-15"}).json()["photos"] == [
        [photo.pk, 4000, 3000, "#112233", 1, 1, "dog, animal"],
        [unseen.pk, 400, 300, "#808080", 1, 0, "IMG_7.jpg"],
    ]


def test_a_block_is_kept_under_its_version_until_something_in_its_month_changes(as_alice: Client, alice):
    photo = make_photo(alice)
    told = days(as_alice)
    version = f"{told['months'][0][1]}-{told['seal']}"
    asked = {"from": "2024-06-15", "v": version}
    assert "immutable" in block(as_alice, **asked)["Cache-Control"]
    make_photo(alice, JUNE - timedelta(days=60))
    assert block(as_alice, **asked).json()["version"] == version
    annotate(photo, {"dog": 0.9})
    later = block(as_alice, **asked)
    assert later.json()["version"] != version
    assert "no-cache" in later["Cache-Control"]


def test_no_two_people_share_a_version(as_alice: Client, as_bob: Client, alice, bob):
    make_photo(alice)
    make_photo(bob)
    assert days(as_alice)["seal"] != days(as_bob)["seal"]


@pytest.mark.parametrize("query", ["", "from=june", "from=2024-06-15&part=x", "from=2024-06-14"])
def test_a_block_that_is_not_there_is_not_found(as_alice: Client, alice, query: str):
    make_photo(alice)
    assert as_alice.get(f"{reverse('roll_block')}?{query}").status_code == 404


def test_it_checks_ownership(as_bob: Client, alice):
    make_photo(alice)
    assert block(as_bob, **{"from": "2024-06-15"}).status_code == 404
    assert days(as_bob)["months"] == []


@pytest.mark.parametrize("name", ["roll_days", "roll_block"])
def test_it_rejects_post_and_strangers(client: Client, as_alice: Client, name: str):
    assert as_alice.post(reverse(name)).status_code == 405
    assert Client().get(reverse(name)).status_code == 302


def test_the_page_brings_the_photos_of_the_place_it_opens_at(as_alice: Client, alice):
    june = make_photo(alice, JUNE)
    may = make_photo(alice, datetime(2024, 5, 20, tzinfo=UTC))
    april = make_photo(alice, datetime(2024, 4, 20, tzinfo=UTC))

    def brought(**asked: object) -> list[int]:
        return [photo[0] for _, _, photos in inline(as_alice, **asked)["first"] for photo in photos]

    assert brought() == [june.pk, may.pk, april.pk]
    assert brought(month="2024-05") == [may.pk, april.pk]
    assert brought(at="2024-05-20") == [may.pk, april.pk]
    assert brought(at="2024-05-19") == [april.pk]
    assert brought(at="2001-01-01") == []


def test_the_page_opens_inside_a_long_day(as_alice: Client, alice):
    made = [make_photo(alice, JUNE) for _ in range(10)]
    first = inline(as_alice, at="2024-06-15", nth=5)["first"]
    assert [(day, part) for day, part, _ in first] == [("2024-06-15", 1), ("2024-06-15", 2)]
    assert first[0][2][0][0] == made[5].pk


def test_the_page_opens_at_a_photo(as_alice: Client, as_bob: Client, alice):
    made = [make_photo(alice, JUNE) for _ in range(10)]
    data = inline(as_alice, photo=made[2].pk)
    assert data["at"] == ["2024-06-15", 7]
    assert made[2].pk in [photo[0] for _, _, photos in data["first"] for photo in photos]
    assert as_bob.get(reverse("roll"), {"photo": made[2].pk}).status_code == 404


@pytest.mark.parametrize("query", ["photo=x", "at=june", "at=2024-06-15&nth=-1", "at=2024-06-15&nth=x"])
def test_a_made_up_place_is_not_found(as_alice: Client, query: str):
    assert as_alice.get(f"{reverse('roll')}?{query}").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_photos(as_alice: Client, alice):
    def counted() -> list[int]:
        numbers = []
        for address in ("roll_days", "roll_block"):
            with CaptureQueriesContext(connection) as queries:
                as_alice.get(reverse(address), {"from": "2024-06-15"})
            numbers.append(len(queries))
        return numbers

    make_photo(alice)
    counted()
    one = counted()
    for number in range(3):
        annotate(make_photo(alice, JUNE - timedelta(hours=number)), {"dog": 0.9})
    for number in range(30):
        annotate(make_photo(alice, JUNE - timedelta(days=number + 1)), {"dog": 0.9})
    assert counted() == one


def test_the_size_is_kept(as_alice: Client, alice):
    assert as_alice.post(reverse("roll_size"), {"row": 300}).status_code == 204
    alice.refresh_from_db()
    assert alice.row_px == 300
    assert 'data-row="300"' in as_alice.get(reverse("roll")).content.decode()


@pytest.mark.parametrize("row", ["", "119", "361", "large"])
def test_a_size_out_of_range_is_refused(as_alice: Client, alice, row: str):
    response = as_alice.post(reverse("roll_size"), {"row": row})
    assert (response.status_code, b"120 to 360" in response.content) == (422, True)
    alice.refresh_from_db()
    assert alice.row_px == 220


def test_changing_the_size_makes_another_page(as_alice: Client, alice):
    etag = as_alice.get(reverse("roll"))["ETag"]
    as_alice.post(reverse("roll_size"), {"row": 300})
    assert as_alice.get(reverse("roll"), headers={"If-None-Match": etag}).status_code == 200


def test_days_are_counted_for_what_was_there_before(alice):
    (migration,) = (settings.BASE_DIR / "tagging" / "migrations").glob("*_day_counts.py")
    make_photo(alice, JUNE, width=500, height=250)
    make_photo(alice, JUNE)
    services.trash(alice, [make_photo(alice, JUNE - timedelta(days=1)).pk])
    kept = list(DayCount.objects.values())
    DayCount.objects.all().delete()
    import_module(f"tagging.migrations.{migration.stem}").count_days(apps, None)
    assert list(DayCount.objects.values()) == kept
    assert kept[0]["version"] == max(Photo.objects.live().values_list("version", flat=True))
