"""Your tags: muted and hidden ones, learnt thresholds, automatic tags as a whole."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from magicroll.models import Photo, User
from tagging import learning, republishing, tasks
from tagging.models import Annotation, Corpus, LearnedThreshold, Tag, TagChoice
from tagging.refill import automatic
from tagging.services import add_tag, reject_tag
from tests.factories import JUNE, annotate, make_photo

PAGE = "/your-tags/"


def text(response: Any) -> str:
    return " ".join(str(response.content.decode()).split())


@pytest.fixture(autouse=True)
def hints(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect what workers are told, in place of a broker."""
    told: list[int] = []
    monkeypatch.setattr(tasks, "hint_automatic", told.append)
    return told


@pytest.fixture
def photo(alice: User) -> Photo:
    photo = make_photo(alice)
    annotate(photo, {"dog": 0.9, "car": 0.9})
    return photo


def tag(slug: str) -> Tag:
    return Tag.objects.get(slug=slug)


class TestDoors:
    def test_it_works(self, as_alice: Client) -> None:
        page = text(as_alice.get(PAGE))
        assert "Nothing is muted." in page
        assert "Nothing is hidden." in page

    def test_anonymous_is_sent_to_log_in(self, client: Client, alice: User) -> None:
        assert client.get(PAGE)["Location"].startswith("/login/")
        assert client.post(PAGE, {"order": "off"})["Location"].startswith("/login/")

    def test_it_rejects_put(self, as_alice: Client) -> None:
        assert as_alice.put(PAGE).status_code == 405

    @pytest.mark.parametrize(
        ("form", "says"),
        [
            ({}, "Choose what to do"),
            ({"order": "burn", "tag": "1"}, "Choose what to do"),
            ({"order": "mute"}, "Type the name"),
            ({"order": "mute", "name": "no such"}, "No tag or category is called"),
            ({"order": "mute", "tag": "x"}, "There is no such tag"),
            ({"order": "mute", "tag": "9" * 30}, "There is no such tag"),
            ({"order": "hide", "tag": "999999"}, "There is no such tag"),
        ],
    )
    def test_bad_input_gets_a_message(self, as_alice: Client, form: dict[str, str], says: str) -> None:
        response = as_alice.post(PAGE, form)
        assert response.status_code == 422
        assert says in text(response)
        assert not TagChoice.objects.exists()

    def test_another_persons_own_tag_is_none(self, as_bob: Client, alice: User, photo: Photo) -> None:
        own = add_tag(alice, photo, "Grandma")
        assert as_bob.post(PAGE, {"order": "mute", "tag": own.pk}).status_code == 422
        assert not TagChoice.objects.exists()


class TestChoosing:
    def test_muting_by_name_and_showing_again(self, as_alice: Client, photo: Photo) -> None:
        page = text(as_alice.post(PAGE, {"order": "mute", "name": "dogs"}, follow=True))
        assert "Muted: dog." in page
        assert "You muted this tag" in text(as_alice.get("/magic/dog/"))
        assert ">dog<" not in text(as_alice.get(f"/photo/{photo.pk}/"))
        assert as_alice.post(PAGE, {"order": "show", "tag": tag("dog").pk}).status_code == 302
        assert ">dog<" in text(as_alice.get(f"/photo/{photo.pk}/"))

    def test_hiding_from_a_tag_s_page_leads_back_there(self, as_alice: Client, photo: Photo) -> None:
        assert 'value="hide"' in text(as_alice.get("/magic/dog/"))
        form = {"order": "hide", "tag": str(tag("animals").pk), "back": "/magic/animals/"}
        response = as_alice.post(PAGE, form)
        assert response["Location"] == "/magic/animals/"
        assert 'id="shelf-animals"' not in text(as_alice.get("/magic/"))
        assert "Show it in Magic View" in text(as_alice.get("/magic/animals/"))

    @pytest.mark.parametrize(
        "back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "roll"]
    )
    def test_it_leads_nowhere_else(self, as_alice: Client, photo: Photo, back: str) -> None:
        form = {"order": "mute", "tag": str(tag("dog").pk), "back": back}
        assert as_alice.post(PAGE, form)["Location"] == PAGE


