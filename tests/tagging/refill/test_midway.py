"""What happens in the middle of a refill: people go on, accounts and releases go, photos can't be read."""

import pytest

from magicroll import services
from magicroll.models import Photo, User
from tagging import outstanding, search
from tagging.models import Annotation, Chunk, CorpusRefill, Outstanding, Refill, Release, Stream
from tagging.refill import filling, orders
from tagging.services import add_tag, annotate_some, reject_tag, retry
from tagging.writer import store_annotations
from tests.factories import make_photo, make_release
from tests.tagging.refill.model import (
    Looking,
    annotation_of,
    expire_chunks,
    expire_leases,
    make_vocabulary_change,
)
from tests.tagging.refill.people import start, state_of, work_off
from tests.tagging.refill.test_orders import (
    check_whole,
    clean_up,
    corpus_of,
    fill_one_chunk,
    part,
    tags_of,
    take_chunk,
)
from tests.tagging.test_outstanding import rotate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
State = CorpusRefill.State


def ended(refill: Refill) -> str:
    refill.refresh_from_db()
    assert not refill.corpora.filter(state__in=CorpusRefill.OPEN).exists()
    return str(refill.state)


class TestOverlapping:
    def test_a_corpus_that_is_being_filled_takes_its_turn_in_the_newer_refill(
        self, new: Release, alice: User, bob: User
    ):
        third = make_vocabulary_change()
        first = start(new, alice)
        fill_one_chunk()
        second = start(third, alice, bob)  # another administrator, at the same time
        fill_one_chunk()
        assert [state_of(first, alice), state_of(second, alice)] == [State.FILLING, State.WAITING]
        assert state_of(second, bob) == State.FILLING  # nobody else waits for her
        work_off()
        # What the second one replaces has a way back to the first one's release, not to the one before.
        assert (ended(first), ended(second)) == ("done", "done")
        assert (corpus_of(alice).active, corpus_of(alice).previous) == (third, new)
        assert corpus_of(bob).active == third
        check_whole(alice)
        check_whole(bob)

    def test_the_same_refill_twice_finds_nothing_to_do_the_second_time(self, new: Release, alice: User):
        first, second = start(new, alice), start(new, alice)
        work_off()
        assert (state_of(first, alice), state_of(second, alice)) == (State.DONE, State.SKIPPED)
        assert ended(second) == "done"

    def test_what_waits_for_approval_holds_up_nobody_else(
        self, new: Release, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(filling, "AT_ONCE", 1)
        start(new, alice, hold=True)
        work_off()
        third = make_vocabulary_change()
        waiting = [start(third, alice) for _ in range(5)]
        refill = start(third, bob)
        work_off()
        assert ended(refill) == "done"
        assert {state_of(one, alice) for one in waiting} == {State.WAITING}

    def test_a_release_whose_rows_are_to_be_cleaned_up_waits_for_the_cleaner(self, new: Release, alice: User):
        orders.cancel(None, self.begun(new, alice))
        again = start(new, alice)
        work_off()
        assert state_of(again, alice) == State.WAITING
        clean_up()
        work_off()
        assert state_of(again, alice) == State.DONE
        check_whole(alice)

    def begun(self, new: Release, user: User) -> Refill:
        refill = start(new, user)
        fill_one_chunk()
        return refill


class TestWithdrawn:
    def test_a_release_that_is_withdrawn_cancels_its_refills_and_moves_nobody_who_is_on_it(
        self, new: Release, alice: User, bob: User
    ):
        start(new, bob)
        work_off()
        running, paused, other = start(new, alice), start(new, bob, scope="everything"), None
        orders.pause(None, paused)
        fill_one_chunk()
        other = start(make_vocabulary_change(), bob)
        orders.withdraw(None, new)
        assert [ended(running), ended(paused)] == ["cancelled", "cancelled"]
        assert (state_of(running, alice), corpus_of(alice).filling) == (State.CANCELLED, None)
        assert corpus_of(bob).active == new
        work_off()
        assert ended(other) == "done"
        clean_up()
        check_whole(alice)
        check_whole(bob)

    def test_a_chunk_in_a_workers_hands_stores_nothing_any_more(
        self, new: Release, alice: User, model: Looking
    ):
        refill = start(new, alice)
        chunk = take_chunk(model, refill, alice)
        orders.withdraw(None, new)
        filling._finish(chunk)
        assert not Annotation.objects.filter(release=new).exists()
        assert part(refill, alice).done == 0
        check_whole(alice)


class TestDeletedAccount:
    """Her part of the refill ends with her account, the others' goes on."""

    def begin(self, phase: str, new: Release, alice: User, bob: User) -> Refill:
        refill = start(new, alice, bob, hold=phase == "whole")
        if phase == "filling":
            fill_one_chunk()
        if phase == "whole":
            work_off()
        return refill

    @pytest.mark.parametrize("phase", ["waiting", "filling", "whole"])
    def test_the_others_go_on(self, new: Release, alice: User, bob: User, phase: str):
        refill = self.begin(phase, new, alice, bob)
        alice.delete()
        work_off()
        if phase == "whole":
            orders.approve(None, part(refill, bob))
        assert ended(refill) == "done"
        assert corpus_of(bob).active == new
        check_whole(bob)

    @pytest.mark.parametrize("state", ["running", "paused"])
    def test_the_refill_ends_with_its_last_account(self, new: Release, alice: User, state: str):
        refill = start(new, alice)
        fill_one_chunk()
        if state == "paused":
            orders.pause(None, refill)
        alice.delete()
        filling.end_what_is_over()
        assert ended(refill) == "done"

    def test_while_a_chunk_is_in_a_workers_hands(self, new: Release, alice: User, bob: User, model: Looking):
        refill = start(new, alice, bob)
        chunk, lost = take_chunk(model, refill, alice), take_chunk(model, refill, alice)
        alice.delete()
        filling._finish(chunk)
        filling._abandon(lost)
        assert not Annotation.objects.filter(owner_id=alice.pk).exists()
        assert not Chunk.objects.exists()
        work_off()
        assert ended(refill) == "done"

    def test_between_being_next_in_line_and_being_served(
        self, new: Release, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
    ):
        refill = start(new, alice, bob)
        fill_one_chunk()
        in_line = filling._in_line

        def too_late() -> list[int]:
            line = in_line()
            User.objects.filter(username="alice").delete()
            return line

        monkeypatch.setattr(filling, "_in_line", too_late)
        work_off()
        assert ended(refill) == "done"
        assert not filling.begin(part(refill, bob).pk + 1)


class TestUnreadablePhoto:
    """It is set aside with its reason, and holds up neither the switch nor anybody else."""

    @pytest.fixture
    def broken(self, alice: User, model: Looking) -> Photo:
        photo = next(photo for photo in Photo.objects.owned_by(alice).order_by("id") if tags_of(photo))
        model.broken.add(photo.id)
        return photo

    def test_it_keeps_its_old_tags_after_the_switch_and_gets_its_own_when_it_is_retried(
        self, new: Release, alice: User, bob: User, model: Looking, broken: Photo
    ):
        before = tags_of(broken)
        refill = start(new, alice, bob)
        work_off()
        assert ended(refill) == "done"
        assert {corpus_of(user).active for user in (alice, bob)} == {new}
        note = Outstanding.objects.get(owner=alice, photo=broken, release=new)
        assert note.set_aside_reason == "It can't be read."
        assert tags_of(broken) == before
        assert search.photo_tags(search.corpus_of(alice), broken).set_aside_reason == "It can't be read."
        model.broken.clear()
        retry(alice.pk, [broken.id])
        annotate_some(alice.pk)
        assert Annotation.objects.get(photo=broken, release=new).stream == "realtime"
        check_whole(alice)

    def test_it_is_tried_again_by_the_next_refill(
        self, new: Release, alice: User, model: Looking, broken: Photo
    ):
        start(new, alice)
        work_off()
        model.broken.clear()
        refill = start(new, alice)
        work_off()
        assert (part(refill, alice).total, part(refill, alice).done) == (1, 1)
        assert Annotation.objects.get(photo=broken, release=new).stream == "bulk"
        check_whole(alice)

    def test_new_pixels_that_could_not_be_read_are_tried_again_too(
        self, new: Release, alice: User, model: Looking, broken: Photo
    ):
        """The release has seen the photo as it was, so no chunk of this scope has it."""
        model.broken.clear()
        start(new, alice)
        work_off()
        model.broken.add(broken.id)
        rotate(broken)
        while annotate_some(alice.pk):
            pass
        model.broken.clear()
        start(make_release(), alice)  # back to the release before, and then to this one again
        work_off()
        start(new, alice)
        work_off()
        assert Annotation.objects.get(photo=broken, release=new).revision == 2
        check_whole(alice)

    def test_it_keeps_its_tags_on_the_way_back_too(
        self, new: Release, alice: User, model: Looking, broken: Photo
    ):
        start(new, alice)
        work_off()
        before = tags_of(broken)
        orders.roll_back(None, alice)
        assert tags_of(broken) == before
        orders.roll_back(None, alice)
        assert tags_of(broken) == before

    def test_one_whose_workers_die_is_tried_alone_and_set_aside(
        self, new: Release, alice: User, bob: User, model: Looking, broken: Photo
    ):
        model.broken.clear()
        refill = start(new, alice, bob)
        take_chunk(model, refill, alice)  # and die
        expire_chunks()
        deaths = 1
        while filling.fill_some():
            pass
        assert (part(refill, alice).redone, state_of(refill, bob)) == (2, State.DONE)
        while claim := outstanding.claim(corpus_of(alice), 32):
            if broken.id in {work.photo_id for work in claim.work}:
                assert len(claim.work) == 1
                deaths += 1
                expire_leases()
            else:
                said = [annotation_of(new.pk, work.photo_id, work.revision) for work in claim.work]
                store_annotations(alice.pk, new.pk, Stream.REALTIME, said)
        assert deaths == outstanding.MAX_ATTEMPTS
        work_off()
        assert ended(refill) == "done"
        assert "failed 3 times" in Outstanding.objects.get(photo=broken, release=new).set_aside_reason
        assert tags_of(broken)


class TestPeopleGoOn:
    PHASES = ("waiting", "filling", "in hand", "whole", "switched", "rolled back")

    def reach(self, phase: str, new: Release, alice: User, model: Looking) -> filling._Chunk | None:
        refill = start(new, alice, hold=phase == "whole")
        if phase == "filling":
            fill_one_chunk()
        if phase == "in hand":
            return take_chunk(model, refill, alice)
        if phase in ("whole", "switched", "rolled back"):
            work_off()
        if phase == "rolled back":
            orders.roll_back(None, alice)
        return None

    def finish(self, chunk: filling._Chunk | None, alice: User) -> None:
        if chunk:
            filling._finish(chunk)
        work_off()
        while annotate_some(alice.pk):
            pass
        for whole in CorpusRefill.objects.filter(state=State.WHOLE):
            orders.approve(None, whole)

    @pytest.mark.parametrize("phase", PHASES)
    def test_all_that_people_do_counts_whenever_they_do_it(
        self, new: Release, alice: User, model: Looking, phase: str
    ):
        photos = list(Photo.objects.owned_by(alice).order_by("id"))
        turned, judged, trashed, restored, purged = photos
        services.trash(alice, [restored.id])
        chunk = self.reach(phase, new, alice, model)
        uploaded = make_photo(alice)
        rotate(turned)
        add_tag(alice, judged, "Grandma’s boat")
        rejected = next(iter(search.photo_tags(search.corpus_of(alice), judged).tags))
        reject_tag(alice, judged, rejected.id)
        services.trash(alice, [trashed.id, purged.id])
        services.restore(alice, [restored.id])
        assert services.purge(alice, [purged.id]) == 1
        self.finish(chunk, alice)
        check_whole(alice)
        live = [turned, judged, restored, uploaded]
        page = search.roll_page(search.corpus_of(alice))
        assert {photo.id for photo in page.photos} == {photo.id for photo in live}
        for _ in range(2):  # in the release that is seen, and in the one before
            said = search.photo_tags(search.corpus_of(alice), judged)
            assert "Grandma’s boat" in {chip.name for chip in said.tags} or rejected.name == "Grandma’s boat"
            assert rejected.id not in {chip.id for chip in said.tags}
            orders.roll_back(None, alice)
            check_whole(alice)
