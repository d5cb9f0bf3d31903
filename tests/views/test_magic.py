import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import JUNE, annotate, make_photo

pytestmark = pytest.mark.django_db


def shown(response) -> list[int]:
    return [int(number) for number in re.findall(r'data-id="(\d+)"', response.content.decode())]


def test_it_shows_categories_with_their_tags_and_newest_photos(as_alice: Client, alice):
    old, new = make_photo(alice, JUNE - timedelta(days=9)), make_photo(alice, JUNE)
    for photo in (old, new):
        annotate(photo, {"dog": 0.9})
    response = as_alice.get(reverse("magic"))
    page = response.content.decode()
    assert shown(response) == [new.pk, old.pk]
    assert f'href="{reverse("tag", args=["animals"])}"' in page
    assert f'href="{reverse("tag", args=["dog"])}"' in page
    assert f"/photo/{new.pk}/?in=tag%3Aanimals" in page


def test_it_sends_anonymous_to_log_in(client: Client, alice):
    assert client.get(reverse("magic")).url == "/login/?next=/magic/"


def test_it_rejects_post(as_alice: Client):
    assert as_alice.post(reverse("magic")).status_code == 405


def test_it_counts_nobody_elses_photos(as_alice: Client, bob):
    annotate(make_photo(bob), {"dog": 0.9})
    page = as_alice.get(reverse("magic")).content.decode()
    assert "Animals" not in page


def test_without_photos_it_says_that_tags_come_by_themselves(as_alice: Client):
    assert "Tags come by themselves" in as_alice.get(reverse("magic")).content.decode()


def test_while_tags_are_on_their_way_it_says_how_many(as_alice: Client, alice):
    make_photo(alice)
    page = as_alice.get(reverse("magic")).content.decode()
    assert "Looking at 1 photo<" in page


def test_two_categories_do_not_show_the_same_cover_where_another_is_to_be_had(as_alice: Client, alice):
    both, only_dog = make_photo(alice), make_photo(alice, JUNE - timedelta(days=1))
    annotate(both, {"dog": 0.95, "beach": 0.95})
    annotate(only_dog, {"dog": 0.5})
    page = as_alice.get(reverse("magic")).content.decode()
    tiles = re.search(r'<ul class="shelf">(.*?)</ul>', page, re.S)
    assert tiles
    covers = re.findall(r'src="/photo/(\d+)/thumbnail', tiles.group(1))
    assert sorted(covers) == sorted([str(both.pk), str(only_dog.pk)])


def covers(page: str, label: str) -> list[str]:
    tiles = re.search(rf'<ul class="tags"{label}>(.*?)</ul>', page, re.S)
    assert tiles
    return re.findall(r'src="/photo/(\d+)/thumbnail', tiles.group(1))


@pytest.mark.parametrize(
    ("path", "label"), [("/magic/", ' aria-label="[^"]*"'), ("/magic/animals/", ' aria-label="[^"]*"')]
)
def test_two_tags_do_not_show_the_same_cover_where_another_is_at_hand(
    as_alice: Client, alice, path: str, label: str
):
    both, only_dog = make_photo(alice), make_photo(alice, JUNE - timedelta(days=1))
    annotate(both, {"dog": 0.95, "cat": 0.95})
    annotate(only_dog, {"dog": 0.5})
    annotate(make_photo(alice, JUNE - timedelta(days=2)), {"bird": 0.9})
    shown = covers(as_alice.get(path).content.decode(), label)
    assert len(shown) == len(set(shown)) == 3


def test_two_tags_share_a_cover_where_there_is_only_one(as_alice: Client, alice):
    both = make_photo(alice)
    annotate(both, {"dog": 0.95, "cat": 0.95})
    assert set(covers(as_alice.get("/magic/").content.decode(), ' aria-label="[^"]*"')) == {str(both.pk)}


def test_a_tag_page_shows_its_photos_newest_first(as_alice: Client, alice):
    old, new, cat = make_photo(alice, JUNE - timedelta(days=40)), make_photo(alice, JUNE), make_photo(alice)
    annotate(old, {"dog": 0.8})
    annotate(new, {"dog": 0.9})
    annotate(cat, {"cat": 0.9})
    response = as_alice.get(reverse("tag", args=["dog"]))
    page = response.content.decode()
    assert shown(response) == [new.pk, old.pk]
    assert re.search(r"<h1>Dog</h1>", page)
    assert "2 photos" in page
    assert f'href="{reverse("tag", args=["animals"])}"' in page


