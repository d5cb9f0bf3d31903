"""What the Cleaner takes and what it leaves, a little at a time."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from magicroll import services
from magicroll.models import Photo, User
from tagging import pointers, snapshots
from tagging.models import (
    Annotation,
    AuditEntry,
    Corpus,
    Embedding,
    Leftover,
    Outstanding,
    PhotoTag,
    Release,
    TagCount,
)
from tagging.refill import cleaning, orders
from tagging.services import add_tag
from tests.factories import make_photo
from tests.tagging.refill.model import Looking, make_vocabulary_change
from tests.tagging.refill.people import make_person, start, state_of, work_off
from tests.tagging.refill.test_orders import check_whole, clean_up, corpus_of, fill_one_chunk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
OF_A_RELEASE = (Annotation, PhotoTag, TagCount, Outstanding)


def releases_with_rows(user: User) -> set[int]:
    return {
        row
        for model in OF_A_RELEASE
        for row in model.objects.filter(owner=user).values_list("release", flat=True)
    }


def encoders_with_rows(user: User) -> set[int]:
    return set(Embedding.objects.filter(owner=user).values_list("encoder", flat=True))


def let_the_way_back_end(user: User) -> None:
    over = timezone.now() - timedelta(seconds=1)
    Corpus.objects.filter(owner=user).update(previous_until=over)


def switched(release: Release, user: User) -> None:
    start(release, user)
    work_off()
    assert corpus_of(user).active == release


class TestWhatItTakes:
    def test_while_there_is_a_way_back_it_takes_nothing(self, new: Release, alice: User):
        old = corpus_of(alice).active
        switched(new, alice)
        assert not cleaning.is_due()
        clean_up()
        assert releases_with_rows(alice) == {old.pk, new.pk}
        assert encoders_with_rows(alice) == {old.encoder_id, new.encoder_id}

    def test_afterwards_it_takes_all_of_the_release_before_and_says_so(
        self, new: Release, alice: User, bob: User
    ):
        switched(new, alice)
        let_the_way_back_end(alice)
        assert cleaning.is_due()
        clean_up()
        assert not cleaning.is_due()
        assert releases_with_rows(alice) == {new.pk}
        assert encoders_with_rows(alice) == {new.encoder_id}
        assert len(releases_with_rows(bob)) == 1  # who is on it keeps it
        assert (corpus_of(alice).previous, corpus_of(alice).previous_until) == (None, None)
        entry = AuditEntry.objects.get(action="cleaned")
        assert (entry.owner_name, entry.by_name) == ("alice", "")
        with pytest.raises(orders.OrderRefused, match="no previous release"):
            orders.roll_back(None, alice)
        check_whole(alice)

    def test_verdicts_and_what_they_show_stay(self, new: Release, alice: User):
        photo = Photo.objects.owned_by(alice).first()
        add_tag(alice, photo, "Grandma")
        switched(new, alice)
        let_the_way_back_end(alice)
        clean_up()
        assert PhotoTag.objects.get(owner=alice, tag__slug="grandma").release == new
        check_whole(alice)

    def test_what_a_cancelled_refill_left_goes_and_its_embeddings_with_it(self, new: Release, alice: User):
        old = corpus_of(alice).active
        refill = start(new, alice)
        fill_one_chunk()
        orders.cancel(None, refill)
        assert not TagCount.objects.filter(
            release=new
        ).exists()  # at once: readers of counts pay for each row
        clean_up()
        assert (releases_with_rows(alice), encoders_with_rows(alice)) == ({old.pk}, {old.encoder_id})

    def test_embeddings_that_another_release_of_the_corpus_reads_stay(self, alice: User, model: Looking):
        """The same network with other words: what the network saw is worth as much as before."""
        old = corpus_of(alice).active
        fewer = make_vocabulary_change()
        assert fewer.encoder_id == old.encoder_id
        model.opened.clear()
        switched(fewer, alice)
        assert model.opened == []
        let_the_way_back_end(alice)
        clean_up()
        assert releases_with_rows(alice) == {fewer.pk}
        assert Embedding.objects.filter(owner=alice).count() == 5
        check_whole(alice)

    def test_the_release_before_the_one_before_goes_at_the_next_switch(self, new: Release, alice: User):
        first = corpus_of(alice).active
        switched(new, alice)
        third = make_vocabulary_change()
        switched(third, alice)
        assert list(Leftover.objects.values_list("owner", "release")) == [(alice.pk, first.pk)]
        clean_up()
        assert releases_with_rows(alice) == {new.pk, third.pk}
        assert encoders_with_rows(alice) == {new.encoder_id, third.encoder_id}
        check_whole(alice)

    def test_nobody_elses_rows_are_touched(self, new: Release, alice: User, bob: User):
        switched(new, alice)
        switched(new, bob)
        let_the_way_back_end(alice)
        clean_up()
        assert len(releases_with_rows(bob)) == 2
        orders.roll_back(None, bob)
        check_whole(bob)

    def test_the_index_of_a_network_goes_with_its_embeddings(
        self,
        new: Release,
        alice: User,
        settings: Settings,
        tmp_path: Path,
        models_dir: Path,
        monkeypatch: pytest.MonkeyPatch,
    ):
        settings.INDEX_DIR, settings.MODELS_DIR = tmp_path, models_dir
        monkeypatch.setattr("tagging.snapshots.TAIL_ROWS", 3)
        old = corpus_of(alice).active.encoder
        snapshots.compact(corpus_of(alice), old)
        switched(new, alice)
        assert self.indexes(alice) == {snapshots.key_of(old.pk), snapshots.key_of(new.encoder_id)}
        let_the_way_back_end(alice)
        clean_up()
        assert self.indexes(alice) == {snapshots.key_of(new.encoder_id)}
        left = {path.name for path in snapshots.folder(alice.pk).iterdir() if path.suffix != ".lock"}
        assert all(name.startswith(snapshots.key_of(new.encoder_id)) for name in left)

    def indexes(self, user: User) -> set[str]:
        return {path.stem for path in snapshots.folder(user.pk).glob("*.json")}

    def test_an_account_that_was_deleted_leaves_nothing_to_clean(self, new: Release, alice: User):
        orders.cancel(None, start(new, alice))
        refill = start(new, alice)
        fill_one_chunk()
        orders.cancel(None, refill)
        alice.delete()
        assert not cleaning.clean_some(float("inf"))
        assert not Leftover.objects.exists()


class TestHowItGoes:
    def test_it_goes_a_little_at_a_time_and_on_where_it_stopped(
        self, new: Release, alice: User, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(cleaning, "ROWS_AT_ONCE", 2)
        switched(new, alice)
        let_the_way_back_end(alice)
        rows = [self.rows(alice)]
        while cleaning.clean_some():
            rows.append(self.rows(alice))
            check_whole(alice)  # readers notice nothing of it
            assert len(rows) < 100
        assert len(rows) > 5
        assert rows == sorted(rows, reverse=True)
        assert len(releases_with_rows(alice)) == 1

    def rows(self, user: User) -> int:
        return sum(model.objects.filter(owner=user).count() for model in (PhotoTag, Annotation))

    def test_it_stops_when_its_time_is_over(self, new: Release, alice: User, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(cleaning, "ROWS_AT_ONCE", 1)
        switched(new, alice)
        let_the_way_back_end(alice)
        before = self.rows(alice)
        assert cleaning.clean_some(time.monotonic() - 1)
        assert before - 10 < self.rows(alice) < before

    def test_no_statement_takes_more_rows_than_it_should(self, new: Release, monkeypatch: pytest.MonkeyPatch):
        """Each removal is a transaction of its own, and takes no more at a time with more photos."""
        monkeypatch.setattr(cleaning, "ROWS_AT_ONCE", 4)
        person = make_person("huge", 20)
        switched(new, person)
        let_the_way_back_end(person)
        left = Annotation.objects.filter(owner=person).count()
        while Leftover.objects.exists() or cleaning.is_due():
            with CaptureQueriesContext(
                connection,
            ) as queries:
                cleaning.clean_some()
            now = Annotation.objects.filter(owner=person).count()
            assert left - now <= 4
            left = now
            assert sum("DELETE" in query["sql"] for query in queries) < 12
        assert left == 20

    def test_going_on_after_a_crash_in_the_middle(
        self, new: Release, alice: User, monkeypatch: pytest.MonkeyPatch
    ):
        switched(new, alice)
        let_the_way_back_end(alice)

        def killed(*args: object) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr("tagging.refill.cleaning._first_photos", killed)
            with pytest.raises(SystemExit):
                clean_up()
        assert Leftover.objects.exists()
        clean_up()
        assert len(releases_with_rows(alice)) == 1
        check_whole(alice)

    def test_a_refill_waits_while_leftovers_remain_and_begins_afterwards(self, new: Release, alice: User):
        refill = start(new, alice)
        fill_one_chunk()
        orders.cancel(None, refill)
        with pytest.raises(pointers.CannotMove, match="not cleaned up yet"):
            pointers.begin(alice.pk, new.pk)
        again = start(new, alice)
        work_off()
        assert state_of(again, alice) == "waiting"
        clean_up()
        work_off()
        assert state_of(again, alice) == "done"
        check_whole(alice)

    def test_photos_that_go_while_it_works_are_no_trouble(
        self, new: Release, alice: User, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(cleaning, "ROWS_AT_ONCE", 2)
        switched(new, alice)
        let_the_way_back_end(alice)
        assert cleaning.clean_some()
        photo = Photo.objects.owned_by(alice).first()
        services.trash(alice, [photo.id])
        services.purge(alice, [photo.id])
        make_photo(alice)
        work_off()
        clean_up()
        assert Annotation.objects.filter(owner=alice).count() >= 4
        assert len(releases_with_rows(alice)) == 1


class TestRetention:
    @pytest.mark.parametrize("days", [1, 30])
    def test_the_way_back_is_open_as_long_as_the_setting_says(
        self, new: Release, alice: User, settings: Settings, days: int
    ):
        settings.KEEP_PREVIOUS_DAYS = days
        switched(new, alice)
        left = corpus_of(alice).previous_until - timezone.now()
        assert timedelta(days=days) - timedelta(minutes=1) < left <= timedelta(days=days)

    def test_without_retention_it_is_cleaned_at_once(self, new: Release, alice: User, settings: Settings):
        settings.KEEP_PREVIOUS_DAYS = 0
        switched(new, alice)
        assert cleaning.is_due()
        clean_up()
        assert corpus_of(alice).previous is None

    def test_going_back_opens_the_way_forth_for_as_long_again(self, new: Release, alice: User):
        switched(new, alice)
        almost = timezone.now() + timedelta(seconds=30)
        Corpus.objects.filter(owner=alice).update(previous_until=almost)
        orders.roll_back(None, alice)
        assert corpus_of(alice).previous == new
        assert corpus_of(alice).previous_until > almost + timedelta(days=6)

    def test_a_refill_to_the_release_before_keeps_what_is_there(
        self, new: Release, alice: User, model: Looking
    ):
        old = corpus_of(alice).active
        switched(new, alice)
        model.opened.clear()
        switched(old, alice)
        assert model.opened == []
        assert corpus_of(alice).previous == new
        check_whole(alice)
