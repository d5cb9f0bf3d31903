"""Automatic tags, off and on again: nothing is computed meanwhile, and what people said stays."""

from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from magicroll.models import Photo, User
from tagging import index, outstanding, pointers, search, snapshots, sweeping, tasks
from tagging.models import (
    Annotation,
    Corpus,
    CorpusRefill,
    Embedding,
    Outstanding,
    PhotoTag,
    Release,
    Stream,
    Tag,
    Verdict,
)
from tagging.refill import automatic, chunks, cleaning, filling
from tagging.refill.plan import plan
from tagging.services import add_tag, annotate_some, reject_tag
from tagging.verify import differences
from tagging.writer import store_annotations
from tests.factories import make_photo
from tests.tagging.refill.model import Looking, annotation_of, wrong_annotations
from tests.tagging.refill.people import start, state_of, work_off

pytestmark = pytest.mark.django_db

State = CorpusRefill.State


def corpus_of(user: User) -> Corpus:
    return Corpus.objects.get(owner=user)


def computed(user: User) -> list[str]:
    """Name the tables in which something computed for a person is left."""
    tables = (Annotation, Embedding, Outstanding)
    return [table.__name__ for table in tables if table.objects.filter(owner=user).exists()]


def turned_off(user: User) -> None:
    automatic.turn_off(user)
    assert not automatic.remove_some(user.pk, float("inf"))
    cleaning.clean_some(float("inf"))


