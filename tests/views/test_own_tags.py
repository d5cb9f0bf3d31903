import re
from collections.abc import Iterator

import numpy as np
import pytest
from django.test import Client

from magicroll.models import Photo, User
from tagging import own_tags, search, tasks
from tagging.models import Corpus, OwnHead, Stream, Tag, Verdict
from tagging.verify import differences
from tagging.writer import NewAnnotation, store_annotations
from tests.factories import make_photo
from tests.tagging.own_tags.eyes import PROJECTION, few_dimensions

HTMX = {"HX-Request": "true"}
RNG = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def _eyes() -> Iterator[None]:
    with few_dimensions():
        yield


@pytest.fixture
def tag(alice: User) -> Tag:
    return own_tags.make(alice, "Rex")


def see(photo: Photo, direction: int) -> None:
    """Let a network see a photo that shows the thing of this number."""
    vector = 10 * PROJECTION[:, direction] + RNG.normal(size=1280) * 0.05
    corpus = Corpus.objects.get(owner=photo.owner_id)
    nothing = np.empty(0, np.int32)
    new = NewAnnotation(
        photo.id, photo.revision, vector.astype(np.float16), nothing, nothing.astype(np.float32)
    )
    store_annotations(photo.owner_id, corpus.active_id, Stream.REALTIME, [new])


@pytest.fixture
def rex(alice: User) -> list[Photo]:
    """Photos of Rex, among as many of three other things."""
    photos = [make_photo(alice) for _ in range(24)]
    for number, photo in enumerate(photos):
        see(photo, number % 4)
    return photos[::4]


def address(tag: Tag, what: str = "") -> str:
    return f"/my-tags/{tag.pk}/{what}"


def likely(page: bytes) -> list[int]:
    """The candidates that a page shows, best first."""
    part = page.decode().partition('id="likely"')[2].partition("</ul>")[0]
    return [int(number) for number in re.findall(r'data-id="(\d+)"', part)]


def shown(user: User, tag: Tag) -> set[int]:
    return {photo.pk for photo in search.tag_page(search.corpus_of(user), tag.slug, limit=100).page.photos}


class TestList:
    def test_it_makes_a_tag_and_leads_to_it(self, as_alice: Client, alice: User):
        answer = as_alice.post("/my-tags/", {"name": " Grandma’s   garden "})
        tag = Tag.objects.get(owner=alice)
        assert (tag.name, tag.kind) == ("Grandma’s garden", "own")
        assert answer["Location"] == address(tag)
        assert "Grandma’s garden" in as_alice.get("/my-tags/").content.decode()

    @pytest.mark.parametrize(
        ("name", "message"),
        [("", "1 to 80 characters"), ("x" * 81, "1 to 80 characters"), ("!!", "letter or number"), ("Dogs", "already")],
    )  # fmt: skip
    def test_a_bad_name_gets_a_message(self, as_alice: Client, name: str, message: str):
        answer = as_alice.post("/my-tags/", {"name": name})
        assert answer.status_code == 422
        assert message in answer.content.decode()
        assert not Tag.objects.filter(kind="own").exists()

    def test_it_asks_as_many_questions_for_many_tags_as_for_one(
        self, as_alice: Client, alice: User, tag: Tag, rex: list[Photo], django_assert_num_queries: object
    ):
        own_tags.judge(alice, tag, [rex[0].pk], Verdict.Kind.ADDED)
        as_alice.get("/my-tags/")
        with django_assert_num_queries(20, exact=False) as asked:
            as_alice.get("/my-tags/")
        for number in range(6):
            own_tags.judge(alice, own_tags.make(alice, f"tag {number}"), [rex[1].pk], Verdict.Kind.ADDED)
        with django_assert_num_queries(len(asked)):
            as_alice.get("/my-tags/")


