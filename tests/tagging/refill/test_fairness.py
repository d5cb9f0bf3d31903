"""Who waits for whom: uploads go ahead, the huge starve nobody, and only so many are at work at a time."""

import time
from itertools import count

import pytest

from magicroll.models import Photo, User
from tagging.models import Annotation, CorpusRefill, Outstanding, Refill, Release
from tagging.refill import filling, orders
from tagging.services import annotate_some
from tests.factories import make_photo, make_release
from tests.tagging.refill.model import Looking, make_vocabulary_change
from tests.tagging.refill.people import make_person, start, state_of, work_off
from tests.tagging.refill.test_orders import fill_one_chunk, part

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
State = CorpusRefill.State


def at_work() -> int:
    return CorpusRefill.objects.filter(state=State.FILLING).count()


def soon() -> float:
    """Let a worker's slice be long, in seconds of the monotonic clock."""
    return time.monotonic() + 60


class TestUploads:
    def test_without_uploads_a_worker_goes_on_chunk_after_chunk(self, new: Release, alice: User):
        refill = start(new, alice)
        assert filling.fill_some(soon()) == 5
        assert state_of(refill, alice) == State.DONE

    def test_an_upload_meanwhile_waits_for_the_chunks_on_their_way_and_no_other(
        self, new: Release, alice: User, bob: User, model: Looking
    ):
        """It comes while the first chunk is looked at: that one and the one ahead of it are finished."""
        refill = start(new, alice)
        looked = count(1)

        def somebody_uploads() -> None:
            if next(looked) == 1:
                make_photo(bob)

        model.watch = somebody_uploads
        assert filling.fill_some(soon()) == 4
        assert (part(refill, alice).done, next(looked)) == (4, 3)

    def test_with_an_upload_waiting_one_chunk_is_begun_and_none_after_it(
        self, new: Release, alice: User, bob: User
    ):
        make_photo(bob)
        start(new, alice)
        assert filling.fill_some(soon()) == 2
        annotate_some(bob.pk)
        assert filling.fill_some(soon()) == 3

    def test_uploads_of_the_corpus_itself_are_tagged_before_it_goes_on(self, new: Release, alice: User):
        start(new, alice)
        fill_one_chunk()
        late = make_photo(alice)
        assert filling.fill_some(soon()) == 2
        assert annotate_some(alice.pk) == 1
        assert Annotation.objects.filter(photo=late, release=make_release()).exists()
        assert Outstanding.objects.filter(
            photo=late, release=new
        ).exists()  # the one that is filling comes second
        assert filling.fill_some(soon()) == 1

    def test_photos_that_were_set_aside_or_tried_already_hold_up_no_refill(
        self, new: Release, alice: User, bob: User
    ):
        for fields in ({"set_aside_reason": "It can't be read."}, {"attempts": 1}):
            photo = make_photo(bob)
            Outstanding.objects.filter(photo=photo).update(**fields)
        start(new, alice)
        assert filling.fill_some(soon()) == 5


class TestCorpora:
    def test_a_huge_corpus_starves_no_small_one(self, new: Release, alice: User):
        huge = make_person("huge", 24)
        first = start(new, huge)
        fill_one_chunk()
        second = start(new, alice)  # five photos: three chunks
        turns = 0
        while state_of(second, alice) != State.DONE:
            filling.fill_some()
            turns += 1
        assert turns <= 2 * 3 + 2
        assert part(first, huge).done < 12

    def test_the_one_who_waited_longest_comes_next(self, new: Release):
        people = [make_person(name, 4) for name in ("one", "two", "three")]
        refill = start(new, *people)
        seen = []
        for _ in range(6):
            fill_one_chunk()
            seen.append([part(refill, user).done for user in people])
        assert seen == [[2, 0, 0], [2, 2, 0], [2, 2, 2], [4, 2, 2], [4, 4, 2], [4, 4, 4]]

    def test_only_so_many_are_at_work_at_a_time_and_all_finish(
        self, new: Release, monkeypatch: pytest.MonkeyPatch
    ):
        """One call after the other as workers make them, each of which ends where it finds nothing to do."""
        monkeypatch.setattr(filling, "AT_ONCE", 3)
        people = [make_person(f"person{number}", number % 4) for number in range(12)]
        refill = start(new, *people)
        most = 0
        while filling.fill_some():
            most = max(most, at_work())
        assert Refill.objects.get(pk=refill.pk).state == Refill.State.DONE
        assert most == 3
        assert {state_of(refill, user) for user in people} == {State.DONE}

    def test_those_at_work_go_on_when_one_waits_for_approval_or_for_its_uploads(
        self, new: Release, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(filling, "AT_ONCE", 1)
        first = start(new, alice, hold=True)
        second = start(new, bob)
        work_off()
        assert [state_of(first, alice), state_of(second, bob)] == [State.WHOLE, State.DONE]

    def test_many_that_must_wait_do_not_keep_others_from_beginning(
        self, new: Release, monkeypatch: pytest.MonkeyPatch
    ):
        """Those first in line are held in another refill, however many they are."""
        monkeypatch.setattr(filling, "AT_ONCE", 2)
        held = [make_person(f"held{number}", 1) for number in range(10)]
        start(new, *held, hold=True)
        work_off()
        late = make_person("late", 1)
        refill = start(make_vocabulary_change(), *held, late)
        work_off()
        assert state_of(refill, late) == State.DONE
        assert {state_of(refill, user) for user in held} == {State.WAITING}

    def test_an_index_that_cannot_be_made_holds_up_nobody_else(
        self, new: Release, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
    ):
        compact = filling.snapshots.compact

        def full_disk(corpus: object, encoder: object) -> None:
            if corpus.owner_id == alice.pk:
                raise OSError(28, "No space left on device")
            compact(corpus, encoder)

        monkeypatch.setattr("tagging.snapshots.is_due", lambda corpus, encoder: corpus.owner_id == alice.pk)
        monkeypatch.setattr("tagging.snapshots.compact", full_disk)
        refill = start(new, alice, bob)
        for _ in range(10):
            filling.fill_some()
        assert [state_of(refill, user) for user in (alice, bob)] == [State.FILLING, State.DONE]
        monkeypatch.setattr("tagging.snapshots.compact", lambda corpus, encoder: None)
        work_off()
        assert state_of(refill, alice) == State.DONE

    def test_a_pause_of_one_refill_lets_the_others_go_on(
        self, new: Release, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(filling, "AT_ONCE", 1)
        first = start(new, alice)
        fill_one_chunk()
        orders.pause(None, first)
        second = start(new, bob)
        work_off()
        assert (part(first, alice).done, state_of(second, bob)) == (2, State.DONE)
        assert Photo.objects.owned_by(alice).count() == 5