class TestOff:
    def test_nothing_computed_is_left_and_what_was_said_stays(self, alice: User) -> None:
        photo = Photo.objects.owned_by(alice).first()
        add_tag(alice, photo, "Grandma")
        add_tag(alice, photo, "boat")
        reject_tag(alice, photo, Tag.objects.get(slug="flower").pk)
        said = set(Verdict.objects.values_list("photo", "tag", "kind"))
        turned_off(alice)
        assert computed(alice) == []
        assert corpus_of(alice).automatic == Corpus.Automatic.OFF
        assert set(Verdict.objects.values_list("photo", "tag", "kind")) == said
        corpus = search.corpus_of(alice)
        assert {chip.name for chip in search.photo_tags(corpus, photo).tags} == {"Grandma", "boat", "vehicle"}
        rows = PhotoTag.objects.filter(owner=alice).values_list("tag__slug", flat=True)
        assert set(rows) == {"grandma", "my-tags", "boat", "vehicle", "vehicles"}
        assert [shelf.slug for shelf in search.magic_view(corpus)] == ["vehicles", "my-tags"]
        assert differences(alice.pk) == []

    def test_pages_stay_true_while_it_goes(self, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(automatic, "PHOTOS_AT_ONCE", 2)
        automatic.turn_off(alice)
        left = []
        while automatic.remove_some(alice.pk):
            left.append(automatic.left_to_remove(corpus_of(alice)))
            assert differences(alice.pk) == []
        assert left == [3, 1, 0]
        assert computed(alice) == []

    def test_an_upload_is_no_work(self, alice: User) -> None:
        turned_off(alice)
        photo = make_photo(alice)
        sweeping.sweep_changed()
        assert annotate_some(alice.pk) == 0
        assert computed(alice) == []
        assert not search.photo_tags(search.corpus_of(alice), photo).pending

    def test_a_straggler_stores_nothing(self, alice: User) -> None:
        photo = Photo.objects.owned_by(alice).first()
        late = annotation_of(corpus_of(alice).active_id, photo.id, photo.revision)
        turned_off(alice)
        assert store_annotations(alice.pk, corpus_of(alice).active_id, Stream.REALTIME, [late]) == 0
        assert computed(alice) == []

    def test_nobody_else_loses_anything(self, alice: User, bob: User) -> None:
        before = Annotation.objects.filter(owner=bob).count()
        turned_off(alice)
        assert Annotation.objects.filter(owner=bob).count() == before == 3
        assert corpus_of(bob).automatic == Corpus.Automatic.ON

    def test_its_index_goes_and_none_is_made(
        self, alice: User, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.INDEX_DIR = tmp_path
        monkeypatch.setattr(snapshots, "TAIL_ROWS", 2)
        monkeypatch.setattr(snapshots, "installed_path", lambda *_: None)
        monkeypatch.setattr(snapshots, "index_projection", lambda _: None)
        encoder = corpus_of(alice).active.encoder
        sweeping.compact(alice.pk)
        name = (snapshots.folder(alice.pk), snapshots.key_of(encoder.pk), encoder.sha256)
        assert index.open_snapshot(*name) is not None
        automatic.turn_off(alice)
        sweeping.compact(alice.pk)
        assert alice.pk not in sweeping.sweep_changed()
        assert not automatic.remove_some(alice.pk, float("inf"))
        assert index.open_snapshot(*name) is None


class TestRefills:
    def test_one_that_comes_later_skips_it_and_says_so(self, alice: User, bob: User, new: Release) -> None:
        turned_off(alice)
        refill = start(new, alice, bob)
        work_off()
        assert state_of(refill, alice) == State.SKIPPED
        assert refill.corpora.get(owner=alice).note == automatic.SAYS_SO
        assert state_of(refill, bob) == State.DONE
        assert computed(alice) == []

    def test_one_that_is_at_work_lets_go_of_it(self, alice: User, new: Release) -> None:
        refill = start(new, alice)
        filling.fill_some()
        held = chunks.lease(refill.corpora.get().pk)
        assert held
        turned_off(alice)
        assert state_of(refill, alice) == State.SKIPPED
        assert refill.corpora.get().note == automatic.SAYS_SO
        late = [annotation_of(new.pk, item.photo_id, item.revision) for item in held.work]
        assert store_annotations(alice.pk, new.pk, Stream.BULK, late) == 0
        chunks.hand_back(held, counted=False)
        work_off()
        assert computed(alice) == []
        assert corpus_of(alice).filling_id is None
        assert differences(alice.pk) == []

    def test_the_way_back_goes_too(self, alice: User, new: Release) -> None:
        start(new, alice)
        work_off()
        assert corpus_of(alice).previous_id
        turned_off(alice)
        assert corpus_of(alice).previous_id is None
        assert computed(alice) == []


class TestOnAgain:
    def test_all_photos_are_work_again_and_the_end_is_as_before(self, alice: User) -> None:
        before = set(PhotoTag.objects.filter(owner=alice).values_list("tag", "photo", "score"))
        turned_off(alice)
        automatic.turn_on(alice)
        sweeping.bring_back(alice.pk)
        assert Outstanding.objects.filter(owner=alice).count() == 5
        work_off()
        while annotate_some(alice.pk):
            pass
        assert set(PhotoTag.objects.filter(owner=alice).values_list("tag", "photo", "score")) == before
        assert wrong_annotations(alice.pk, corpus_of(alice).active_id) == []
        assert differences(alice.pk) == []

    def test_midway_what_is_left_stays(self, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(automatic, "PHOTOS_AT_ONCE", 2)
        automatic.turn_off(alice)
        automatic.remove_some(alice.pk)
        automatic.turn_on(alice)
        assert not automatic.remove_some(alice.pk, float("inf"))
        assert Annotation.objects.filter(owner=alice).count() == 3
        sweeping.sweep_changed()
        assert Outstanding.objects.filter(owner=alice).count() == 2
        while annotate_some(alice.pk):
            pass
        assert wrong_annotations(alice.pk, corpus_of(alice).active_id) == []

    def test_photos_are_noted_in_pieces_and_only_then_it_is_on(
        self, alice: User, new: Release, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turned_off(alice)
        monkeypatch.setattr(outstanding, "NOTES_AT_ONCE", 2)
        monkeypatch.setattr(automatic, "AT_ONCE_S", -1.0)
        automatic.turn_on(alice)
        assert corpus_of(alice).automatic == Corpus.Automatic.BEGINNING
        with pytest.raises(pointers.CannotMove):
            pointers.begin(alice.pk, new.pk)
        late = make_photo(alice)  # noted at once
        assert annotate_some(alice.pk) == 0
        noted = [Outstanding.objects.filter(owner=alice).count()]
        while automatic.note_some(alice.pk):
            noted.append(Outstanding.objects.filter(owner=alice).count())
        assert noted == [3, 5]
        assert Outstanding.objects.filter(owner=alice).count() == 6
        assert corpus_of(alice).automatic == Corpus.Automatic.ON
        assert Outstanding.objects.filter(owner=alice, photo=late).exists()
        while annotate_some(alice.pk):
            pass
        assert wrong_annotations(alice.pk, corpus_of(alice).active_id) == []
        assert differences(alice.pk) == []

    def test_off_again_in_the_middle_leaves_nothing(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turned_off(alice)
        monkeypatch.setattr(outstanding, "NOTES_AT_ONCE", 2)
        monkeypatch.setattr(automatic, "AT_ONCE_S", -1.0)
        automatic.turn_on(alice)
        turned_off(alice)
        assert corpus_of(alice).automatic == Corpus.Automatic.OFF
        assert not automatic.note_some(alice.pk)
        assert computed(alice) == []

    def test_twice_is_once(self, alice: User) -> None:
        automatic.turn_on(alice)
        turned_off(alice)
        turned_off(alice)
        assert corpus_of(alice).automatic == Corpus.Automatic.OFF
        automatic.turn_on(alice)
        automatic.turn_on(alice)
        assert corpus_of(alice).automatic == Corpus.Automatic.ON

    def test_the_sweep_finds_what_lost_hints_left(self, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[int] = []
        monkeypatch.setattr(tasks.turn_automatic, "delay", told.append)
        monkeypatch.setattr(tasks.annotate, "delay", lambda _: None)
        automatic.turn_off(alice)
        tasks.sweep()
        assert told == [alice.pk]
        automatic.remove_some(alice.pk, float("inf"))
        tasks.sweep()
        assert told == [alice.pk]
        monkeypatch.setattr(automatic, "AT_ONCE_S", -1.0)
        monkeypatch.setattr(outstanding, "NOTES_AT_ONCE", 2)
        automatic.turn_on(alice)
        tasks.sweep()
        assert told == [alice.pk, alice.pk]


def test_verdicts_survive_ten_refills(alice: User, new: Release, model: Looking) -> None:
    """To another network and back, five times, with uploads and new verdicts in between."""
    first = corpus_of(alice).active
    for number in range(10):
        photos = list(Photo.objects.owned_by(alice).order_by("id"))
        photo = photos[number % len(photos)]
        add_tag(alice, photo, f"Trip {number}")
        add_tag(alice, photo, "dog")
        reject_tag(alice, photos[(number + 1) % len(photos)], Tag.objects.get(slug="animal").pk)
        said = set(Verdict.objects.owned_by(alice).values_list("photo", "tag", "kind"))
        release = first if number % 2 else new
        refill = start(release, alice)
        filling.fill_some()
        make_photo(alice, photo.taken_at + timedelta(minutes=number))
        work_off()
        assert state_of(refill, alice) == State.DONE
        assert corpus_of(alice).active_id == release.pk
        assert set(Verdict.objects.owned_by(alice).values_list("photo", "tag", "kind")) == said
        Corpus.objects.filter(owner=alice).update(previous_until=photo.uploaded_at - timedelta(days=1))
        cleaning.clean_some(float("inf"))
        check_shown(alice, said)
        assert differences(alice.pk) == []


def check_shown(user: User, said: set[tuple[int, int, str]]) -> None:
    corpus = search.corpus_of(user)
    for photo_id, tag_id, kind in said:
        photo = Photo.objects.get(pk=photo_id)
        shown = {chip.id for chip in search.photo_tags(corpus, photo).tags}
        assert (tag_id in shown) == (kind == "added")


def test_a_dry_run_leaves_out_who_turned_them_off(alice: User, bob: User, new: Release) -> None:
    turned_off(alice)
    found = plan(new, [alice.pk, bob.pk], "missing")
    assert [person.name for person in found.people] == ["bob"]
    assert (found.photos, found.off) == (3, 1)
