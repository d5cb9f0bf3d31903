import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rjsmin import jsmin

from magicroll import services
from tests.factories import JUNE, annotate, make_photo

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
SCRIPTS = Path(settings.BASE_DIR) / "static" / "js"


def shown(response) -> list[int]:
    return [int(number) for number in re.findall(r'data-id="(\d+)"', response.content.decode())]


def test_it_works(as_alice: Client, alice):
    photo = make_photo(alice, name="IMG_0001.jpg", width=4000, height=3000, dominant_colour="#112233")
    page = as_alice.get(reverse("roll")).content.decode()
    assert "June 2024" in page
    assert f'href="/photo/{photo.pk}/"' in page
    assert f'src="/photo/{photo.pk}/thumbnail.jpg?r=1"' in page
    assert f"/photo/{photo.pk}/preview.jpg?r=1 1600w" in page
    assert 'width="4000" height="3000"' in page
    assert 'data-colour="#112233"' in page
    assert 'alt="IMG_0001.jpg, 15 June 2024"' in page


def test_it_sends_anonymous_to_log_in(client: Client, alice):
    assert client.get(reverse("roll")).url == "/login/?next=/"


def test_it_rejects_post(as_alice: Client):
    assert as_alice.post(reverse("roll")).status_code == 405


def test_it_shows_nobody_elses_photos(as_alice: Client, bob):
    make_photo(bob)
    response = as_alice.get(reverse("roll"))
    assert shown(response) == []
    assert "June 2024" not in response.content.decode()


def test_an_empty_roll_invites_to_drop_photos(as_alice: Client):
    page = as_alice.get(reverse("roll")).content.decode()
    assert "Drop your photos here" in page
    assert reverse("upload") in page


def test_newest_come_first_grouped_by_month_and_day(as_alice: Client, alice):
    june = make_photo(alice, JUNE)
    earlier = make_photo(alice, JUNE - timedelta(days=1))
    may = make_photo(alice, datetime(2024, 5, 31, 23, 59, tzinfo=UTC))
    response = as_alice.get(reverse("roll"))
    page = response.content.decode()
    assert shown(response) == [june.pk, earlier.pk, may.pk]
    assert re.findall(r'data-month="([\d-]+)"', page) == ["2024-06", "2024-05"]
    assert re.findall(r'data-day="([\d-]+)"', page) == ["2024-06-15", "2024-06-14", "2024-05-31"]
    assert "2 photos" in page


