import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import JUNE, annotate, make_photo

pytestmark = pytest.mark.django_db


def found(client: Client, q: str) -> list[int]:
    response = client.get(reverse("search"), {"q": q})
    assert response.status_code == 200
    return [int(number) for number in re.findall(r'data-id="(\d+)"', response.content.decode())]


def test_it_finds_tags_with_their_synonyms(as_alice: Client, alice):
    dog, cat = make_photo(alice), make_photo(alice)
    annotate(dog, {"dog": 0.9})
    annotate(cat, {"cat": 0.9})
    assert found(as_alice, "dog") == [dog.pk]
    assert found(as_alice, "dogs") == [dog.pk]
    assert found(as_alice, "puppy") == [dog.pk]


def test_it_finds_file_names_years_and_months(as_alice: Client, alice):
    photo = make_photo(alice, JUNE, name="IMG_20240615.jpg")
    make_photo(alice, datetime(2019, 12, 1, tzinfo=UTC), name="holiday.png")
    for q in ("img_2024", "2024", "June 2024", "june", "2024-06"):
        assert found(as_alice, q) == [photo.pk], q


def test_all_words_must_hold(as_alice: Client, alice):
    this, before = make_photo(alice, JUNE), make_photo(alice, JUNE - timedelta(days=400))
    for photo in (this, before):
        annotate(photo, {"dog": 0.9})
    assert found(as_alice, "dog 2024") == [this.pk]
    assert found(as_alice, "dog 2020") == []


def test_it_offers_the_tag_itself(as_alice: Client, alice):
    annotate(make_photo(alice), {"dog": 0.9})
    page = as_alice.get(reverse("search"), {"q": "dog"}).content.decode()
    assert f'href="{reverse("tag", args=["dog"])}"' in page
    assert "?in=search%3Adog" in page


def test_it_finds_nobody_elses_photos(as_alice: Client, bob):
    annotate(make_photo(bob, name="secret.jpg"), {"dog": 0.9})
    assert found(as_alice, "dog") == []
    assert found(as_alice, "secret") == []


def test_it_sends_anonymous_to_log_in(client: Client, alice):
    assert client.get(reverse("search"), {"q": "dog"}).url == "/login/?next=/search/%3Fq%3Ddog"


def test_it_rejects_post(as_alice: Client):
    assert as_alice.post(reverse("search")).status_code == 405


def test_nothing_found_says_what_to_try(as_alice: Client):
    assert "Nothing found" in as_alice.get(reverse("search"), {"q": "zebra crossing"}).content.decode()


def test_words_that_no_photo_has_together_lead_to_the_tags_they_name(as_alice: Client, alice):
    annotate(make_photo(alice), {"dog": 0.9})
    page = as_alice.get(reverse("search"), {"q": "dog crossing"}).content.decode()
    assert "No photo fits that exactly" in page
    assert "Nothing found" not in page
    assert f'href="{reverse("tag", args=["dog"])}"' in page


def test_no_words_ask_for_some(as_alice: Client):
    for q in ("", "   "):
        assert "What are you looking for?" in as_alice.get(reverse("search"), {"q": q}).content.decode()


def test_odd_input_is_text_like_any_other(as_alice: Client, alice):
    make_photo(alice, name="100%.jpg")
    for q in (
        "<script>alert(1)</script>",
        "'; DROP TABLE",
        "\\",
        "_",
        "x" * 5000,
        "’" * 300,
        "a " * 500,
        "\N{RIGHT-TO-LEFT OVERRIDE}",
    ):
        response = as_alice.get(reverse("search"), {"q": q})
        assert response.status_code == 200
        assert "<script>alert" not in response.content.decode()
    assert len(found(as_alice, "100%")) == 1


def test_it_goes_on_by_cursor_with_the_same_words(as_alice: Client, alice):
    for number in range(61):
        make_photo(alice, JUNE - timedelta(hours=number), name="qx7 & zz9.jpg")
    first = as_alice.get(reverse("search"), {"q": "qx7 & zz9"}).content.decode()
    older = re.search(r'hx-get="([^"]+)"', first[first.index('class="more"') :])
    assert older
    rest = as_alice.get(older.group(1).replace("&amp;", "&"), headers={"HX-Request": "true"})
    assert len(re.findall(r"data-id=", rest.content.decode())) == 1
    assert as_alice.get(reverse("search"), {"q": "qx7", "before": "x"}).status_code == 404