class TestLearning:
    def test_it_begins_with_photos_to_choose_from(self, as_alice: Client, tag: Tag, rex: list[Photo]):
        page = as_alice.get(address(tag)).content.decode()
        assert "Show what it looks like" in page
        assert f'name="yes" value="{rex[-1].pk}"' in page
        assert 'id="likely"' not in page

    def test_one_yes_brings_the_likely_ones_to_the_top(self, as_alice: Client, tag: Tag, rex: list[Photo]):
        page = as_alice.post(address(tag, "judge/"), {"yes": rex[0].pk}, headers=HTMX).content
        assert set(likely(page)[:5]) == {photo.pk for photo in rex[1:]}
        assert b"<html" not in page

    def test_a_no_takes_a_photo_away_and_changes_the_order(
        self, as_alice: Client, alice: User, tag: Tag, rex: list[Photo]
    ):
        as_alice.post(address(tag, "judge/"), {"yes": rex[0].pk})
        page = as_alice.post(address(tag, "judge/"), {"no": rex[1].pk}, headers=HTMX).content
        assert rex[1].pk not in likely(page)
        assert set(Verdict.objects.filter(tag=tag).values_list("photo", "kind")) == {
            (rex[0].pk, "added"),
            (rex[1].pk, "rejected"),
        }
        page = as_alice.post(address(tag, "judge/"), {"undo": rex[1].pk}, headers=HTMX).content
        assert rex[1].pk in likely(page)
        assert differences(alice.pk) == []

    def test_without_htmx_it_leads_back_to_the_page_and_its_cut(
        self, as_alice: Client, tag: Tag, rex: list[Photo]
    ):
        answer = as_alice.post(address(tag, "judge/"), {"yes": rex[0].pk, "cut": "70"})
        assert answer["Location"] == f"{address(tag)}?cut=70"
        assert b'value="70"' in as_alice.get(answer["Location"]).content

    @pytest.mark.parametrize("form", [{}, {"yes": "x"}, {"yes": "٣"}, {"yes": "9" * 30}])
    def test_a_judgement_of_nothing_gets_a_message(self, as_alice: Client, tag: Tag, form: dict[str, str]):
        answer = as_alice.post(address(tag, "judge/"), form)
        assert answer.status_code == 422
        assert "Choose a photo first" in answer.content.decode()

    def test_somebody_elses_photo_is_none(self, as_alice: Client, bob: User, tag: Tag):
        assert as_alice.post(address(tag, "judge/"), {"yes": make_photo(bob).pk}).status_code == 404
        assert not Verdict.objects.exists()

    @pytest.mark.parametrize("cut", ["0", "100", "-3", "x", "50.5", "²"])
    def test_a_cut_that_is_none_is_passed_over(self, as_alice: Client, tag: Tag, rex: list[Photo], cut: str):
        as_alice.post(address(tag, "judge/"), {"yes": rex[0].pk})
        assert b'min="1" max="99" value="50"' in as_alice.get(address(tag), {"cut": cut}).content

    def test_photos_are_found_by_word(self, as_alice: Client, tag: Tag, rex: list[Photo]):
        page = as_alice.get(address(tag), {"q": rex[2].name}).content.decode()
        assert f'name="yes" value="{rex[2].pk}"' in page
        assert page.count('name="yes"') == 1

    def test_trashed_photos_are_no_candidates(self, as_alice: Client, tag: Tag, rex: list[Photo]):
        as_alice.post(address(tag, "judge/"), {"yes": rex[0].pk})
        as_alice.post(f"/photo/{rex[1].pk}/trash/")
        assert rex[1].pk not in likely(as_alice.get(address(tag)).content)

    def test_a_missing_index_is_told_and_asked_for(
        self, as_alice: Client, tag: Tag, rex: list[Photo], monkeypatch: pytest.MonkeyPatch
    ):
        asked: list[int] = []
        monkeypatch.setattr(tasks, "hint_index", asked.append)
        monkeypatch.setattr("tagging.own_tags.space.LONGEST_TAIL", 3)
        assert "being prepared" in as_alice.get(address(tag)).content.decode()
        answer = as_alice.post(address(tag, "teach/"), {"order": "teach", "cut": "50"})
        assert (answer.status_code, len(asked)) == (422, 3)

    def test_it_asks_as_many_questions_whatever_the_photos(
        self, as_alice: Client, tag: Tag, rex: list[Photo], django_assert_num_queries: object
    ):
        as_alice.post(address(tag, "judge/"), {"yes": rex[0].pk})
        as_alice.get(address(tag))
        with django_assert_num_queries(30, exact=False) as asked:
            as_alice.get(address(tag))
        queries = len(asked)  # the next request forgets them
        for photo in rex[1:4]:
            as_alice.post(address(tag, "judge/"), {"yes": photo.pk})
        as_alice.get(address(tag))
        with django_assert_num_queries(queries):
            as_alice.get(address(tag))


