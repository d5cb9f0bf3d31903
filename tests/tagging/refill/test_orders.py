"""What an administrator can order, and every refusal with its words."""

from collections.abc import Callable

import pytest

from magicroll.models import Photo, User
from tagging import search
from tagging.models import (
    Annotation,
    AuditEntry,
    Chunk,
    Corpus,
    CorpusRefill,
    Outstanding,
    Refill,
    Release,
)
from tagging.refill import chunks, cleaning, filling, orders
from tagging.services import annotate_some
from tagging.verify import differences
from tagging.writer import corpus_change
from tests.factories import make_photo, make_release, make_user
from tests.tagging.refill.model import Looking, wrong_annotations
from tests.tagging.refill.people import start, state_of, work_off

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
State = CorpusRefill.State


def corpus_of(user: User) -> Corpus:
    return Corpus.objects.get(owner=user)


def part(refill: Refill, user: User) -> CorpusRefill:
    return CorpusRefill.objects.get(refill=refill, owner=user)


def audit(*fields: str) -> list[tuple[object, ...]]:
    return list(AuditEntry.objects.order_by("id").values_list(*fields))


def fill_one_chunk() -> None:
    assert filling.fill_some() == 2


def take_chunk(model: Looking, refill: Refill, user: User) -> filling._Chunk:
    """Let a worker take the next chunk, and be slow with it."""
    filling._in_line()
    held = chunks.lease(part(refill, user).pk)
    assert held is not None
    return filling._Chunk(held, model.look_at(None, refill.release_id, held.work))


def clean_up() -> None:
    cleaning.clean_some(float("inf"))


def tags_of(photo: Photo) -> set[str]:
    return {chip.slug for chip in search.photo_tags(search.corpus_of(photo.owner), photo).tags}


def check_whole(user: User) -> None:
    """Hold everything of a person against what it should be when all work is done."""
    assert differences(user.pk) == []
    assert not Outstanding.objects.filter(owner=user, set_aside_reason="")
    for release_id in corpus_of(user).releases:
        assert wrong_annotations(user.pk, release_id) == []


class TestRefusals:
    """What can't be done is said in words for the administrator, and leaves everything as it was."""

    def refused(self, order: Callable[..., object], *args: object) -> str:
        before = audit("action")
        with pytest.raises(orders.OrderRefused) as refusal:
            order(*args)
        assert audit("action") == before
        return str(refusal.value)

    def test_starting_with_nobody_or_with_a_release_that_was_withdrawn(self, new: Release, alice: User):
        assert self.refused(start, new) == "Nobody was chosen. Choose at least one person."
        stranger = User.objects.create_user("stranger")  # without a corpus
        assert self.refused(start, new, stranger).startswith("Nobody was chosen.")
        orders.withdraw(None, new)
        assert self.refused(start, new, alice) == "This release was withdrawn. Choose another one."
        assert not Refill.objects.exists()

    def test_pausing_resuming_and_cancelling_in_the_wrong_state(self, new: Release, alice: User):
        refill = start(new, alice)
        assert self.refused(orders.resume, None, refill) == "It is not paused."
        orders.pause(None, refill)
        assert self.refused(orders.pause, None, refill) == "It is not running."
        orders.cancel(None, refill)
        for order in (orders.pause, orders.resume):
            assert self.refused(order, None, refill).startswith("It is not ")
        assert self.refused(orders.cancel, None, refill) == "It has ended already."

    def test_deciding_what_does_not_wait(self, new: Release, alice: User):
        refill = start(new, alice, hold=True)
        for order in (orders.approve, orders.reject):
            assert self.refused(order, None, part(refill, alice)) == "It does not wait for approval any more."
        work_off()
        orders.approve(None, part(refill, alice))
        for order in (orders.approve, orders.reject):  # the second administrator comes too late
            assert self.refused(order, None, part(refill, alice)) == "It does not wait for approval any more."
        assert corpus_of(alice).active == new

    def test_approving_while_a_photo_that_came_just_now_is_not_tagged(self, new: Release, alice: User):
        refill = start(new, alice, hold=True)
        work_off()
        make_photo(alice)
        assert "have to be tagged first" in self.refused(orders.approve, None, part(refill, alice))
        assert state_of(refill, alice) == State.WHOLE
        while annotate_some(alice.pk):
            pass
        orders.approve(None, part(refill, alice))
        check_whole(alice)

    def test_going_back_where_there_is_no_way_back(self, new: Release, alice: User):
        assert self.refused(orders.roll_back, None, alice) == "There is no previous release any more."
        start(new, alice)
        work_off()
        old = make_release()
        assert self.refused(orders.roll_back, None, alice, old) == "It is not on this release any more."
        bob = make_user("bob")
        bob.delete()
        bob.pk = 10**9
        assert self.refused(orders.roll_back, None, bob) == "This account was deleted."

    def test_withdrawing_the_default_and_making_a_withdrawn_one_the_default(self, new: Release):
        words = "New people begin with this release. Make another one the default first."
        assert self.refused(orders.withdraw, None, make_release()) == words
        orders.withdraw(None, new)
        words = "This release was withdrawn. Choose another one."
        assert self.refused(orders.make_default, None, new) == words


