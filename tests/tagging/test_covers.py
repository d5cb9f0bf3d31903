"""Covers that people choose: they outlive releases, and stand back where the photo has the tag no more."""

import pytest

from magicroll.models import Photo, User
from tagging import pointers, search
from tagging.covers import CoverRefused, choose_cover, forget_cover
from tagging.models import Corpus, Stream, Tag, TagCover
from tagging.writer import store_annotations
from tests.factories import JUNE, annotate, annotation, make_photo, make_release, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def photos(alice: User) -> list[Photo]:
    """Two dogs, the first the surer one."""
    made = [make_photo(alice), make_photo(alice)]
    for photo, score in zip(made, (0.9, 0.5), strict=True):
        annotate(photo, {"dog": score})
    return made


def dog() -> Tag:
    return Tag.objects.get(slug="dog")


def cover(user: User) -> int | None:
    (shelf,) = search.magic_view(search.corpus_of(user))
    (tile,) = [tile for tile in shelf.tags if tile.slug == "dog"]
    return tile.cover.pk if tile.cover else None


def refill(user: User, said: dict[int, dict[str, float]]) -> None:
    """Bring a corpus to the other release, which says this."""
    release = make_release("efficientnet-lite0")
    pointers.begin(user.pk, release.pk)
    items = [annotation(Photo.objects.get(pk=photo), tags) for photo, tags in said.items()]
    store_annotations(user.pk, release.pk, Stream.BULK, items)
    pointers.switch(user.pk, release.pk)


def test_a_chosen_cover_outlives_the_release(alice: User, photos: list[Photo]):
    sure, chosen = photos
    assert cover(alice) == sure.pk
    choose_cover(alice, chosen, dog())
    assert cover(alice) == chosen.pk
    refill(alice, {sure.pk: {"dog": 0.95}, chosen.pk: {"dog": 0.4}})
    assert cover(alice) == chosen.pk


def test_a_release_that_does_not_see_it_falls_back_and_the_way_back_restores_it(
    alice: User, photos: list[Photo]
):
    sure, chosen = photos
    choose_cover(alice, chosen, dog())
    refill(alice, {sure.pk: {"dog": 0.95}, chosen.pk: {"car": 0.9}})
    shelves = search.magic_view(search.corpus_of(alice))
    (tile,) = [tile for shelf in shelves for tile in shelf.tags if tile.slug == "dog"]
    assert (tile.cover, tile.chosen) == (sure, False)
    pointers.roll_back(alice.pk)
    assert cover(alice) == chosen.pk


def test_choosing_again_replaces_and_forgetting_leaves_the_surest(alice: User, photos: list[Photo]):
    sure, other = photos
    choose_cover(alice, other, dog())
    choose_cover(alice, sure, dog())
    assert TagCover.objects.get(owner=alice).photo_id == sure.pk
    forget_cover(alice, dog())
    forget_cover(alice, dog())
    assert not TagCover.objects.exists()
    assert cover(alice) == sure.pk


def test_every_choice_moves_the_clock_of_the_corpus(alice: User, photos: list[Photo]):
    before = Corpus.objects.get(owner=alice).version
    choose_cover(alice, photos[1], dog())
    assert Corpus.objects.get(owner=alice).version == before + 1


def test_a_photo_without_the_tag_or_of_somebody_else_is_refused(alice: User, photos: list[Photo]):
    cat, bob = make_photo(alice, JUNE), make_user("bob")
    annotate(cat, {"cat": 0.9})
    for user, photo in ((alice, cat), (bob, photos[0])):
        with pytest.raises(CoverRefused):
            choose_cover(user, photo, dog())
    assert not TagCover.objects.exists()


def test_a_cover_goes_with_its_photo_and_its_account(alice: User, photos: list[Photo]):
    choose_cover(alice, photos[1], dog())
    alice.delete()
    assert not TagCover.objects.exists()