class TestLearnt:
    @pytest.fixture
    def taught(self, alice: User) -> None:
        for day in range(24):
            other = make_photo(alice, JUNE - timedelta(days=day))
            annotate(other, {"dog": 0.9})
            reject_tag(alice, other, tag("dog").pk)
        assert learning.learn(alice.pk) == 1

    def test_it_lists_both_thresholds_and_takes_the_learnt_one_back(
        self, as_alice: Client, taught: None
    ) -> None:
        page = text(as_alice.get(PAGE))
        assert "Use the release’s again" in page
        assert '<td class="figure">24</td>' in page
        as_alice.post(PAGE, {"order": "release", "tag": tag("dog").pk})
        assert LearnedThreshold.objects.get().ignored
        assert "Use mine" in text(as_alice.get(PAGE))
        as_alice.post(PAGE, {"order": "learned", "tag": tag("dog").pk})
        assert not LearnedThreshold.objects.get().ignored

    def test_where_nothing_was_learnt_it_says_so(self, as_alice: Client) -> None:
        response = as_alice.post(PAGE, {"order": "release", "tag": tag("dog").pk})
        assert response.status_code == 422
        assert "Nothing was learnt" in text(response)

    def test_nobody_else_sees_it(self, as_bob: Client, taught: None) -> None:
        assert "Use the release’s again" not in text(as_bob.get(PAGE))


class TestManyPhotos:
    @pytest.fixture
    def photos(self, alice: User, monkeypatch: pytest.MonkeyPatch) -> list[Photo]:
        monkeypatch.setattr(republishing, "PHOTOS_PER_CHANGE", 1)
        monkeypatch.setattr(republishing, "AT_ONCE_S", -1.0)
        photos = [make_photo(alice) for _ in range(3)]
        for one in photos:
            annotate(one, {"dog": 0.9})
        return photos

    def test_the_answer_waits_for_some_and_a_worker_is_told_of_the_others(
        self, as_alice: Client, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[int] = []
        monkeypatch.setattr(tasks, "hint_wishes", told.append)
        as_alice.post(PAGE, {"order": "mute", "name": "dog"})
        assert told == [photos[0].owner_id]
        part = text(as_alice.get(PAGE, headers={"HX-Request": "true", "HX-Target": "following"}))
        assert "following what you changed: 2 to go" in part
        assert "<html" not in part
        assert "following what you changed: 2 to go" in text(as_alice.get(PAGE))
        tasks.follow_wishes(photos[0].owner_id)
        assert "following what you changed" not in text(as_alice.get(PAGE))
        as_alice.post(PAGE, {"order": "hide", "name": "cat"})
        assert told == [photos[0].owner_id]


class TestAutomaticTags:
    def test_off_and_on_again(self, as_alice: Client, alice: User, photo: Photo, hints: list[int]) -> None:
        assert "the tags of 1 photo," in text(as_alice.get(PAGE))
        assert as_alice.post(PAGE, {"order": "off"}).status_code == 302
        assert hints == [alice.pk]
        part = text(as_alice.get(PAGE, headers={"HX-Request": "true"}))
        assert "is being removed: 1 photo to go" in part
        assert "<html" not in part
        assert "Removing automatic tags" in text(as_alice.get("/rail/"))
        while automatic.remove_some(alice.pk):
            pass
        assert not Annotation.objects.exists()
        assert "all that was computed is removed" in text(as_alice.get(PAGE))
        assert "Automatic tags are off" in text(as_alice.get("/rail/"))
        assert "Automatic tags are turned off" in text(as_alice.get("/magic/"))
        assert "Automatic tags are turned off" in text(as_alice.get(f"/photo/{photo.pk}/"))
        as_alice.post(PAGE, {"order": "on"})
        assert Corpus.objects.get(owner=alice).automatic == "on"
