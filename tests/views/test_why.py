"""Why a photo has a tag or has it not, as a page and as a part of the photo page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from magicroll import services
from magicroll.models import Photo, User
from tagging import muting, taggers
from tagging.ml.encoder import ClassifierHead
from tagging.models import Corpus, Embedding, LearnedThreshold, Release, Tag, TagChoice
from tagging.services import add_tag, reject_tag
from tagging.vocabulary import load_builtin
from tests.factories import annotate, make_photo, make_user

HTMX = {"HX-Request": "true"}


def text(response: Any) -> str:
    return " ".join(str(response.content.decode()).split())


@pytest.fixture(autouse=True)
def no_models(settings: Settings, tmp_path: Path) -> None:
    """This machine has no network's file, unless a test puts a head in its place."""
    settings.MODELS_DIR = tmp_path / "models"
    taggers.forget()


@pytest.fixture
def photo(alice: User) -> Photo:
    photo = make_photo(alice)
    annotate(photo, {"dog": 0.9, "animal": 0.95})
    return photo


def ask(client: Client, photo: Photo, tag: str, **headers: str) -> Any:
    return client.get(f"/photo/{photo.pk}/why/", {"tag": tag}, headers=headers)


class TestDoors:
    def test_it_works(self, as_alice: Client, photo: Photo) -> None:
        page = text(as_alice.get(f"/photo/{photo.pk}/why/"))
        assert "Why is a tag on this photo, or why not?" in page

    def test_another_persons_photo_is_404(self, as_bob: Client, photo: Photo) -> None:
        assert ask(as_bob, photo, "dog").status_code == 404

    def test_anonymous_is_sent_to_log_in(self, client: Client, photo: Photo) -> None:
        assert ask(client, photo, "dog")["Location"].startswith("/login/")

    def test_it_rejects_post(self, as_alice: Client, photo: Photo) -> None:
        assert as_alice.post(f"/photo/{photo.pk}/why/").status_code == 405

    @pytest.mark.parametrize(
        ("words", "says"),
        [("no such thing", "No tag or category is called"), ("animals", "is a category")],
    )
    def test_a_word_that_is_no_tag_gets_a_message(
        self, as_alice: Client, photo: Photo, words: str, says: str
    ) -> None:
        response = as_alice.get(f"/photo/{photo.pk}/why/", {"name": words})
        assert response.status_code == 422
        assert says in text(response)

    def test_another_persons_own_tag_is_no_tag(self, as_bob: Client, alice: User, bob: User) -> None:
        add_tag(alice, make_photo(alice), "Zebrafinch")
        mine = make_photo(bob)
        assert ask(as_bob, mine, "zebrafinch").status_code == 422

    def test_it_is_a_part_for_htmx(self, as_alice: Client, photo: Photo) -> None:
        part = text(ask(as_alice, photo, "dog", **HTMX))
        assert "Why dog?" in part
        assert "<html" not in part


