"""Approving, rejecting, and the way back."""

import pytest

from magicroll.models import Photo, User
from tagging.models import CorpusRefill, Leftover, Refill, Release
from tagging.refill import orders
from tests.factories import make_release
from tests.tagging.refill.model import make_vocabulary_change
from tests.tagging.refill.people import make_person, start, state_of, work_off
from tests.tagging.refill.test_orders import (
    audit,
    check_whole,
    clean_up,
    corpus_of,
    fill_one_chunk,
    part,
    tags_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
State = CorpusRefill.State


class TestDecisions:
    def test_what_is_held_waits_unseen_until_it_is_approved(self, admin: User, new: Release, alice: User):
        refill = start(new, alice, hold=True)
        work_off()
        assert state_of(refill, alice) == State.WHOLE
        assert (corpus_of(alice).active, corpus_of(alice).filling) == (make_release(), new)
        orders.approve(admin, part(refill, alice))
        assert corpus_of(alice).active == new
        assert audit("by_name", "action", "owner_name")[-2:] == [
            ("", "switched", "alice"),
            ("root", "approved", "alice"),
        ]
        refill.refresh_from_db()
        assert refill.state == Refill.State.DONE

    def test_what_is_rejected_leaves_the_corpus_as_it_was(self, admin: User, new: Release, alice: User):
        before = {photo.id: tags_of(photo) for photo in Photo.objects.owned_by(alice)}
        refill = start(new, alice, hold=True)
        work_off()
        orders.reject(admin, part(refill, alice))
        assert state_of(refill, alice) == State.REJECTED
        assert {photo.id: tags_of(photo) for photo in Photo.objects.owned_by(alice)} == before
        assert audit("by_name", "action", "owner_name")[-1] == ("root", "rejected", "alice")
        assert list(Leftover.objects.values_list("owner", "release")) == [(alice.pk, new.pk)]

    def test_one_is_approved_and_another_rejected(self, new: Release, alice: User, bob: User):
        refill = start(new, alice, bob, hold=True)
        work_off()
        orders.approve(None, part(refill, alice))
        refill.refresh_from_db()
        assert refill.state == Refill.State.RUNNING
        orders.reject(None, part(refill, bob))
        refill.refresh_from_db()
        assert refill.state == Refill.State.DONE
        assert [corpus_of(user).active for user in (alice, bob)] == [new, make_release()]


class TestWayBack:
    def test_one_person_goes_back_and_forth(self, admin: User, new: Release, alice: User, bob: User):
        refill = start(new, alice, bob)
        work_off()
        assert orders.roll_back(admin, alice, new) == make_release()
        assert (state_of(refill, alice), state_of(refill, bob)) == (State.ROLLED_BACK, State.DONE)
        assert (corpus_of(alice).active, corpus_of(alice).previous) == (make_release(), new)
        assert corpus_of(bob).active == new
        check_whole(alice)
        assert audit("by_name", "action", "owner_name")[-1] == ("root", "rolled back", "alice")
        assert orders.roll_back(admin, alice, make_release()) == new

    def test_a_refill_goes_back_as_a_whole_and_who_says_it_twice_takes_nothing_back(
        self, new: Release, alice: User, bob: User
    ):
        refill = start(new, alice, bob)
        work_off()
        carol = make_person("carol", 1)
        start(new, carol)
        work_off()
        assert orders.roll_back_refill(None, refill) == 2
        assert orders.roll_back_refill(None, refill) == 0
        assert [corpus_of(user).active for user in (alice, bob, carol)] == [make_release()] * 2 + [new]

    def test_two_administrators_who_take_a_refill_back_at_the_same_time_do_not_undo_each_other(
        self, new: Release, alice: User, monkeypatch: pytest.MonkeyPatch
    ):
        refill = start(new, alice)
        work_off()
        roll_back = orders.roll_back

        def slower(*args: object) -> Release:
            monkeypatch.setattr(orders, "roll_back", roll_back)
            assert orders.roll_back_refill(None, refill) == 1  # the other one was faster
            return roll_back(*args)

        monkeypatch.setattr(orders, "roll_back", slower)
        assert orders.roll_back_refill(None, refill) == 0
        assert corpus_of(alice).active == make_release()

    def test_everybody_on_a_release_goes_back(self, new: Release, alice: User, bob: User):
        for user in (alice, bob):
            start(new, user)
        work_off()
        assert orders.roll_back_all(None, new) == 2
        assert {corpus_of(user).active for user in (alice, bob)} == {make_release()}

    def test_going_back_while_the_release_is_brought_up_to_date_in_place_ends_that(
        self, new: Release, alice: User
    ):
        start(new, alice)
        work_off()
        refill = start(new, alice, scope="everything")
        fill_one_chunk()
        orders.roll_back(None, alice, new)
        assert state_of(refill, alice) == State.ROLLED_BACK
        refill.refresh_from_db()
        assert refill.state == Refill.State.DONE
        work_off()
        check_whole(alice)
        assert not CorpusRefill.objects.filter(state__in=CorpusRefill.OPEN).exists()

    def test_going_back_while_another_release_fills_does_not_disturb_it(self, new: Release, alice: User):
        start(new, alice)
        work_off()
        old, third = corpus_of(alice).previous, make_vocabulary_change()
        refill = start(third, alice)
        fill_one_chunk()
        orders.roll_back(None, alice)
        assert corpus_of(alice).active == old
        work_off()
        assert (corpus_of(alice).active, corpus_of(alice).previous) == (third, old)
        assert state_of(refill, alice) == State.DONE
        clean_up()
        check_whole(alice)
