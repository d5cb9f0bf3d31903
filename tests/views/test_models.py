"""What administrators see and do about releases and refills; what everybody else sees of it."""

import json
import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from magicroll.models import Photo, User
from tagging.models import AuditEntry, Corpus, CorpusRefill, Outstanding, Refill, Release
from tagging.refill import filling, orders, progress
from tagging.services import add_tag, annotate_some
from tests.factories import make_photo, make_user
from tests.tagging.refill.model import Looking, looking, make_releases
from tests.tagging.refill.people import make_person, start, state_of, work_off
from tests.views.conftest import logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def model() -> Iterator[Looking]:
    with looking(chunk=3) as model:
        yield model


@pytest.fixture
def releases(db: None) -> list[Release]:
    return make_releases()


@pytest.fixture
def other(releases: list[Release]) -> Release:
    return releases[1]


@pytest.fixture
def alice(releases: list[Release]) -> User:
    return make_person("alice", 4)


def asked(**more: object) -> dict[str, object]:
    return {"whom": "some", "scope": "missing", "priority": "0", **more}


def text(response: object) -> str:
    """Return a page's words, without markup and line breaks."""
    content = response.content.decode()  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def known(response: object) -> dict[str, str]:
    """Return the headers with which a fragment asks for itself again."""
    tag = re.search(rb'"If-None-Match": "([^"]+)"', response.content)  # type: ignore[attr-defined]
    assert tag is not None
    return {"HX-Request": "true", "If-None-Match": json.loads(b'"%s"' % tag[1])}


class TestOverview:
    def test_it_shows_releases_with_what_hangs_on_them(self, as_admin: Client, alice: User) -> None:
        page = as_admin.get("/models/")
        words = text(page)
        assert "Default for new people" in words
        assert "1,280 dimensions, Apache-2.0, trained on ImageNet-1k (ILSVRC 2012)" in words
        for row in page.context["releases"]:
            assert row.release.name in words
        by_default = next(row for row in page.context["releases"] if row.release.is_default)
        assert (by_default.corpora, by_default.photos) == (2, 4)  # alice, and the administrator's empty roll

    def test_refills_under_way_and_approvals_are_named(
        self, as_admin: Client, alice: User, other: Release
    ) -> None:
        refill = start(other, alice, hold=True)
        work_off()
        words = text(as_admin.get("/models/"))
        assert f"Refill {refill.pk}" in words
        assert "4 of 4 photos" in words
        assert re.search(r"Waiting for approval 1 alice", words)

    def test_an_unchanged_state_costs_a_304(self, as_admin: Client, alice: User, other: Release) -> None:
        start(other, alice)
        page = as_admin.get("/models/", headers={"HX-Request": "true"})
        assert b"<html" not in page.content
        answer = as_admin.get("/models/", headers=known(page))
        assert (answer.status_code, answer.content) == (304, b"")
        filling.fill_some()
        assert as_admin.get("/models/", headers=known(page)).status_code == 200

    def test_lists_are_bounded_and_queries_do_not_grow(self, as_admin: Client, other: Release) -> None:
        start(other, make_person("", 1))
        as_admin.get("/models/")
        with CaptureQueriesContext(connection) as few:
            as_admin.get("/models/")
        for _ in range(25):
            start(other, make_user())
        with CaptureQueriesContext(connection) as many:
            page = as_admin.get("/models/")
        assert len(many) == len(few)
        assert page.content.count(b'class="refill-line"') == 20


