"""`manage.py refill`: the same powers as the pages, for people and for programs."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from magicroll.models import User
from tagging.models import AuditEntry, Corpus, CorpusRefill, Outstanding, Refill, Release
from tagging.refill import filling
from tests.factories import make_user
from tests.tagging.refill.model import Looking, looking, make_releases
from tests.tagging.refill.people import make_person, state_of, work_off

pytestmark = pytest.mark.django_db
OTHER = "efficientnet-lite0"


@pytest.fixture(autouse=True)
def model() -> Iterator[Looking]:
    with looking(chunk=3) as model:
        yield model


@pytest.fixture
def releases(model: Looking) -> list[Release]:
    return make_releases()


@pytest.fixture
def alice(releases: list[Release]) -> User:
    return make_person("alice", 4)


@pytest.fixture
def bob(releases: list[Release]) -> User:
    return make_person("bob", 2)


def run(*words: object) -> str:
    out = StringIO()
    call_command("refill", *map(str, words), stdout=out)
    return out.getvalue()


def read(*words: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(*words, "--json"))
    return answer


def started(*users: User, **state: Any) -> Refill:
    names = [word for user in users for word in ("--user", user.username)]
    run("start", *names, "--release", OTHER, *(["--hold"] if state.get("hold") else []))
    return Refill.objects.first() or pytest.fail("nothing was started")


class TestStart:
    def test_a_dry_run_says_numbers_and_orders_nothing(self, alice: User, bob: User) -> None:
        said = run("start", "--all", "--release", OTHER, "--dry-run")
        assert "2 people, 6 photos: 0 from stored embeddings, 6 images to open." in said
        assert "Time: not measured yet." in said
        rows = read("start", "--all", "--release", OTHER, "--dry-run")["rows"]
        assert [(row["person"], row["photos"], row["images_to_open"]) for row in rows] == [
            ("alice", 4, 4),
            ("bob", 2, 2),
        ]
        assert not Refill.objects.exists()

    def test_it_orders_what_was_said(self, alice: User, bob: User, releases: list[Release]) -> None:
        make_user("ada", is_staff=True)
        said = run(
            *("start", "--user", "alice", "--user", "bob", "--release", OTHER),
            *("--scope", "stale", "--hold", "--priority", "-5", "--by", "ada"),
        )
        refill = Refill.objects.get()
        assert f"Refill {refill.pk} has begun: 2 people to {releases[1].name}." in said
        assert (refill.scope, refill.hold, refill.priority) == ("stale", True, -5)
        assert AuditEntry.objects.get().by_name == "ada"

    def test_a_canary_is_a_share(self, releases: list[Release]) -> None:
        for _ in range(30):
            make_user()
        run("start", "--share", "50", "--release", OTHER)
        assert 5 < CorpusRefill.objects.count() < 25

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--user", "zoe", "--release", OTHER), "Nobody here is called zoe"),
            (("--all", "--release", "resnet"), "No release begins with resnet"),
            (("--all", "--release", "efficientnet"), "Several releases begin with efficientnet"),
            (("--share", "0", "--release", OTHER), "more than 0 and at most 100 percent"),
            (("--all", "--release", OTHER, "--by", "alice"), "No administrator is called alice"),
            (("--release", OTHER), "one of the arguments --user --all --share is required"),
            (("--all", "--share", "5", "--release", OTHER), "not allowed with argument"),
            (("--all", "--release", OTHER, "--scope", "most"), "invalid choice"),
        ],
    )
    def test_bad_input_is_explained(self, alice: User, words: tuple[str, ...], said: str) -> None:
        with pytest.raises(CommandError, match=said):
            run("start", *words)
        assert not Refill.objects.exists()


class TestWatching:
    def test_list_and_show_say_how_far_it_is(self, alice: User, bob: User, model: Looking) -> None:
        model.broken = set(bob.photos.values_list("id", flat=True)[:1])
        refill = started(alice, bob)
        filling.fill_some()
        (row,) = read("list")["rows"]
        assert (row["refill"], row["people"], row["done"], row["to_go"]) == (refill.pk, 2, 3, 3)
        work_off()
        assert "No refill is under way." in run("list")
        (row,) = read("list", "--all")["rows"]
        assert (row["state"], row["done"], row["failed"], row["to_go"]) == ("done", 5, 1, 0)
        people = {row["person"]: row for row in read("show", refill.pk)["rows"]}
        assert (people["bob"]["done"], people["bob"]["failed"], people["bob"]["state"]) == (1, 1, "done")
        assert people["alice"]["way_back_until"] > "2"
        table = run("show", refill.pk)
        assert "5 done, 1 failed, 0 to go. 2 done." in table
        assert (
            len({line.index("done") for line in table.splitlines() if line.startswith(("alice", "bob"))}) == 1
        )
        assert len(read("show", refill.pk, "--limit", 1)["rows"]) == 1

    def test_failed_photos_are_named_and_tried_again(self, alice: User, bob: User, model: Looking) -> None:
        model.broken = {alice.photos.all()[0].pk, bob.photos.all()[0].pk}
        refill = started(alice, bob)
        work_off()
        rows = read("failed", refill.pk)["rows"]
        assert rows == [
            {"person": name, "photos": 1, "reason": "It can't be read."} for name in ("alice", "bob")
        ]
        assert "1 photos will be tried again." in run("retry", refill.pk, "--user", "bob")
        assert Outstanding.objects.exclude(set_aside_reason="").get().owner == alice
        run("retry", refill.pk)
        assert "No photo has failed." in run("failed", refill.pk)

    def test_releases_people_and_audit(self, alice: User, releases: list[Release]) -> None:
        started(alice)
        work_off()
        rows = {row["release"]: row for row in read("releases")["rows"]}
        default, other, words = (rows[release.name] for release in releases)
        assert (default["state"], default["way_back"], other["people"], other["photos"]) == (
            "default",
            1,
            1,
            4,
        )
        assert (words["encoder"], words["licence"], words["dimensions"]) == (
            "efficientnet-lite2",
            "Apache-2.0",
            1280,
        )
        (person,) = read("people", "--name", "ali")["rows"]
        assert (person["release"], person["way_back"]) == (releases[1].name, releases[0].name)
        trail = read("audit")["rows"]
        assert [(row["did"], row["by"], row["person"]) for row in trail] == [
            ("switched", "Magic Roll", "alice"),
            ("started", "Magic Roll", ""),
        ]
        assert [row["did"] for row in read("audit", "--before", trail[0]["entry"])["rows"]] == ["started"]


class TestOrders:
    def test_pause_resume_priority_and_cancel(self, alice: User) -> None:
        refill = started(alice)
        for order, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            run(order, refill.pk)
            refill.refresh_from_db()
            assert refill.state == state
        run("priority", refill.pk, 7)
        refill.refresh_from_db()
        assert refill.priority == 7
        with pytest.raises(CommandError, match="It has ended already"):
            run("cancel", refill.pk)
        with pytest.raises(CommandError, match="There is no refill 999"):
            run("pause", 999)

    def test_report_approve_and_reject(self, alice: User, bob: User, releases: list[Release]) -> None:
        refill = started(alice, bob, hold=True)
        work_off()
        said = read("report", refill.pk, "--user", "alice")
        assert said["words"][0] == f"alice: {releases[0].name} -> {releases[1].name}, 4 photos."
        assert all(row["difference"] == row["new"] - row["old"] for row in said["rows"])
        assert "1 switched." in run("approve", refill.pk, "--user", "alice")
        assert "1 keep the release they have." in run("reject", refill.pk)
        assert (state_of(refill, alice), state_of(refill, bob)) == ("done", "rejected")
        with pytest.raises(CommandError, match="Nobody of this refill waits for approval"):
            run("approve", refill.pk)

    @pytest.mark.parametrize("whom", ["user", "refill", "release"])
    def test_roll_back(self, alice: User, bob: User, releases: list[Release], whom: str) -> None:
        refill = started(alice, bob)
        work_off()
        value = {"user": "alice", "refill": refill.pk, "release": OTHER}[whom]
        count = 1 if whom == "user" else 2
        assert f"{count} on the release before again." in run("roll-back", f"--{whom}", value)
        assert Corpus.objects.filter(active=releases[0]).count() == count

    def test_default_and_withdraw(self, releases: list[Release]) -> None:
        default, other, _ = releases
        run("default", OTHER)
        run("withdraw", default.pk)
        other.refresh_from_db()
        default.refresh_from_db()
        assert other.is_default
        assert default.withdrawn_at is not None
        with pytest.raises(CommandError, match="Make another one the default first"):
            run("withdraw", OTHER)
        states = {row["release"]: row["state"] for row in read("releases")["rows"]}
        assert (states[other.name], states[default.name]) == ("default", "withdrawn")
