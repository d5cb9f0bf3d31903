"""Tag pages by choice: several tags, years, surer only; what can be chosen beside; "not this"; covers."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from magicroll import services
from magicroll.models import Photo, User
from tagging.models import Tag, TagCover, Verdict
from tagging.services import add_tag
from tests.factories import JUNE, annotate, make_photo

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def shown(response) -> list[int]:
    return [int(number) for number in re.findall(r'data-id="(\d+)"', response.content.decode())]


def text(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def links(response, words: str) -> list[str]:
    """Return where links go whose words begin so."""
    page = response.content.decode()
    found = re.findall(r'<a[^>]* href="([^"]+)"[^>]*>(.*?)</a>', page, re.S)
    return [unescape(url) for url, inner in found if re.sub(r"<[^>]+>", " ", inner).strip().startswith(words)]


@pytest.fixture
def photos(alice: User) -> list[Photo]:
    """A dog on the beach, a dog, a beach (all 2024), a less sure dog on the beach in 2022; the newest first."""
    kinds = [{"dog": 0.9, "beach": 0.9}, {"dog": 0.9}, {"beach": 0.95}, {"dog": 0.5, "beach": 0.5}]
    made = [make_photo(alice, JUNE - timedelta(days=days)) for days in (0, 1, 2, 730)]
    for photo, kind in zip(made, kinds, strict=True):
        annotate(photo, kind)
    return made


@pytest.mark.parametrize(
    ("query", "places", "title"),
    [
        ("with=beach", [0, 3], "Dog and beach"),
        ("with=beach&match=any", [0, 1, 2, 3], "Dog or beach"),
        ("without=beach", [1], "Dog, without beach"),
        ("year=2024", [0, 1], "Dog, in 2024"),
        ("with=beach&surer=1", [0], "Dog and beach"),
        ("with=beach&without=cat&year=2022&year=2024", [0, 3], "Dog and beach, without cat, in 2024 or 2022"),
    ],
)
def test_it_shows_a_choice_and_its_count(as_alice: Client, photos, query: str, places: list[int], title: str):
    response = as_alice.get(f"/magic/dog/?{query}")
    assert shown(response) == [photos[place].pk for place in places]
    assert f"<h1>{title}</h1>" in response.content.decode()
    assert f"{len(places)} photo" in text(response)


def test_a_photo_of_a_choice_leads_back_to_it(as_alice: Client, photos):
    page = as_alice.get("/magic/dog/?with=beach&year=2024").content.decode()
    (address,) = re.findall(r'href="(/photo/\d+/\?in=[^"]+)"', page)
    photo = as_alice.get(address).content.decode()
    assert 'href="/magic/dog/?with=beach&amp;year=2024"' in photo


def test_each_choice_can_be_taken_back(as_alice: Client, photos):
    response = as_alice.get("/magic/dog/?with=beach&without=cat&year=2024&surer=1")
    kept = "without=cat&year=2024&surer=1"
    assert links(response, "Remove:  Beach") == [f"/magic/dog/?{kept}"]
    assert links(response, "Remove:  Dog") == [f"/magic/beach/?{kept}"]
    assert links(response, "Remove:  Not cat") == ["/magic/dog/?with=beach&year=2024&surer=1"]
    assert links(response, "Remove:  2024") == ["/magic/dog/?with=beach&without=cat&surer=1"]
    assert links(response, "Remove:  Surer only") == ["/magic/dog/?with=beach&without=cat&year=2024"]
    assert links(response, "Any of these") == [
        "/magic/dog/?with=beach&without=cat&year=2024&match=any&surer=1"
    ]


def test_what_fits_nothing_says_what_to_do(as_alice: Client, photos):
    response = as_alice.get("/magic/dog/?with=owl")
    assert "No photo is all of this" in text(response)
    assert links(response, "All in dog") == ["/magic/dog/"]


def test_a_long_choice_goes_on_by_cursor(as_alice: Client, alice):
    for number in range(61):
        annotate(make_photo(alice, JUNE - timedelta(hours=number)), {"dog": 0.9, "beach": 0.9, "cat": 0.9})
    first = as_alice.get("/magic/dog/?with=beach&with=cat")
    (older,) = links(first, "Older photos")
    rest = as_alice.get(older, headers=HTMX)
    assert "61 photos" in text(first)
    assert (len(shown(first)), len(shown(rest))) == (60, 1)
    assert not set(shown(first)) & set(shown(rest))


NONSENSE = ("with=no-such-tag", "without=no-such-tag", "year=soon", "match=some")


@pytest.mark.parametrize(
    "address",
    [
        *(f"/magic/dog/?{query}" for query in (*NONSENSE, "with=beach&before=nonsense")),
        *(f"/magic/dog/refine/?{query}" for query in NONSENSE),
        "/magic/no-such-tag/refine/",
    ],
)
def test_what_is_unknown_is_not_found(as_alice: Client, photos, address: str):
    assert as_alice.get(address).status_code == 404


def test_refine_counts_every_step_exactly(as_alice: Client, photos):
    response = as_alice.get("/magic/dog/refine/")
    for words, count in (("Beach", 2), ("2024", 2), ("2022", 1), ("Surer only", 2)):
        (url, *_) = links(response, words)
        assert len(shown(as_alice.get(url))) == count, words
        assert re.search(rf"{words} {count}\b", text(response)), words
    page = response.content.decode()
    assert 'aria-label="Not Beach, 1 photo"' in page
    assert "<html" in page
    assert "<html" not in as_alice.get("/magic/dog/refine/", headers=HTMX).content.decode()


def test_refine_is_offered_without_javascript(as_alice: Client, photos):
    response = as_alice.get("/magic/dog/?year=2024")
    assert links(response, "Refine") == ["/magic/dog/refine/?year=2024"]
    assert links(as_alice.get("/magic/dog/refine/?year=2024"), "Show them") == ["/magic/dog/?year=2024"]


def test_refine_tells_the_count_of_the_page_again(as_alice: Client, photos):
    part = as_alice.get("/magic/dog/refine/", headers=HTMX).content.decode()
    assert re.search(r'id="tag-count" hx-swap-oob="true">3 photos<', part)


def test_refine_is_nobody_elses(as_bob: Client, client: Client, photos):
    assert "Beach" not in as_bob.get("/magic/dog/refine/").content.decode()
    assert client.get("/magic/dog/refine/").url == "/login/?next=/magic/dog/refine/"
    assert as_bob.post("/magic/dog/refine/").status_code == 405


def test_the_number_of_queries_does_not_grow_with_the_photos(
    as_alice: Client, alice, django_assert_num_queries
):
    annotate(make_photo(alice), {"dog": 0.9, "beach": 0.9})
    counts = {}
    pages = ("/magic/dog/?with=beach", "/magic/dog/refine/?with=beach")
    for page in pages:
        as_alice.get(page)
        with CaptureQueriesContext(connection) as one:
            as_alice.get(page)
        counts[page] = len(one)
    for number in range(30):
        annotate(make_photo(alice, JUNE - timedelta(days=number)), {"dog": 0.9, "beach": 0.9})
    for page in pages:
        as_alice.get(page)
        with django_assert_num_queries(counts[page]):
            as_alice.get(page)


def test_not_this_rejects_and_undo_brings_back(as_alice: Client, alice, photos):
    dog = Tag.objects.get(slug="dog")
    said = as_alice.post("/magic/dog/not-this/", {"photo": photos[0].pk}, headers=HTMX)
    assert "Not dog" in text(said)
    assert "tag-judged" in said.headers["HX-Trigger-After-Settle"]
    assert Verdict.objects.get(owner=alice).kind == "rejected"
    assert shown(as_alice.get("/magic/dog/")) == [photos[1].pk, photos[3].pk]
    undo = re.search(r'name="undo" value="(\w+)"', said.content.decode())
    assert undo
    form = {"photo": photos[0].pk, "undo": undo[1]}
    assert as_alice.post("/magic/dog/not-this/", form, headers=HTMX).status_code == 200
    assert not Verdict.objects.filter(owner=alice, tag=dog).exists()
    assert shown(as_alice.get("/magic/dog/"))[0] == photos[0].pk


@pytest.mark.parametrize("name", ["dog", "Aunt Ada"])
def test_undo_brings_back_what_a_person_had_added(as_alice: Client, alice, photos, name: str):
    tag = add_tag(alice, photos[2], name)
    said = as_alice.post(f"/magic/{tag.slug}/not-this/", {"photo": photos[2].pk}, headers=HTMX)
    assert photos[2].pk not in shown(as_alice.get(f"/magic/{tag.slug}/"))
    assert 'name="undo" value="added"' in said.content.decode()
    as_alice.post(f"/magic/{tag.slug}/not-this/", {"photo": photos[2].pk, "undo": "added"}, headers=HTMX)
    assert Verdict.objects.get(owner=alice, tag=tag).kind == "added"


def test_not_this_works_as_a_plain_form(as_alice: Client, photos):
    response = as_alice.post("/magic/dog/not-this/", {"photo": photos[0].pk})
    assert response.url == "/magic/dog/"


def test_a_category_can_be_rejected_by_its_tags_only(as_alice: Client, photos):
    response = as_alice.post("/magic/animals/not-this/", {"photo": photos[0].pk})
    assert response.status_code == 422
    assert 'id="not-this"' not in as_alice.get("/magic/animals/").content.decode()


@pytest.mark.parametrize("address", ["/magic/dog/not-this/", "/magic/dog/cover/"])
def test_judging_is_for_the_owner_alone(
    as_alice: Client, as_bob: Client, client: Client, photos, address: str
):
    form = {"photo": photos[0].pk, "cover": "yes"}
    assert as_bob.post(address, form).status_code == 404
    assert client.post(address, form).url == f"/login/?next={address}"
    assert as_alice.get(address).status_code == 405
    for wrong in ("", "x", "9" * 30):
        assert as_alice.post(address, form | {"photo": wrong}).status_code == 404
    assert as_alice.post(address.replace("dog", "no-such-tag"), form).status_code == 404
    assert not Verdict.objects.exists()
    assert not TagCover.objects.exists()


@pytest.mark.parametrize(
    ("address", "form"), [("not-this", {"undo": "all"}), ("cover", {"cover": "perhaps"})]
)
def test_bad_input_gets_a_message(as_alice: Client, photos, address: str, form: dict[str, str]):
    response = as_alice.post(f"/magic/dog/{address}/", {"photo": photos[0].pk} | form)
    assert response.status_code == 422
    assert "Say" in response.content.decode()


def cover_of(response, slug: str) -> str:
    tile = re.search(rf'href="/magic/{slug}/"><img src="/photo/(\d+)/', response.content.decode())
    assert tile
    return tile[1]


def test_a_cover_can_be_chosen_and_left_to_the_surest_again(as_alice: Client, alice, photos):
    sure, chosen = photos[0], photos[3]
    page = as_alice.get(f"/photo/{chosen.pk}/?in=tag:dog")
    assert "Use as cover of dog" in text(page)
    response = as_alice.post("/magic/dog/cover/", {"photo": chosen.pk, "cover": "yes"}, follow=True)
    assert "The cover of dog is this photo now." in text(response)
    assert cover_of(as_alice.get("/magic/animals/"), "dog") == str(chosen.pk)
    part = as_alice.post("/magic/dog/cover/", {"photo": chosen.pk, "cover": "no"}, headers=HTMX)
    assert "Use as cover of dog" in text(part)
    assert cover_of(as_alice.get("/magic/animals/"), "dog") != str(chosen.pk)
    assert sure.pk


def test_a_chosen_cover_falls_back_and_comes_back_with_its_photo(as_alice: Client, alice, photos):
    chosen = photos[3]
    as_alice.post("/magic/dog/cover/", {"photo": chosen.pk, "cover": "yes"})
    services.trash(alice, [chosen.pk])
    assert cover_of(as_alice.get("/magic/animals/"), "dog") != str(chosen.pk)
    services.restore(alice, [chosen.pk])
    assert cover_of(as_alice.get("/magic/animals/"), "dog") == str(chosen.pk)
    as_alice.post("/magic/dog/not-this/", {"photo": chosen.pk})
    assert cover_of(as_alice.get("/magic/animals/"), "dog") != str(chosen.pk)
    as_alice.post("/magic/dog/not-this/", {"photo": chosen.pk, "undo": "nothing"})
    assert cover_of(as_alice.get("/magic/animals/"), "dog") == str(chosen.pk)
    services.trash(alice, [chosen.pk])
    services.purge(alice, [chosen.pk])
    assert not TagCover.objects.exists()


def test_a_cover_may_be_that_of_several_tags_where_its_owner_chose_it(as_alice: Client, photos):
    for slug in ("dog", "animals", "beach"):
        as_alice.post(f"/magic/{slug}/cover/", {"photo": photos[3].pk, "cover": "yes"})
    page = as_alice.get("/magic/")
    assert {cover_of(page, slug) for slug in ("dog", "animals", "beach")} == {str(photos[3].pk)}


def test_only_a_photo_in_a_tag_can_be_its_cover(as_alice: Client, photos):
    response = as_alice.post("/magic/dog/cover/", {"photo": photos[2].pk, "cover": "yes"})
    assert response.status_code == 422
    assert "Choose another one" in response.content.decode()
    assert "Use as cover" not in as_alice.get(f"/photo/{photos[2].pk}/?in=tag:dog").content.decode()
    assert "Use as cover" not in as_alice.get(f"/photo/{photos[0].pk}/").content.decode()