class TestTeaching:
    @pytest.fixture(autouse=True)
    def _marked(self, alice: User, tag: Tag, rex: list[Photo]) -> None:
        own_tags.judge(alice, tag, [photo.pk for photo in rex[:2]], Verdict.Kind.ADDED)

    def test_photos_that_reach_the_cut_get_it_and_new_ones_too(
        self, as_alice: Client, alice: User, tag: Tag, rex: list[Photo]
    ):
        as_alice.post(address(tag, "teach/"), {"order": "teach", "cut": "50"})
        assert shown(alice, tag) == {photo.pk for photo in rex}
        new, other = make_photo(alice), make_photo(alice)
        see(new, 0)
        see(other, 1)
        assert shown(alice, tag) == {photo.pk for photo in [*rex, new]}
        assert differences(alice.pk) == []
        assert "Tags by itself, from 50 % on" in as_alice.get(address(tag)).content.decode()

    def test_its_chip_says_how_sure_it_is_and_takes_no_for_an_answer(
        self, as_alice: Client, alice: User, tag: Tag, rex: list[Photo]
    ):
        as_alice.post(address(tag, "teach/"), {"order": "teach", "cut": "50"})
        page = as_alice.get(f"/photo/{rex[3].pk}/tags/").content.decode()
        assert 'aria-label="Probability of Rex"' in page
        as_alice.post(f"/photo/{rex[3].pk}/tags/", {"verdict": "reject", "tag": tag.pk})
        assert rex[3].pk not in shown(alice, tag)
        assert Verdict.objects.get(photo=rex[3].pk).kind == "rejected"
        assert differences(alice.pk) == []

    def test_stopping_leaves_what_was_said(self, as_alice: Client, alice: User, tag: Tag, rex: list[Photo]):
        as_alice.post(address(tag, "teach/"), {"order": "teach", "cut": "50"})
        as_alice.post(address(tag, "teach/"), {"order": "stop"})
        assert shown(alice, tag) == {photo.pk for photo in rex[:2]}
        assert not OwnHead.objects.exists()
        assert differences(alice.pk) == []

    @pytest.mark.parametrize(
        ("form", "message"),
        [
            ({}, "Choose what to do first"),
            ({"order": "teach", "cut": "0"}, "from 1 to 99"),
            ({"order": "teach", "cut": "x"}, "from 1 to 99"),
        ],
    )
    def test_bad_input_gets_a_message(self, as_alice: Client, tag: Tag, form: dict[str, str], message: str):
        answer = as_alice.post(address(tag, "teach/"), form)
        assert answer.status_code == 422
        assert message in answer.content.decode()
        assert not OwnHead.objects.exists()

    def test_a_tag_without_a_yes_can_not_be_taught(self, as_alice: Client, alice: User):
        empty = own_tags.make(alice, "Nothing yet")
        answer = as_alice.post(address(empty, "teach/"), {"order": "teach", "cut": "50"})
        assert answer.status_code == 422
        assert "Mark at least one photo" in answer.content.decode()

    def test_what_takes_long_goes_on_in_the_background(
        self, as_alice: Client, alice: User, tag: Tag, rex: list[Photo], monkeypatch: pytest.MonkeyPatch
    ):
        hinted: list[int] = []
        monkeypatch.setattr(tasks, "hint_own_tags", hinted.append)
        monkeypatch.setattr("magicroll.views.own_tags._TEACH_S", -1.0)
        monkeypatch.setattr("tagging.own_tags.settling.PHOTOS_PER_CHANGE", 2)
        page = as_alice.post(address(tag, "teach/"), {"order": "teach", "cut": "50"}, headers=HTMX)
        assert "Going through your photos" in page.content.decode()
        assert hinted == [alice.pk]
        tasks.settle_own_tags(alice.pk)
        assert shown(alice, tag) == {photo.pk for photo in rex}
        assert "Going through" not in as_alice.get(address(tag)).content.decode()