def test_the_pages_together_hold_every_photo_once(as_alice: Client, alice):
    photos = [make_photo(alice, JUNE - timedelta(hours=number // 3)) for number in range(130)]
    seen: list[int] = []
    address = reverse("roll")
    while address:
        response = as_alice.get(address)
        seen += shown(response)
        older = re.search(r'href="([^"]+)"[^>]*>Older photos', response.content.decode())
        address = older.group(1) if older else ""
    assert sorted(seen) == sorted(photo.pk for photo in photos)
    assert len(seen) == len(set(seen)) == 130


def test_htmx_gets_only_the_next_rows(as_alice: Client, alice):
    make_photo(alice)
    response = as_alice.get(reverse("roll"), headers=HTMX)
    assert len(shown(response)) == 1
    assert "<html" not in response.content.decode()
    assert "HX-Request" in response.headers["Vary"]


def test_a_boosted_request_gets_the_whole_page(as_alice: Client, alice):
    response = as_alice.get(reverse("roll"), headers=HTMX | {"HX-Boosted": "true"})
    assert "<html" in response.content.decode()


def test_a_month_can_be_opened(as_alice: Client, alice):
    make_photo(alice, JUNE)
    old = make_photo(alice, datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC))
    response = as_alice.get(reverse("roll"), {"month": "2019-12"})
    assert shown(response) == [old.pk]
    assert "Newest photos" in response.content.decode()


def test_years_lead_to_their_newest_month(as_alice: Client, alice):
    for year, month in ((2024, 3), (2024, 6), (2019, 12)):
        make_photo(alice, datetime(year, month, 1, tzinfo=UTC))
    page = as_alice.get(reverse("roll")).content.decode()
    assert re.findall(r'href="/\?month=([\d-]+)" data-year', page) == ["2024-06", "2019-12"]
    assert re.findall(r'month=[\d-]+">(\w+ \d+)</a>', page) == ["June 2024", "March 2024", "December 2019"]


@pytest.mark.parametrize(
    "query", ["before=nonsense", "before=1-2-3", "month=2024-13", "month=june", "month=20240-1"]
)
def test_a_made_up_place_is_not_found(as_alice: Client, query: str):
    assert as_alice.get(f"{reverse('roll')}?{query}").status_code == 404


def test_trashed_photos_are_not_shown(as_alice: Client, alice):
    photo = make_photo(alice)
    services.trash(alice, [photo.pk])
    assert shown(as_alice.get(reverse("roll"))) == []


def test_the_number_of_queries_does_not_grow_with_the_photos(
    as_alice: Client, alice, django_assert_num_queries
):
    from django.db import connection

    annotate(make_photo(alice), {"dog": 0.9})
    as_alice.get(reverse("roll"))
    with CaptureQueriesContext(connection) as one:
        as_alice.get(reverse("roll"))
    for number in range(30):
        annotate(make_photo(alice, JUNE - timedelta(days=20 * number)), {"dog": 0.9})
    with django_assert_num_queries(len(one)):
        as_alice.get(reverse("roll"))


def test_large_numbers_stay_plain_in_addresses_and_sizes(as_alice: Client, alice):
    photo = make_photo(alice, pk=1_234_567, width=12_000, height=9_000)
    page = as_alice.get(reverse("roll")).content.decode()
    assert f'data-id="{photo.pk}"' in page
    assert 'width="12000" height="9000"' in page
    assert "1,234,567" not in page


def test_a_photo_no_larger_than_its_thumbnail_offers_nothing_larger(as_alice: Client, alice):
    make_photo(alice, width=480, height=200)
    assert "srcset" not in as_alice.get(reverse("roll")).content.decode()


def test_a_panorama_names_the_true_widths_of_its_files(as_alice: Client, alice):
    make_photo(alice, width=12_000, height=1_000)
    make_photo(alice, width=1_000, height=12_000)
    page = as_alice.get(reverse("roll")).content.decode()
    assert re.findall(r"\?r=1 (\d+)w", page) == ["40", "133", "480", "1600"]


def test_a_name_with_markup_stays_text(as_alice: Client, alice):
    make_photo(alice, name='"><script>alert(1)</script>.jpg')
    page = as_alice.get(reverse("roll")).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_favourites_show_hearts_and_nothing_else(as_alice: Client, alice):
    loved = make_photo(alice, favourite=True)
    make_photo(alice)
    response = as_alice.get(reverse("favourites"))
    assert shown(response) == [loved.pk]
    assert f"/photo/{loved.pk}/?in=favourites" in response.content.decode()
    assert ", favourite" in response.content.decode()


def test_no_favourites_says_how_to_make_one(as_alice: Client):
    assert "press the heart" in as_alice.get(reverse("favourites")).content.decode()


def test_own_scripts_that_come_with_the_roll_stay_small(as_alice: Client, alice):
    make_photo(alice)
    page = as_alice.get(reverse("roll")).content.decode()
    names = re.findall(r'<script type="module" src="/static/js/([\w-]+)\.', page)
    served: dict[str, str] = {}
    while names:
        if (name := names.pop()) not in served:
            served[name] = str(jsmin((SCRIPTS / f"{name}.js").read_text()))
            names += re.findall(r'(?:^|[;\n])(?:import|export) ?[^"(;]*"\./([\w-]+)\.js"', served[name])
    assert {"app", "timeline", "days", "select"} <= set(served)
    sizes = {name: len(as_served(text)) for name, text in served.items()}
    assert sum(sizes.values()) < 25_000, sizes


def as_served(script: str) -> str:
    """Name other scripts as collected ones do: with a hash."""
    return re.sub(r'("\./[\w-]+)\.js"', r'\1.0123456789ab.js"', script)