class TestStart:
    def test_it_fills_unseen_then_switches_and_says_who_did_what(
        self, admin: User, new: Release, alice: User, bob: User
    ):
        refill = start(new, alice, bob, by=admin)
        fill_one_chunk()
        assert {corpus_of(user).active for user in (alice, bob)} == {make_release()}
        work_off()
        refill.refresh_from_db()
        assert (refill.state, refill.created_by) == (Refill.State.DONE, admin)
        assert refill.ended_at is not None
        for user in (alice, bob):
            assert state_of(refill, user) == State.DONE
            assert (corpus_of(user).active, corpus_of(user).previous) == (new, make_release())
            check_whole(user)
        assert set(audit("by_name", "action", "owner_name", "detail")) == {
            ("root", "started", "", "2 people, only photos that the release has not seen"),
            ("", "switched", "alice", ""),
            ("", "switched", "bob", ""),
        }
        assert {entry.release for entry in AuditEntry.objects.all()} == {new}
        assert {entry.refill for entry in AuditEntry.objects.all()} == {refill}

    def test_an_empty_corpus_switches_at_once(self, new: Release):
        nobody = make_user()
        refill = start(new, nobody)
        assert filling.fill_some() == 0
        assert state_of(refill, nobody) == State.DONE
        assert corpus_of(nobody).active == new

    @pytest.mark.parametrize("scope", ["missing", "stale"])
    def test_one_that_is_on_the_release_with_nothing_missing_is_skipped(self, alice: User, scope: str):
        refill = start(make_release(), alice, scope=scope)
        work_off()
        mine = part(refill, alice)
        assert (mine.state, mine.note) == (State.SKIPPED, "On this release already, and no photo is missing.")
        refill.refresh_from_db()
        assert refill.state == Refill.State.DONE
        assert corpus_of(alice).previous is None

    def test_everything_again_in_place_looks_at_each_image_and_moves_no_pointer(
        self, alice: User, model: Looking
    ):
        model.opened.clear()
        refill = start(make_release(), alice, scope="everything")
        work_off()
        photos = list(Photo.objects.owned_by(alice).values_list("id", flat=True))
        assert sorted(model.opened) == sorted(photos)
        assert (state_of(refill, alice), corpus_of(alice).previous) == (State.DONE, None)
        assert set(Annotation.objects.filter(owner=alice).values_list("stream", flat=True)) == {"bulk"}
        assert "switched" not in [action for (action,) in audit("action")]
        check_whole(alice)

    @pytest.mark.parametrize(("scope", "refreshed"), [("missing", 1), ("stale", 2)])
    def test_in_place_it_fills_what_its_scope_says(self, alice: User, scope: str, refreshed: int):
        """One photo has no annotation, one has an annotation of older pixels, and no note says so."""
        gone, stale = Photo.objects.owned_by(alice).order_by("id")[:2]
        with corpus_change(alice.pk) as change:
            change.touch([gone.id])
            Annotation.objects.filter(owner=alice, photo=gone).delete()
        Photo.objects.filter(pk=stale.pk).update(revision=2)
        refill = start(make_release(), alice, scope=scope)
        work_off()
        mine = part(refill, alice)
        assert (mine.total, mine.done, mine.state) == (refreshed, refreshed, State.DONE)
        said = dict(Annotation.objects.filter(owner=alice).values_list("photo_id", "revision"))
        assert (said[gone.id], said[stale.id]) == (1, refreshed)

    def test_uploads_while_it_runs_are_not_counted_and_not_missing(self, new: Release, alice: User):
        refill = start(new, alice)
        fill_one_chunk()
        late = make_photo(alice)
        work_off()
        assert (part(refill, alice).total, part(refill, alice).done) == (5, 5)
        assert Annotation.objects.filter(photo=late, release=new, stream="realtime").exists()
        check_whole(alice)


