"""What administrators see of a refill while it runs, and after."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tagging.models import AuditEntry, CorpusRefill, Outstanding, Refill
from tagging.refill import chunks, failures, filling, orders, progress
from tagging.services import annotate_some, retry
from tests.factories import make_photo
from tests.tagging.refill.model import expire_chunks, looking, make_releases
from tests.tagging.refill.people import make_person, start, work_off

pytestmark = pytest.mark.django_db


def bar_of(refill: Refill) -> tuple[int, int, int]:
    refill.refresh_from_db()
    bar = progress.summary(refill).bar
    return bar.done, bar.failed, bar.to_go


class TestSummary:
    def test_what_waits_is_to_go(self) -> None:
        with looking():
            _, other, _ = make_releases()
            refill = start(other, make_person("alice", 5), make_person("bob", 2))
            assert bar_of(refill) == (0, 0, 7)
            assert progress.summary(refill).people == {"waiting": 2}
            assert progress.summary(refill).bar.seconds_left is None

    def test_chunk_after_chunk_moves_from_to_go_to_done(self) -> None:
        with looking(chunk=3):
            _, other, _ = make_releases()
            refill = start(other, make_person("alice", 5), make_person("bob", 2))
            filling.fill_some()
            bar = progress.summary(refill).bar
            assert (bar.done, bar.failed, bar.to_go) == (3, 0, 4)
            assert bar.percent == 42
            assert bar.photos_per_s is not None
            assert bar.photos_per_s > 0
            assert bar.seconds_left == pytest.approx(4 / bar.photos_per_s, rel=0.2)
            work_off()
            assert bar_of(refill) == (7, 0, 0)
            assert progress.summary(refill).bar.percent == 100

    def test_what_can_not_be_seen_has_failed_until_it_is_tried_again(self) -> None:
        with looking() as model:
            _, other, _ = make_releases()
            alice = make_person("alice", 3)
            model.broken = set(alice.photos.values_list("id", flat=True)[:1])
            refill = start(other, alice, hold=True)
            work_off()
            assert bar_of(refill) == (2, 1, 0)
            assert failures.failed(refill) == [failures.Failed(alice.pk, "alice", "It can't be read.", 1)]
            (found,) = failures.failed_photos(refill).values()
            assert set(found) == model.broken
            retry(alice.pk, found)
            assert bar_of(refill) == (2, 0, 1)
            model.broken = set()
            while annotate_some(alice.pk):
                pass
            assert bar_of(refill) == (3, 0, 0)
            assert failures.failed(refill) == []

    def test_a_lost_worker_s_chunk_is_counted_as_redone(self) -> None:
        with looking(chunk=3):
            _, other, _ = make_releases()
            alice = make_person("alice", 3)
            refill = start(other, alice)
            filling.begin(refill.corpora.get().pk)
            assert chunks.lease(refill.corpora.get().pk)
            expire_chunks()
            assert chunks.lease(refill.corpora.get().pk) is None
            assert bar_of(refill) == (0, 0, 3)
            work_off()
            assert bar_of(refill) == (3, 0, 0)
            assert progress.summary(refill).bar.redone == 3

    def test_uploads_meanwhile_are_to_go_too(self) -> None:
        with looking(chunk=3):
            _, other, _ = make_releases()
            alice = make_person("alice", 4)
            refill = start(other, alice)
            filling.fill_some()
            make_photo(alice)
            assert bar_of(refill) == (3, 0, 2)

    def test_pauses_do_not_count_as_work(self) -> None:
        with looking(chunk=3):
            _, other, _ = make_releases()
            refill = start(other, make_person("alice", 5))
            filling.fill_some()
            now = timezone.now()
            refill.corpora.update(began_at=now - timedelta(seconds=100))
            orders.pause(None, refill)
            orders.resume(None, refill)
            for action, ago in (("paused", 90), ("resumed", 60)):
                AuditEntry.objects.filter(action=action).update(at=now - timedelta(seconds=ago))
            assert progress.summary(refill).bar.photos_per_s == pytest.approx(3 / 70, rel=0.02)

    def test_a_paused_refill_names_no_time_left(self) -> None:
        with looking(chunk=3):
            _, other, _ = make_releases()
            refill = start(other, make_person("alice", 5))
            filling.fill_some()
            orders.pause(None, refill)
            refill.refresh_from_db()
            assert progress.summary(refill).bar.seconds_left is None

    def test_two_queries_for_any_number_of_refills(self) -> None:
        with looking(chunk=3):
            _, other, words = make_releases()
            refills = [start(other, make_person("", 1), make_person("", 1)) for _ in range(3)]
            refills.append(start(words, make_person("", 1)))
            filling.fill_some()
            with CaptureQueriesContext(connection) as queries:
                found = progress.summaries(refills)
            assert len(queries) == 2
            assert [one.everybody for one in found] == [2, 2, 2, 1]


class TestPeople:
    def test_pages_go_through_everybody_once_those_to_see_to_first(self, monkeypatch) -> None:
        monkeypatch.setattr(progress, "PAGE", 3)
        with looking():
            _, other, _ = make_releases()
            refill = start(other, *(make_person("", 1) for _ in range(8)))
        rows = list(refill.corpora.order_by("id"))
        for row, state in zip(rows, ["done", "waiting", "whole", "filling"], strict=False):
            CorpusRefill.objects.filter(pk=row.pk).update(state=state)
        seen, after = [], ""
        while True:
            page = progress.people(refill, after)
            seen += [one.corpus for one in page.rows]
            assert len(page.rows) <= 3
            if not (after := page.next):
                break
        assert len(seen) == 8
        assert {one.pk for one in seen} == {row.pk for row in rows}
        assert [one.state for one in seen] == ["whole", "filling", *["waiting"] * 5, "done"]

    @pytest.mark.parametrize("place", ["x", "1", "9-1", "1-2-3", "0--1", f"0-{2**63}"])
    def test_a_place_that_nobody_named_is_refused(self, place: str) -> None:
        with looking():
            _, other, _ = make_releases()
            refill = start(other, make_person("alice", 1))
        with pytest.raises(progress.BadPlace):
            progress.people(refill, place)

    def test_who_waits_for_another_refill_is_told_so(self) -> None:
        with looking():
            _, other, words = make_releases()
            alice = make_person("alice", 1)
            first = start(other, alice, hold=True)
            work_off()
            second = start(words, alice)
            work_off()
            (row,) = progress.people(second).rows
            assert row.corpus.state == "waiting"
            assert row.note == f"Refill {first.pk} is at it. Its turn comes after that."

    def test_who_had_nothing_to_do_is_told_so(self) -> None:
        with looking():
            default, _, _ = make_releases()
            refill = start(default, make_person("alice", 1))
            work_off()
            (row,) = progress.people(refill).rows
            assert row.corpus.state == "skipped"
            assert row.note == "On this release already, and no photo is missing."

    def test_one_person(self) -> None:
        with looking():
            _, other, _ = make_releases()
            alice, bob = make_person("alice", 2), make_person("bob", 1)
            refill = start(other, alice)
            found = progress.person(refill, alice.pk)
            assert found is not None
            assert found.bar.to_go == 2
            assert progress.person(refill, bob.pk) is None

    def test_queries_do_not_grow_with_people(self) -> None:
        with looking():
            _, other, _ = make_releases()
            few, many = (
                start(other, make_person("", 1)),
                start(other, *(make_person("", 1) for _ in range(7))),
            )
            with CaptureQueriesContext(connection) as one:
                progress.people(few)
            with CaptureQueriesContext(connection) as seven:
                progress.people(many)
            assert len(one) == len(seven)


class TestMark:
    def test_it_changes_with_all_that_a_page_shows_and_with_nothing_else(self) -> None:
        with looking(chunk=3) as model:
            _, other, _ = make_releases()
            alice = make_person("alice", 5)
            model.broken = set(alice.photos.values_list("id", flat=True)[:1])
            refill = start(other, alice, hold=True)
            marks = [progress.mark([refill])]
            filling.fill_some()
            marks.append(progress.mark([refill]))
            work_off()
            marks.append(progress.mark([refill]))
            Outstanding.objects.exclude(set_aside_reason="").update(set_aside_reason="")
            marks.append(progress.mark([refill]))
            orders.set_priority(None, refill, 3)
            refill.refresh_from_db()
            marks.append(progress.mark([refill]))
            assert len(set(marks)) == 5
            assert progress.mark([refill]) == marks[-1]
            with CaptureQueriesContext(connection) as queries:
                progress.mark([refill])
            assert len(queries) == 2