class TestWhy:
    def test_a_tag_that_is_shown_says_how_sure_and_from_where_on(
        self, as_alice: Client, photo: Photo
    ) -> None:
        page = text(ask(as_alice, photo, "dog"))
        threshold = next(
            one.thresholds["efficientnet-lite2"] for one in load_builtin().tags if one.slug == "dog"
        )
        assert "Why dog?" in page
        assert "Almost certainly" in page
        assert "90 %" in page
        assert f"Shown from {round(threshold * 100)} %" in page
        assert Release.objects.get().name in page

    @pytest.mark.parametrize(
        ("said", "answer"),
        [
            ("cat", "Not sure enough to be shown."),
            ("Dogs", "Why dog?"),
        ],
    )
    def test_any_tag_of_the_vocabulary_can_be_asked_for(
        self, as_alice: Client, photo: Photo, said: str, answer: str
    ) -> None:
        assert answer in text(as_alice.get(f"/photo/{photo.pk}/why/", {"name": said}))

    def test_a_person_s_word_is_the_reason(self, as_alice: Client, alice: User, photo: Photo) -> None:
        add_tag(alice, photo, "cat")
        add_tag(alice, photo, "Rex")
        reject_tag(alice, photo, Tag.objects.get(slug="dog").pk)
        assert "Why cat?" in text(ask(as_alice, photo, "cat"))
        assert "You said so." in text(ask(as_alice, photo, "rex"))
        assert "You said that it is not in this photo." in text(ask(as_alice, photo, "dog"))

    def test_what_goes_with_a_wider_tag_and_comes_with_a_narrower_one(
        self, as_alice: Client, alice: User
    ) -> None:
        photo = make_photo(alice)
        annotate(photo, {"dog": 0.9})
        assert "It comes with dog" in text(ask(as_alice, photo, "animal"))
        reject_tag(alice, photo, Tag.objects.get(slug="animal").pk)
        assert "You said that animal is not in this photo" in text(ask(as_alice, photo, "dog"))

    def test_a_muted_tag_says_so_and_no_more(self, as_alice: Client, alice: User, photo: Photo) -> None:
        muting.choose(alice, Tag.objects.get(slug="dog"), TagChoice.Kind.MUTED)
        page = text(ask(as_alice, photo, "dog"))
        assert "You muted it" in page
        assert "Shown from" not in page

    def test_a_photo_that_waits_says_so(self, as_alice: Client, alice: User) -> None:
        assert "has not been looked at yet" in text(ask(as_alice, make_photo(alice), "dog"))

    def test_an_own_threshold_stands_beside_the_release_s(
        self, as_alice: Client, alice: User, photo: Photo
    ) -> None:
        LearnedThreshold.objects.create(
            owner=alice,
            tag=Tag.objects.get(slug="cat"),
            offset=1.0,
            release=Release.objects.get(),
            verdicts=30,
            added=0,
            rejected=30,
        )
        assert "learnt from what you said" in text(ask(as_alice, photo, "cat"))

    def test_its_queries_do_not_grow_with_what_was_confirmed(
        self, as_alice: Client, alice: User, photo: Photo
    ) -> None:
        ask(as_alice, photo, "dog", **HTMX)  # what a process reads once
        counts = []
        for confirmed in (2, 12):
            for number in range(confirmed):
                other = make_photo(alice)
                annotate(other, {"dog": 0.8}, seed=number)
                add_tag(alice, other, "dog")
            with CaptureQueriesContext(connection) as queries:
                ask(as_alice, photo, "dog", **HTMX)
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestAlike:
    def test_the_nearest_confirmed_photos_come_first_exactly(
        self, as_alice: Client, alice: User, photo: Photo
    ) -> None:
        mine = np.frombuffer(Embedding.objects.get(photo=photo).vector, "<f2").astype(np.float32)
        cosines = {}
        for seed in range(1, 8):
            other = make_photo(alice)
            annotate(other, {"dog": 0.8}, seed=seed)
            add_tag(alice, other, "dog")
            vector = np.frombuffer(Embedding.objects.get(photo=other).vector, "<f2").astype(np.float32)
            cosines[other.pk] = vector @ mine / np.linalg.norm(vector) / np.linalg.norm(mine)
        unconfirmed = make_photo(alice)
        annotate(unconfirmed, {"dog": 0.9}, seed=0)
        nearest = sorted(cosines, key=lambda one: -cosines[one])
        services.trash(alice, [nearest[1]])
        page = text(ask(as_alice, photo, "dog", **HTMX)).partition("why-alike")[2]
        places = [page.find(f'href="/photo/{one}/"') for one in nearest]
        assert places[1] == -1
        shown = [place for number, place in enumerate(places) if number in (0, 2, 3, 4)]
        assert shown == sorted(shown)
        assert min(shown) > 0
        assert places[5] == places[6] == -1
        assert f'href="/photo/{unconfirmed.pk}/"' not in page

    def test_nobody_elses_are_among_them(self, as_alice: Client, photo: Photo) -> None:
        other = make_photo(make_user())
        annotate(other, {"dog": 0.8})
        add_tag(other.owner, other, "dog")
        assert "why-alike" not in text(ask(as_alice, photo, "dog"))


class TestNetwork:
    def test_the_score_is_computed_anew_and_classes_are_named(
        self, as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A network that sees a Labrador (208) and a tabby (281) in a vector of its own."""
        weight = np.zeros((1000, 1280), np.float32)
        weight[208, 0], weight[281, 1] = 10.0, 10.0
        head = ClassifierHead(weight, np.full(1000, -4.0, np.float32))
        monkeypatch.setattr("tagging.search.explaining.head_of", lambda name: head)
        photo = make_photo(alice)
        annotate(photo, {"dog": 0.6})
        vector = np.zeros(1280, "<f2")
        vector[0], vector[1] = 1.2, 1.0
        Embedding.objects.filter(photo=photo).update(vector=vector.tobytes())
        p = np.exp(np.array([8.0, 6.0]))
        p /= p.sum() + 998 * np.exp(-4.0)
        dog = text(ask(as_alice, photo, "dog"))
        assert f"{round(100 * float(p[0]))} %" in dog
        assert "Labrador" in dog
        assert "tabby" not in dog
        cat = text(ask(as_alice, photo, "cat"))
        assert "Why not cat?" in cat
        assert "tabby" in cat
        assert f"{round(100 * float(p[1]))} %" in cat

    def test_where_automatic_tags_are_off_nothing_looks(self, as_alice: Client, alice: User) -> None:
        photo = make_photo(alice)
        Corpus.objects.filter(owner=alice).update(automatic="off")
        assert "Automatic tags are turned off" in text(ask(as_alice, photo, "dog"))


class TestChips:
    def test_tags_stand_under_words_for_how_sure_they_are(self, as_alice: Client, alice: User) -> None:
        photo = make_photo(alice)
        annotate(photo, {"dog": 0.95, "car": 0.7, "boat": 0.3})
        add_tag(alice, photo, "Rex")
        page = text(as_alice.get(f"/photo/{photo.pk}/tags/"))
        places = [
            page.find(words) for words in (">You said<", "Rex", ">Almost certainly<", ">dog<", ">Probably<")
        ]
        places += [page.find(words) for words in (">car<", ">Maybe<", ">boat<")]
        assert places == sorted(places)
        assert min(places) > 0
        assert f'href="/photo/{photo.pk}/why/?tag=dog&amp;in=roll"' in page
        assert 'aria-label="Why dog? Almost certainly, 95 %"' in page