class TestReleaseOrders:
    def test_another_one_becomes_the_default(self, as_admin: Client, other: Release) -> None:
        page = as_admin.post(f"/models/releases/{other.pk}/", {"order": "default"}, follow=True)
        assert f"New people begin with {other.name}." in text(page)
        assert Corpus.objects.get(owner=make_user()).active == other

    def test_one_is_withdrawn_with_its_refills(self, as_admin: Client, alice: User, other: Release) -> None:
        refill = start(other, alice)
        filling.fill_some()
        page = as_admin.post(f"/models/releases/{other.pk}/", {"order": "withdraw"}, follow=True)
        assert "is withdrawn: no refill begins with it any more" in text(page)
        assert state_of(refill, alice) == "cancelled"
        assert "was withdrawn" in text(as_admin.get(f"/models/refills/{refill.pk}/"))
        form = as_admin.get("/models/re-tag/").content.decode()
        assert other.name not in form

    def test_the_default_one_is_not_withdrawn(self, as_admin: Client, releases: list[Release]) -> None:
        page = as_admin.post(f"/models/releases/{releases[0].pk}/", {"order": "withdraw"})
        assert page.status_code == 422
        assert "Make another one the default first." in text(page)

    def test_everybody_is_rolled_back(self, as_admin: Client, alice: User, other: Release) -> None:
        bob = make_person("bob", 1)
        start(other, alice, bob)
        work_off()
        assert "Roll 2 people back?" in text(as_admin.get("/models/"))
        page = as_admin.post(f"/models/releases/{other.pk}/", {"order": "roll-back"}, follow=True)
        assert "2 people are on the release before again." in text(page)
        assert not Corpus.objects.filter(active=other).exists()

    def test_bad_input_is_explained(self, as_admin: Client, other: Release) -> None:
        page = as_admin.post(f"/models/releases/{other.pk}/", {"order": "explode"})
        assert page.status_code == 422
        assert "Choose what to do with the release." in text(page)
        assert as_admin.post("/models/releases/999999/", {"order": "default"}).status_code == 404


class TestRetag:
    def test_a_dry_run_names_numbers_and_orders_nothing(
        self, as_admin: Client, alice: User, other: Release
    ) -> None:
        page = as_admin.post("/models/re-tag/", asked(release=other.pk, people="alice"))
        assert page.status_code == 200
        words = text(page)
        assert "Re-tag 1 person, 4 photos" in words
        assert "Every image has to be opened" in words
        assert "not measured yet" in words
        assert not Refill.objects.exists()

    def test_words_alone_open_no_image(self, as_admin: Client, alice: User, releases: list[Release]) -> None:
        page = as_admin.post("/models/re-tag/", asked(release=releases[2].pk, whom="all"))
        assert "No image has to be opened: stored embeddings suffice." in text(page)

    def test_what_was_looked_at_is_what_starts(self, as_admin: Client, alice: User, other: Release) -> None:
        make_person("bob", 1)
        look = as_admin.post(
            "/models/re-tag/",
            asked(release=other.pk, people=["alice", "bob"], hold="on", priority="10", scope="stale"),
        )
        plan = re.search(r'<section class="plan".*?</form>', look.content.decode(), re.DOTALL)
        assert plan is not None
        sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', plan[0]))
        page = as_admin.post("/models/re-tag/", sent | {"step": "start"}, follow=True)
        refill = Refill.objects.get()
        assert page.redirect_chain[-1][0] == f"/models/refills/{refill.pk}/"
        assert (refill.hold, refill.priority, refill.scope, refill.release) == (True, 10, "stale", other)
        assert refill.created_by is not None
        assert refill.created_by.username == "admin"
        assert {one.owner.username for one in refill.corpora.all()} == {"alice", "bob"}

    def test_a_share_is_a_share(self, as_admin: Client, other: Release) -> None:
        people = [make_user() for _ in range(20)]
        sent = asked(release=other.pk, whom="share", percent="50", step="start")
        as_admin.post("/models/re-tag/", sent)
        assert 2 < CorpusRefill.objects.count() < len(people)

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"people": ""}, "Choose at least one person."),
            ({"people": "alice, nobody"}, "Nobody here is called nobody."),
            ({"whom": "share", "percent": ""}, "Type how many percent."),
            ({"whom": "share", "percent": "0"}, "Type a number from 0.1 to 100."),
            ({"whom": "share", "percent": "NaN"}, "Type a number from 0.1 to 100."),
            ({"whom": "crowd"}, "Choose one of the three."),
            ({"scope": "most"}, "Choose one of the three."),
            ({"release": "999999"}, "There is no such release, or it was withdrawn."),
            ({"priority": "3"}, "Choose one of the three."),
        ],
    )
    @pytest.mark.parametrize("step", ["look", "start"])
    def test_bad_input_is_explained(
        self, as_admin: Client, alice: User, other: Release, wrong: dict[str, str], said: str, step: str
    ) -> None:
        sent = asked(release=other.pk, people="alice", step=step) | wrong
        page = as_admin.post("/models/re-tag/", sent)
        assert page.status_code == 422
        assert said in text(page)
        assert not Refill.objects.exists()

    def test_who_is_on_it_already_has_nothing_to_do(
        self, as_admin: Client, alice: User, releases: list[Release]
    ) -> None:
        page = as_admin.post("/models/re-tag/", asked(release=releases[0].pk, people="alice"))
        assert "everybody chosen is on this release, and no photo is missing" in text(page)

    def test_who_waits_is_said(self, as_admin: Client, alice: User, releases: list[Release]) -> None:
        start(releases[2], alice, hold=True)
        work_off()
        page = as_admin.post("/models/re-tag/", asked(release=releases[1].pk, people="alice"))
        assert "At 1 of them another refill is at work now." in text(page)

    def test_many_people_are_typed_and_few_are_ticked(self, as_admin: Client, other: Release) -> None:
        few = as_admin.get("/models/re-tag/").content
        assert b'type="checkbox" name="people"' in few
        for _ in range(45):
            make_user()
        with CaptureQueriesContext(connection) as queries:
            many = as_admin.get("/models/re-tag/").content
        assert b'type="checkbox" name="people"' not in many
        assert len(queries) < 15

    def test_links_choose_beforehand(self, as_admin: Client, alice: User, other: Release) -> None:
        page = as_admin.get(f"/models/re-tag/?people=alice&release={other.pk}").content.decode()
        assert re.search(r'value="alice" checked', page)
        assert re.search(rf'value="{other.pk}" selected', page)


