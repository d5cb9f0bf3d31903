"""A person who reads German sees tags by their German names and finds photos by them; English names go on working."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client

from magicroll import services
from magicroll.models import Photo, User
from tagging import muting
from tagging.ml.encoder import ClassifierHead
from tagging.models import Embedding, Outstanding, Tag, TagChoice, Verdict
from tagging.outstanding import TIRED
from tagging.services import add_tag, reject_tag
from tests.factories import annotate, make_photo
from tests.views.conftest import logged_in


def text(response: Any) -> str:
    return " ".join(str(response.content.decode()).split())


@pytest.fixture
def photo(alice: User) -> Photo:
    photo = make_photo(alice)
    annotate(photo, {"dog": 0.9, "animal": 0.95})
    return photo


@pytest.fixture
def german(alice: User) -> Client:
    User.objects.filter(pk=alice.pk).update(language="de")
    alice.language = "de"
    return logged_in(alice)


class TestNames:
    def test_a_photo_s_page_names_its_tags(self, german: Client, photo: Photo) -> None:
        page = text(german.get(f"/photo/{photo.pk}/"))
        assert ">Hund</a>" in page
        assert 'alt="Tier, Hund, 15. Juni 2024"' in page
        assert "Samstag, 15. Juni 2024" in page
        assert "von der Kamera" in page
        assert ">dog<" not in page

    def test_so_do_the_lists(self, german: Client, photo: Photo) -> None:
        assert "<span>Hund</span>" in text(german.get("/magic/"))
        assert ">Tiere</a>" in text(german.get("/magic/"))
        assert "<h1>Hund</h1>" in text(german.get("/magic/dog/"))
        assert "Tiere" in text(german.get("/"))
        assert "Tier, Hund" in text(german.get("/"))

    def test_own_tags_keep_the_name_that_their_owner_gave_them(
        self, german: Client, alice: User, photo: Photo
    ) -> None:
        services.set_caption(alice, photo.pk, "")
        own = Tag.objects.create(owner=alice, slug="cat", name="cat", kind=Tag.Kind.OWN)
        add_tag(alice, photo, "cat")
        assert Verdict.objects.get(photo=photo).tag == own
        page = text(german.get(f"/photo/{photo.pk}/"))
        assert ">cat</a>" in page
        assert "Katze" not in page

    def test_what_was_uploaded_is_told_with_them(self, german: Client, photo: Photo) -> None:
        (told,) = german.get(f"/upload/status/?ids={photo.pk}").json()["photos"]
        assert told["tags"] == ["Tier", "Hund"]

    def test_in_english_nothing_is_different(self, as_alice: Client, photo: Photo) -> None:
        page = text(as_alice.get(f"/photo/{photo.pk}/"))
        assert ">dog</a>" in page
        assert 'alt="animal, dog, 15 June 2024"' in page
        assert "Saturday, 15 June 2024" in page

    def test_the_roll_that_a_browser_kept_in_one_language_is_not_shown_in_the_other(
        self, as_alice: Client, alice: User, photo: Photo
    ) -> None:
        seal = as_alice.get("/roll/days/").json()["seal"]
        User.objects.filter(pk=alice.pk).update(language="de")
        assert as_alice.get("/roll/days/").json()["seal"] != seal


class TestFinding:
    @pytest.mark.parametrize(
        "asked", ["Hund", "hunde", "Welpe", "dog", "puppy", "Hund Juni 2024", "Hund june 2024"]
    )
    def test_search_knows_names_and_synonyms_of_both_languages(
        self, german: Client, alice: User, photo: Photo, asked: str
    ) -> None:
        other = make_photo(alice)
        page = text(german.get("/search/", {"q": asked}))
        assert f'data-id="{photo.pk}"' in page
        assert f'data-id="{other.pk}"' not in page

    def test_a_search_that_finds_a_tag_offers_it_by_its_name(self, german: Client, photo: Photo) -> None:
        assert "<span>Hund</span>" in text(german.get("/search/", {"q": "Hund"}))

    @pytest.mark.parametrize("typed", ["hun", "Welpe", "dog"])
    def test_what_is_typed_is_completed(self, german: Client, photo: Photo, typed: str) -> None:
        assert '<option value="Hund">' in text(german.get("/tags/suggest/", {"q": typed}))

    def test_german_names_come_before_what_is_only_called_so_in_english(self, german: Client) -> None:
        offered = re.findall(r'value="([^"]+)"', text(german.get("/tags/suggest/", {"q": "s"})))
        assert len(offered) == 12
        assert all(name.casefold().startswith("s") for name in offered)

    def test_a_completed_name_is_the_tag_and_no_own_one(self, german: Client, photo: Photo) -> None:
        german.post(f"/photo/{photo.pk}/tags/", {"verdict": "add", "name": "Katze"})
        assert Verdict.objects.get(photo=photo).tag.slug == "cat"
        assert ">Katze</a>" in text(german.get(f"/photo/{photo.pk}/"))


class TestAnswers:
    def ask(self, client: Client, photo: Photo, word: str) -> str:
        return text(client.get(f"/photo/{photo.pk}/why/", {"name": word}, headers={"HX-Request": "true"}))

    @pytest.mark.parametrize("asked", ["Hund", "Hunde", "dog"])
    def test_why(self, german: Client, photo: Photo, asked: str) -> None:
        answer = self.ask(german, photo, asked)
        assert "Warum „Hund“?" in answer
        assert "Fast sicher" in answer

    def test_why_names_wider_and_narrower_tags(self, german: Client, alice: User) -> None:
        photo = make_photo(alice)
        annotate(photo, {"dog": 0.9})
        assert "Es kommt mit „Hund“" in self.ask(german, photo, "Tier")
        reject_tag(alice, photo, Tag.objects.get(slug="animal").pk)
        assert "Du hast gesagt, dass „Tier“ nicht auf diesem Foto ist" in self.ask(german, photo, "Hund")

    def test_what_the_network_saw_is_named(
        self, german: Client, photo: Photo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weight = np.zeros((1000, 1280), np.float32)
        weight[281, 0] = 10.0
        head = ClassifierHead(weight, np.full(1000, -4.0, np.float32))
        monkeypatch.setattr("tagging.search.explaining.head_of", lambda name: head)
        vector = np.zeros(1280, "<f2")
        vector[0] = 1.0
        Embedding.objects.filter(photo=photo).update(vector=vector.tobytes())
        assert "Getigerte Katze" in self.ask(german, photo, "Katze")

    def test_a_category_is_refused_by_its_name(self, german: Client, photo: Photo) -> None:
        assert "„Tiere“ ist eine Kategorie" in self.ask(german, photo, "Tiere")
        said = german.post(f"/photo/{photo.pk}/tags/", {"verdict": "add", "name": "animals"})
        assert "„Tiere“ ist eine Kategorie" in text(said)

    def test_a_muted_tag_is_refused_by_its_name(self, german: Client, alice: User, photo: Photo) -> None:
        muting.choose(alice, muting.tag_with_slug(alice, "cat"), TagChoice.Kind.MUTED)
        said = german.post(f"/photo/{photo.pk}/tags/", {"verdict": "add", "name": "Katze"})
        assert "Du hast „Katze“ stummgeschaltet" in text(said)

    def test_wishes_are_told_with_it(self, german: Client, photo: Photo) -> None:
        said = german.post("/your-tags/", {"order": "hide", "name": "Hund"}, follow=True)
        assert "In Deiner Magic View ausgeblendet: Hund." in text(said)

    def test_a_tag_judged_in_its_grid_is_named(self, german: Client, photo: Photo) -> None:
        said = german.post("/magic/dog/not-this/", {"photo": photo.pk}, headers={"HX-Request": "true"})
        assert "Nicht „Hund“" in text(said)

    def test_why_a_photo_has_no_tags_is_told_in_german(self, german: Client, alice: User) -> None:
        photo = make_photo(alice)
        Outstanding.objects.filter(photo=photo).update(set_aside_reason=TIRED)
        assert "Dreimal ist es nicht gelungen" in text(german.get(f"/photo/{photo.pk}/"))

    def test_days_are_counted_in_german(
        self, german: Client, alice: User, stored_photo: Callable[..., Photo]
    ) -> None:
        photo = stored_photo(alice)
        services.trash(alice, [photo.pk])
        assert "Wird in 30 Tagen endgültig gelöscht." in text(german.get(f"/photo/{photo.pk}/"))


class TestChoosingAndChanging:
    def test_a_choice_is_said_in_words(self, german: Client, alice: User, photo: Photo) -> None:
        annotate(photo, {"dog": 0.9, "animal": 0.95, "beach": 0.9})
        page = text(german.get("/magic/dog/?with=beach&without=cat&year=2024"))
        assert "<h1>Hund und Strand, ohne Katze, aus 2024</h1>" in page
        assert "Ohne Katze" in page
        assert "1 Foto" in page

    def test_what_was_done_to_many_photos_is_told(self, german: Client, alice: User, photo: Photo) -> None:
        ids = f"{photo.pk},{make_photo(alice).pk}"
        said = german.post("/selection/", {"kind": "add-tag", "name": "Hund", "ids": ids}, follow=True)
        assert "2 Fotos haben jetzt das Tag „Hund“." in text(said)
        moved = {"kind": "shift-date", "ids": str(photo.pk), "days": "1", "hours": "2", "way": "later"}
        said = german.post("/selection/", moved, follow=True)
        assert "1 Foto verschoben: 1 Tag 2 Stunden später." in text(said)
        dated = {"kind": "set-date", "ids": str(photo.pk), "date": "2024-03-05"}
        assert "auf den 5. März 2024 gesetzt." in text(german.post("/selection/", dated, follow=True))
        assert "Wähle zuerst Fotos aus." in text(german.post("/selection/", {"kind": "trash"}))

    def test_an_own_tag_is_not_made_under_the_name_of_one_there_is(
        self, german: Client, photo: Photo
    ) -> None:
        said = german.post("/my-tags/", {"name": "Hund"})
        assert said.status_code == 422
        assert "„Hund“ wird in Deinen Fotos schon gefunden." in text(said)

    def test_the_installed_app_speaks_german_too(self, german: Client) -> None:
        told = german.get("/manifest.webmanifest").json()
        assert (told["lang"], told["shortcuts"][0]["name"]) == ("de", "Hochladen")
        assert '<html lang="de">' in text(german.get("/offline/"))

    def test_a_worker_with_pages_in_another_language_is_another_one(
        self, as_alice: Client, alice: User
    ) -> None:
        worker = text(as_alice.get("/service-worker.js"))
        User.objects.filter(pk=alice.pk).update(language="de")
        assert text(as_alice.get("/service-worker.js")) != worker