class TestPauseCancelPriority:
    def test_a_pause_hands_out_nothing_and_loses_nothing(self, new: Release, alice: User):
        refill = start(new, alice)
        fill_one_chunk()
        orders.pause(None, refill)
        assert filling.fill_some() == 0
        assert part(refill, alice).done == 2
        orders.resume(None, refill)
        work_off()
        assert (part(refill, alice).done, state_of(refill, alice)) == (5, State.DONE)

    def test_a_chunk_in_hand_is_stored_during_a_pause(self, new: Release, alice: User, model: Looking):
        refill = start(new, alice)
        chunk = take_chunk(model, refill, alice)
        orders.pause(None, refill)
        filling._finish(chunk)
        assert part(refill, alice).done == 2
        assert Annotation.objects.filter(release=new).count() == 2

    def test_deciding_during_a_pause_ends_the_refill(self, new: Release, alice: User):
        refill = start(new, alice, hold=True)
        work_off()
        orders.pause(None, refill)
        orders.approve(None, part(refill, alice))
        refill.refresh_from_db()
        assert refill.state == Refill.State.DONE

    def test_cancelling_keeps_who_has_switched_and_leaves_nothing_of_the_others(
        self, new: Release, alice: User, bob: User
    ):
        for _ in range(4):
            make_photo(alice)
        while annotate_some(alice.pk):
            pass
        refill = start(new, alice, bob)
        while (
            state_of(refill, bob) != State.DONE
        ):  # they take turns, and three photos are through before nine
            filling.fill_some()
        assert state_of(refill, alice) == State.FILLING
        orders.cancel(None, refill)
        assert (state_of(refill, alice), state_of(refill, bob)) == (State.CANCELLED, State.DONE)
        assert (corpus_of(alice).active, corpus_of(alice).filling) == (make_release(), None)
        assert corpus_of(bob).active == new
        assert not Chunk.objects.exists()
        assert filling.fill_some() == 0
        clean_up()
        assert not Annotation.objects.filter(owner=alice, release=new).exists()
        check_whole(alice)

    def test_a_cancel_that_was_killed_halfway_is_finished_by_the_sweep(
        self, new: Release, alice: User, monkeypatch: pytest.MonkeyPatch
    ):
        refill = start(new, alice)
        fill_one_chunk()

        def killed(*args: object) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr("tagging.refill.orders.give_up", killed)
            with pytest.raises(SystemExit):
                orders.cancel(None, refill)
        assert state_of(refill, alice) == State.FILLING
        filling.end_what_is_over()
        assert state_of(refill, alice) == State.CANCELLED
        assert corpus_of(alice).filling is None

    def test_higher_priority_goes_first(self, admin: User, new: Release, alice: User, bob: User):
        first, second = start(new, alice), start(new, bob)
        orders.set_priority(admin, second, 5)
        fill_one_chunk()
        assert (part(first, alice).done, part(second, bob).done) == (0, 2)
        assert audit("by_name", "action", "refill", "detail")[-1] == ("root", "priority", second.pk, "5")