def test_a_category_page_leads_to_its_tags(as_alice: Client, alice):
    annotate(make_photo(alice), {"dog": 0.9})
    page = as_alice.get(reverse("tag", args=["animals"])).content.decode()
    assert f'href="{reverse("tag", args=["dog"])}"' in page


def test_a_tag_that_says_no_more_than_its_category_is_left_out(as_alice: Client, alice):
    annotate(make_photo(alice), {"dog": 0.9})
    annotate(make_photo(alice), {"cat": 0.9})
    page = as_alice.get(reverse("tag", args=["animals"])).content.decode()
    assert reverse("tag", args=["dog"]) in page
    assert f'href="{reverse("tag", args=["animal"])}"' not in page


def test_a_tag_page_goes_on_by_cursor(as_alice: Client, alice):
    for number in range(61):
        annotate(make_photo(alice, JUNE - timedelta(hours=number)), {"dog": 0.9})
    first = as_alice.get(reverse("tag", args=["dog"]))
    older = re.search(r'hx-get="([^"]+)"[^>]*>Older photos', first.content.decode())
    assert older
    rest = as_alice.get(older.group(1), headers={"HX-Request": "true"})
    assert len(shown(first)) == 60
    assert len(shown(rest)) == 1
    assert "<html" not in rest.content.decode()
    assert not set(shown(first)) & set(shown(rest))


@pytest.mark.parametrize("address", ["/magic/no-such-tag/", "/magic/dog/?before=nonsense"])
def test_what_is_unknown_is_not_found(as_alice: Client, address: str):
    assert as_alice.get(address).status_code == 404


def test_a_tag_that_no_photo_has_is_an_empty_page(as_alice: Client):
    assert "No photo has this tag now" in as_alice.get(reverse("tag", args=["dog"])).content.decode()


def test_the_number_of_queries_does_not_grow_with_the_photos(
    as_alice: Client, alice, django_assert_num_queries
):
    annotate(make_photo(alice), {"dog": 0.9})
    counts = {}
    for page in (reverse("magic"), reverse("tag", args=["dog"])):
        as_alice.get(page)
        with CaptureQueriesContext(connection) as one:
            as_alice.get(page)
        counts[page] = len(one)
    for number in range(30):
        annotate(make_photo(alice, JUNE - timedelta(days=number)), {"dog": 0.9})
    for page, number in counts.items():
        with django_assert_num_queries(number):
            as_alice.get(page)


def test_the_rail_counts_categories_and_outstanding_photos(as_alice: Client, alice):
    annotate(make_photo(alice), {"dog": 0.9})
    make_photo(alice)
    response = as_alice.get(
        reverse("rail"), headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
    )
    page = response.content.decode()
    assert "Animals" in page
    assert "Tagging 1 photo…" in page
    assert "every 2s" in page
    assert re.search(r'id="rail-roll"[^>]* aria-current="page"', page)
    assert json.loads(response.headers["HX-Trigger"]) == {"tags-changed": {}}


def test_the_rail_stops_asking_when_nothing_is_outstanding(as_alice: Client, alice):
    annotate(make_photo(alice), {"dog": 0.9})
    page = as_alice.get(reverse("rail")).content.decode()
    assert "every" not in page
    assert "Tagging" not in page


def test_the_rail_is_nobody_elses(as_alice: Client, bob, client: Client):
    annotate(make_photo(bob), {"dog": 0.9})
    assert "Animals" not in as_alice.get(reverse("rail")).content.decode()
    assert client.get(reverse("rail")).url == "/login/?next=/rail/"


def test_the_rail_marks_where_one_is(as_alice: Client, alice):
    annotate(make_photo(alice), {"dog": 0.9})
    page = as_alice.get(reverse("tag", args=["animals"])).content.decode()
    assert re.search(r'id="rail-animals"[^>]* aria-current="page"', page)