class TestRefill:
    def test_it_shows_how_far_everybody_is(
        self, as_admin: Client, alice: User, other: Release, model: Looking
    ) -> None:
        bob = make_person("bob", 2)
        model.broken = set(bob.photos.values_list("id", flat=True)[:1])
        refill = start(other, alice, bob)
        filling.fill_some()
        words = text(as_admin.get(f"/models/refills/{refill.pk}/"))
        assert re.search(r"alice filling .* 3 0 1 ", words)
        work_off()
        words = text(as_admin.get(f"/models/refills/{refill.pk}/"))
        assert re.search(r"bob done 1 1 0 ", words)
        assert "Done 5 Failed 1 To go 0" in words

    def test_it_asks_again_while_it_is_open_and_not_after(
        self, as_admin: Client, alice: User, other: Release
    ) -> None:
        refill = start(other, alice)
        address = f"/models/refills/{refill.pk}/"
        fragment = as_admin.get(address, headers={"HX-Request": "true"})
        assert b"data-watch" in fragment.content
        assert b"<html" not in fragment.content
        assert as_admin.get(address, headers=known(fragment)).status_code == 304
        work_off()
        ended = as_admin.get(address, headers=known(fragment))
        assert ended.status_code == 200
        assert b"data-watch" not in ended.content

    def test_an_unchanged_state_is_cheap(self, as_admin: Client, other: Release) -> None:
        refill = start(other, *(make_user() for _ in range(30)))
        address = f"/models/refills/{refill.pk}/"
        headers = known(as_admin.get(address))
        with CaptureQueriesContext(connection) as queries:
            assert as_admin.get(address, headers=headers).status_code == 304
        assert len(queries) <= 5  # session, user, the refill, and two sums

    def test_a_thousand_people_are_paged(self, as_admin: Client, other: Release) -> None:
        few = start(other, make_user())
        many = start(other, *(make_user() for _ in range(progress.PAGE + 5)))
        as_admin.get("/models/")
        with CaptureQueriesContext(connection) as one:
            as_admin.get(f"/models/refills/{few.pk}/")
        with CaptureQueriesContext(connection) as all_:
            page = as_admin.get(f"/models/refills/{many.pk}/")
        assert len(all_) == len(one)
        assert page.content.count(b'<th scope="row">') == progress.PAGE
        link = re.search(rb'href="(/models/refills/\d+/\?after=[^"]+)"', page.content)
        assert link is not None
        rest = as_admin.get(link[1].decode())
        assert rest.content.count(b'<th scope="row">') == 5
        assert as_admin.get(f"/models/refills/{many.pk}/?after=x").status_code == 404

    def test_pause_resume_priority_and_cancel(self, as_admin: Client, alice: User, other: Release) -> None:
        refill = start(other, alice)
        address = f"/models/refills/{refill.pk}/"
        for order, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            page = as_admin.post(address, {"order": order}, follow=True)
            assert page.status_code == 200
            refill.refresh_from_db()
            assert refill.state == state
        again = as_admin.post(address, {"order": "cancel"})
        assert again.status_code == 422
        assert "It has ended already." in text(again)
        as_admin.post(address, {"order": "priority", "priority": "10"})
        refill.refresh_from_db()
        assert refill.priority == 10

    @pytest.mark.parametrize("sent", [{}, {"order": "stop"}, {"order": "priority", "priority": "7"}])
    def test_bad_orders_are_explained(
        self, as_admin: Client, alice: User, other: Release, sent: dict[str, str]
    ) -> None:
        refill = start(other, alice)
        page = as_admin.post(f"/models/refills/{refill.pk}/", sent)
        assert page.status_code == 422
        assert "Choose" in text(page)
        assert "Nothing was changed." in text(page)

    def test_one_person_is_rolled_back_from_it_once(
        self, as_admin: Client, alice: User, other: Release
    ) -> None:
        bob = make_person("bob", 1)
        refill = start(other, alice, bob)
        work_off()
        sent = {"order": "roll-back", "leaving": other.pk, "refill": refill.pk}
        page = as_admin.post(f"/models/people/{alice.pk}/", sent, follow=True)
        assert page.redirect_chain[-1][0] == f"/models/refills/{refill.pk}/"
        assert state_of(refill, alice) == "rolled_back"
        assert state_of(refill, bob) == "done"
        twice = as_admin.post(f"/models/people/{alice.pk}/", sent)
        assert twice.status_code == 422
        assert "It is not on this release any more." in text(twice)

    def test_all_of_it_is_rolled_back(self, as_admin: Client, alice: User, other: Release) -> None:
        refill = start(other, alice, make_person("bob", 1))
        work_off()
        assert "Roll 2 people back?" in text(as_admin.get(f"/models/refills/{refill.pk}/"))
        as_admin.post(f"/models/refills/{refill.pk}/", {"order": "roll-back"})
        assert not Corpus.objects.filter(active=other).exists()

    def test_all_who_wait_are_approved(self, as_admin: Client, alice: User, other: Release) -> None:
        bob = make_person("bob", 1)
        refill = start(other, alice, bob, hold=True)
        work_off()
        make_photo(bob)  # has to be tagged first
        assert "Switch 2 people?" in text(as_admin.get(f"/models/refills/{refill.pk}/"))
        page = as_admin.post(f"/models/refills/{refill.pk}/", {"order": "approve-all"}, follow=True)
        assert "1 person sees the new tags now. 1 to go: order it once more." in text(page)
        assert (state_of(refill, alice), state_of(refill, bob)) == ("done", "whole")

    def test_an_order_for_very_many_answers_in_time(
        self, as_admin: Client, alice: User, other: Release, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refill = start(other, alice, make_person("bob", 1))
        work_off()
        monkeypatch.setattr("magicroll.views.models._PATIENCE_S", -1)
        page = as_admin.post(f"/models/refills/{refill.pk}/", {"order": "roll-back"}, follow=True)
        assert "0 people are on the release before again. 2 to go: order it once more." in text(page)
        page = as_admin.post(f"/models/releases/{other.pk}/", {"order": "roll-back"}, follow=True)
        assert "2 to go" in text(page)

    def test_failed_photos_have_reasons_and_are_tried_again(
        self, as_admin: Client, alice: User, other: Release, model: Looking
    ) -> None:
        bob = make_person("bob", 1)
        model.broken = {*alice.photos.values_list("id", flat=True)[:2], bob.photos.get().pk}
        refill = start(other, alice, bob, hold=True)
        work_off()
        address = f"/models/refills/{refill.pk}/"
        words = text(as_admin.get(f"{address}failed/"))
        assert re.search(r"alice 2 It can&#x27;t be read\.", words)
        page = as_admin.post(address, {"order": "retry", "owner": alice.pk}, follow=True)
        assert "2 photos will be tried again." in text(page)
        assert Outstanding.objects.exclude(set_aside_reason="").get().owner == bob
        as_admin.post(address, {"order": "retry"})
        assert not Outstanding.objects.exclude(set_aside_reason="").exists()
        assert AuditEntry.objects.filter(action="tried again", by__username="admin").count() == 2
        assert as_admin.post(address, {"order": "retry", "owner": "x"}).status_code == 422

    def test_somebody_deleted_is_simply_gone(self, as_admin: Client, alice: User, other: Release) -> None:
        refill = start(other, alice)
        filling.fill_some()
        alice.photos.all().delete()
        alice.delete()
        page = as_admin.get(f"/models/refills/{refill.pk}/")
        assert "Nobody is left in this refill: their accounts were deleted." in text(page)


class TestCompare:
    def test_its_owner_sees_pictures_another_administrator_tags_alone(
        self, admin: User, as_admin: Client, other: Release
    ) -> None:
        owner = make_user("carol", is_staff=True)
        for _ in range(4):
            make_photo(owner)
        while annotate_some(owner.pk):
            pass
        add_tag(owner, owner.photos.all()[0], "grandma's garden")
        refill = start(other, owner, hold=True)
        work_off()
        address = f"/models/refills/{refill.pk}/people/{owner.pk}/"
        hers, his = logged_in(owner).get(address), as_admin.get(address)
        assert hers.content.count(b"/thumbnail.jpg") >= 4
        assert "Photos are private" not in text(hers)
        assert "Photos are private: you see tags, carol alone sees the pictures." in text(his)
        for photo in Photo.objects.owned_by(owner):
            assert f"/photo/{photo.pk}/" not in his.content.decode()
            assert photo.name not in his.content.decode()
            assert photo.key.hex not in his.content.decode()
        assert b"grandma" not in his.content
        assert his.content.count(b'class="sample"') == 4

    def test_an_approval_switches_and_a_rejection_does_not(
        self, as_admin: Client, alice: User, releases: list[Release]
    ) -> None:
        default, other, _ = releases
        bob = make_person("bob", 2)
        refill = start(other, alice, bob, hold=True)
        work_off()
        for user, order, release in ((alice, "approve", other), (bob, "reject", default)):
            address = f"/models/refills/{refill.pk}/people/{user.pk}/"
            assert "Approve: switch" in text(as_admin.get(address))
            page = as_admin.post(address, {"order": order}, follow=True)
            assert page.redirect_chain[-1][0] == f"/models/refills/{refill.pk}/"
            assert Corpus.objects.get(owner=user).active == release
            again = as_admin.post(address, {"order": order})
            assert again.status_code == 422
            assert "It does not wait for approval any more." in text(again)
            assert "There is nothing to compare" in text(as_admin.get(address))

    def test_bad_input_is_explained_and_nobody_is_404(
        self, as_admin: Client, alice: User, other: Release
    ) -> None:
        refill = start(other, alice, hold=True)
        address = f"/models/refills/{refill.pk}/people/{alice.pk}/"
        assert as_admin.post(address, {"order": "perhaps"}).status_code == 422
        assert as_admin.get(f"/models/refills/{refill.pk}/people/999999/").status_code == 404
        assert as_admin.get("/models/refills/999999/").status_code == 404


class TestPeople:
    def test_it_says_who_is_on_what_and_until_when_there_is_a_way_back(
        self, as_admin: Client, alice: User, other: Release
    ) -> None:
        start(other, alice)
        work_off()
        words = text(as_admin.get("/models/people/"))
        assert re.search(rf"alice 4 {re.escape(other.name)} efficientnet-lite2\S+ until \d+ ", words)
        assert "Nobody’s name has “zoe” in it." in text(as_admin.get("/models/people/?name=zoe"))

    @pytest.mark.parametrize(
        "sent", [{}, {"order": "roll-back"}, {"order": "roll-back", "leaving": "9" * 30}]
    )
    def test_bad_orders_are_explained(self, as_admin: Client, alice: User, sent: dict[str, str]) -> None:
        assert as_admin.post(f"/models/people/{alice.pk}/", sent).status_code == 422

    def test_without_a_way_back_it_says_so(
        self, as_admin: Client, alice: User, releases: list[Release]
    ) -> None:
        sent = {"order": "roll-back", "leaving": releases[0].pk}
        page = as_admin.post(f"/models/people/{alice.pk}/", sent)
        assert page.status_code == 422
        assert "There is no previous release any more." in text(page)


class TestAudit:
    def test_it_says_who_did_what_to_whom(
        self, admin: User, as_admin: Client, alice: User, other: Release
    ) -> None:
        start(other, alice, by=admin)
        work_off()
        orders.roll_back(admin, alice)
        words = text(as_admin.get("/models/audit/"))
        assert re.search(
            r"admin rolled back .*alice.*Magic Roll switched .*alice.*admin started 1 person", words
        )
        assert as_admin.get("/models/audit/?before=x").status_code == 404


class TestForEverybody:
    def test_a_quiet_line_while_it_runs_and_a_note_once_after(self, alice: User, other: Release) -> None:
        client = logged_in(alice)
        refill = start(other, alice)
        filling.fill_some()
        # The default network was registered first, so the other one is the newer here.
        assert "Your photos are being looked at by a newer model. 75 %" in text(client.get("/"))
        line = client.get("/my-model/", headers={"HX-Request": "true"})
        assert "75 %" in text(line)
        assert "HX-Trigger" not in line.headers
        work_off()
        assert state_of(refill, alice) == "done"
        over = client.get("/my-model/", headers={"HX-Request": "true"})
        assert over.content.strip() == b""
        assert "photos-changed" in over.headers["HX-Trigger"]
        page = client.get("/")
        assert "Another model tags your photos now." in text(page)
        assert client.post("/my-model/", {"release": other.pk}).status_code == 302
        assert "Another model tags your photos now." not in text(client.get("/"))

    def test_the_note_is_not_hidden_by_what_the_browser_keeps(self, alice: User, other: Release) -> None:
        client = logged_in(alice)
        start(other, alice)
        work_off()
        first = client.get("/")
        client.post("/my-model/", {"release": other.pk})
        again = client.get("/", headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 200

    def test_somebody_new_has_no_news(self, alice: User) -> None:
        assert "Another model" not in text(logged_in(alice).get("/"))

    def test_news_of_another_release_than_the_one_shown_stay(
        self, alice: User, releases: list[Release]
    ) -> None:
        client = logged_in(alice)
        start(releases[1], alice)
        work_off()
        for wrong in (releases[0].pk, "x", "", "9" * 40):
            assert client.post("/my-model/", {"release": wrong}).status_code == 422
        assert "Another model tags your photos now." in text(client.get("/"))

    def test_who_waits_for_approval_sees_no_line(self, alice: User, other: Release) -> None:
        start(other, alice, hold=True)
        work_off()
        assert "Your photos are being looked at" not in text(logged_in(alice).get("/"))

    def test_each_photo_names_the_release_and_what_was_carried_over(
        self, alice: User, other: Release, model: Looking
    ) -> None:
        seen, unseen = alice.photos.order_by("id")[:2]
        add_tag(alice, seen, "dog")
        model.broken = {unseen.pk}
        start(other, alice)
        work_off()
        client = logged_in(alice)
        assert f"Tagged by {other.name}" in text(client.get(f"/photo/{seen.pk}/"))
        assert "carried over from the release before" in text(client.get(f"/photo/{unseen.pk}/"))
        words = text(client.get("/my-model/"))
        assert f"Release {other.name}" in words
        assert "Photos it has seen 3" in words
        assert "With tags carried over 1" in words


GETS = ["", "re-tag/", "refills/1/", "refills/1/failed/", "refills/1/people/1/", "people/", "audit/"]
POSTS = ["re-tag/", "refills/1/", "refills/1/people/1/", "releases/1/", "people/1/"]


class TestDoors:
    @pytest.mark.parametrize("path", GETS)
    def test_for_others_there_is_no_such_page(self, client: Client, alice: User, path: str) -> None:
        assert logged_in(alice).get(f"/models/{path}").status_code == 404
        assert client.get(f"/models/{path}")["Location"] == f"/login/?next=/models/{path}"

    @pytest.mark.parametrize("path", POSTS)
    def test_others_order_nothing(self, client: Client, alice: User, path: str) -> None:
        assert logged_in(alice).post(f"/models/{path}").status_code == 404
        assert client.post(f"/models/{path}")["Location"].startswith("/login/")

    @pytest.mark.parametrize("path", ["", "refills/1/failed/", "people/", "audit/"])
    def test_reading_pages_reject_post(self, as_admin: Client, path: str) -> None:
        assert as_admin.post(f"/models/{path}").status_code == 405

    @pytest.mark.parametrize("path", ["releases/1/", "people/1/"])
    def test_orders_reject_get(self, as_admin: Client, path: str) -> None:
        assert as_admin.get(f"/models/{path}").status_code == 405

    def test_the_menu_shows_it_to_those_who_may(self, as_admin: Client, as_alice: Client) -> None:
        assert b'href="/models/"' in as_admin.get("/").content
        assert b'href="/models/"' not in as_alice.get("/").content
