"""The card of a release, for administrators."""

import re
from dataclasses import replace

import pytest
from django.test import Client

from magicroll.models import User
from tagging.cards import Card, CardTag, Evidence, Interval, Measured, Origin
from tagging.ml.registry import ENCODERS
from tagging.models import Release
from tagging.releases import register_release
from tagging.vocabulary import load_everyday
from tests.factories import make_release
from tests.views.conftest import logged_in

pytestmark = pytest.mark.django_db

SPEC = ENCODERS["efficientnet-lite2"]
CARD = Card(
    summary="Tags of a test.",
    licence="Weights may be shared.",
    origins=(Origin("Holiday photos", 1200, "training", "research and education"),),
    measured=(Measured("A roll", 82, Interval(0.85, 0.8, 0.9), None, Interval(0.7, 0.6, 0.8), None),),
    tags=(
        CardTag("person", True, 0.5, 0.93, 0.9, 0.8, (Evidence("calib", 138, 6, 31),)),
        CardTag("wedding", False, 0.95, None, None, None, (), "no photo with it was judged"),
    ),
    failures=("Bays are taken for lakes.",),
)


@pytest.fixture
def release() -> Release:
    return register_release(SPEC, load_everyday(SPEC.name), default=True, card=CARD)


def words(response: object) -> str:
    content = response.content.decode()  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def url(release: Release) -> str:
    return f"/models/releases/{release.pk}/card/"


def test_it_works(as_admin: Client, release: Release) -> None:
    said = words(as_admin.get(url(release)))
    for expected in (
        "Tags of a test.",
        "A roll 82 0.850 (0.800 to 0.900) – 0.700 (0.600 to 0.800) –",
        "people 50 % 138 6 31 93 % 90 % calib 138/6/31",
        "wedding no photo with it was judged",
        "Holiday photos 1,200 training research and education",
        "Weights may be shared.",
        "Bays are taken for lakes.",
        "trained on ImageNet-1k",
    ):
        assert expected in said


def test_the_overview_leads_there(as_admin: Client, release: Release) -> None:
    assert url(release) in as_admin.get("/models/").content.decode()


def test_a_release_without_a_card_says_so(as_admin: Client) -> None:
    release = make_release()
    said = words(as_admin.get(url(release)))
    assert "Nobody wrote down how right this release is" in said
    assert "dog" in said


def test_a_card_can_be_mended(as_admin: Client, release: Release) -> None:
    register_release(SPEC, load_everyday(SPEC.name), default=False, card=replace(CARD, summary="Mended."))
    assert "Mended." in words(as_admin.get(url(release)))


def test_there_is_none_of_no_release(as_admin: Client) -> None:
    assert as_admin.get("/models/releases/99999/card/").status_code == 404


def test_it_is_for_administrators(client: Client, release: Release) -> None:
    assert client.get(url(release)).status_code == 302
    user = User.objects.create_user("carol", password="a long password")
    assert logged_in(user).get(url(release)).status_code == 404


def test_it_rejects_post(as_admin: Client, release: Release) -> None:
    assert as_admin.post(url(release)).status_code == 405