class TestChanging:
    def test_it_is_renamed(self, as_alice: Client, alice: User, tag: Tag, rex: list[Photo]):
        own_tags.judge(alice, tag, [rex[0].pk], Verdict.Kind.ADDED)
        before = Corpus.objects.get(owner=alice).version
        as_alice.post(address(tag, "change/"), {"order": "rename", "name": "Rex the dog"})
        tag.refresh_from_db()
        assert (tag.name, tag.slug) == ("Rex the dog", "rex-the-dog")
        assert shown(alice, tag) == {rex[0].pk}
        assert Corpus.objects.get(owner=alice).version == before + 1

    @pytest.mark.parametrize(
        ("form", "message"),
        [
            ({}, "Choose what to do first"),
            ({"order": "rename", "name": ""}, "1 to 80"),
            ({"order": "rename", "name": "taken"}, "You have a tag “taken” already"),
            ({"order": "rename", "name": "dog"}, "found in your photos already"),
        ],
    )
    def test_bad_input_gets_a_message(
        self, as_alice: Client, alice: User, tag: Tag, form: dict[str, str], message: str
    ):
        own_tags.make(alice, "Taken")
        answer = as_alice.post(address(tag, "change/"), form)
        assert answer.status_code == 422
        assert message in answer.content.decode()
        tag.refresh_from_db()
        assert tag.name == "Rex"

    def test_forgetting_takes_all_of_it_and_no_photo(
        self, as_alice: Client, alice: User, tag: Tag, rex: list[Photo]
    ):
        own_tags.judge(alice, tag, [rex[0].pk], Verdict.Kind.ADDED)
        own_tags.judge(alice, tag, [rex[1].pk], Verdict.Kind.REJECTED)
        assert own_tags.teach(alice, tag, 0.5, until=float("inf"))
        answer = as_alice.post(address(tag, "change/"), {"order": "forget"}, follow=True)
        assert "“Rex” is forgotten" in answer.content.decode()
        assert not Tag.objects.filter(owner=alice).exists()
        assert not Verdict.objects.exists()
        assert Photo.objects.owned_by(alice).live().count() == 24
        assert differences(alice.pk) == []


@pytest.mark.parametrize("what", ["", "judge/", "teach/", "change/"])
def test_somebody_elses_tag_is_none(as_bob: Client, tag: Tag, what: str):
    answer = as_bob.get(address(tag)) if not what else as_bob.post(address(tag, what), {"order": "forget"})
    assert answer.status_code == 404
    assert Tag.objects.filter(pk=tag.pk).exists()


@pytest.mark.parametrize("what", ["judge/", "teach/", "change/"])
def test_orders_are_posted(as_alice: Client, tag: Tag, what: str):
    assert as_alice.get(address(tag, what)).status_code == 405


@pytest.mark.django_db
def test_somebody_unknown_is_sent_to_log_in(tag: Tag):
    assert Client().get(address(tag))["Location"].startswith("/login/")
    assert Client().get("/my-tags/")["Location"].startswith("/login/")
