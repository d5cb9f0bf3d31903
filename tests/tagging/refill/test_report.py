"""Before an approval: what a switch would change, held against what it then changes."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tagging import search
from tagging.models import CorpusRefill, Tag, TagCount
from tagging.refill import orders, report
from tagging.services import add_tag, reject_tag
from tests.tagging.refill.model import answer, looking, make_releases
from tests.tagging.refill.people import make_person, start, work_off

pytestmark = pytest.mark.django_db


def counts_of(user, release) -> dict[str, int]:
    rows = TagCount.objects.filter(owner=user, release=release, tag__owner=None, count__gt=0)
    return dict(rows.values_list("tag__name", "count"))


def tags_by_photo(user) -> dict[int, set[str]]:
    corpus = search.corpus_of(user)
    found = search.tags_of(corpus, list(user.photos.values_list("id", flat=True)))
    return {photo: {chip.name for chip in tags.tags} for photo, tags in found.items()}


@pytest.fixture
def waiting():
    """A corpus of twenty photos that waits for approval, one of them not to be seen by the new release."""
    with looking(chunk=32) as model:
        default, other, _ = make_releases()
        alice = make_person("alice", 20)
        model.broken = set(alice.photos.values_list("id", flat=True)[:1])
        refill = start(other, alice, hold=True)
        work_off()
        yield alice, default, other, refill.corpora.get()


def test_counts_are_those_before_and_after_the_switch(waiting) -> None:
    alice, default, other, corpus_refill = waiting
    before, said = counts_of(alice, default), report.report(corpus_refill)
    orders.approve(None, corpus_refill)
    after = counts_of(alice, other)
    changed = {row.name: (row.old, row.new) for row in said.tags}
    # The one photo that could not be seen is carried over at the switch: it may add one to a tag.
    for name in before.keys() | after.keys():
        old, new = changed.get(name, (before.get(name, 0), before.get(name, 0)))
        assert old == before.get(name, 0)
        assert after.get(name, 0) - new in (0, 1)
    assert said.unseen == 1
    assert said.photos == 20


def test_samples_are_what_each_photo_shows_before_and_after(waiting) -> None:
    alice, _, _, corpus_refill = waiting
    before, said = tags_by_photo(alice), report.report(corpus_refill)
    orders.approve(None, corpus_refill)
    after = tags_by_photo(alice)
    assert said.compared == 20
    assert len(said.shown) == report.SHOWN
    for one in said.shown:
        assert {*one.kept, *one.lost} == before[one.photo.pk]
        assert {*one.kept, *one.gained} == after[one.photo.pk]
    jaccard = [
        len(before[i] & after[i]) / len(before[i] | after[i]) if before[i] | after[i] else 1 for i in before
    ]
    assert said.agreement == pytest.approx(sum(jaccard) / 20)
    assert said.same == sum(before[i] == after[i] for i in before)
    assert {move.name: move.gained for move in said.moves if move.gained} == {
        name: n
        for name in set().union(*after.values())
        if (n := sum(name in after[i] and name not in before[i] for i in before))
    }


def test_the_photos_that_change_most_come_first_then_others(waiting) -> None:
    said = report.report(waiting[3])
    first, rest = said.shown[: report.MOST_CHANGED], said.shown[report.MOST_CHANGED :]
    assert max(one.agreement for one in first) <= min(one.agreement for one in rest)
    assert len({one.photo.pk for one in said.shown}) == report.SHOWN


def test_verdicts_are_held_against_both_and_own_tags_against_none() -> None:
    with looking(chunk=32):
        default, other, _ = make_releases()
        alice = make_person("alice", 12)
        photos = list(alice.photos.order_by("id"))
        dog, cat = Tag.objects.get(slug="dog", owner=None), Tag.objects.get(slug="cat", owner=None)
        for photo in photos[:6]:
            reject_tag(alice, photo, dog.pk)
            add_tag(alice, photo, "cat")
        add_tag(alice, photos[0], "grandma's garden")
        refill = start(other, alice, hold=True)
        work_off()
        said = report.report(refill.corpora.get())

    def says(release, slug: str) -> int:
        return sum(slug in answer(release.pk, photo.pk, photo.revision) for photo in photos[:6])

    assert said.verdicts == report.OnVerdicts(
        added=6, added_old=says(default, "cat"), added_new=says(other, "cat"),
        rejected=6, rejected_old=says(default, "dog"), rejected_new=says(other, "dog"),
    )  # fmt: skip
    assert cat.name in {name for one in said.shown for name in (*one.kept, *one.lost, *one.gained)}
    assert "grandma" not in repr(said)


def test_precision_is_estimated_from_enough_verdicts_alone() -> None:
    some = report.OnVerdicts(added=30, added_old=18, added_new=15, rejected=9, rejected_old=2, rejected_new=4)
    assert some.precision_old is not None
    assert (some.precision_old.percent, some.precision_old.judged) == (90, 20)
    assert some.precision_old.low_percent < 90 < some.precision_old.high_percent
    assert some.precision_new is None  # 19 judged


def test_a_large_corpus_is_sampled_the_same_way_each_time(monkeypatch) -> None:
    monkeypatch.setattr(report, "SAMPLE", 10)
    with looking(chunk=64):
        _, other, _ = make_releases()
        alice = make_person("alice", 60)
        refill = start(other, alice, hold=True)
        work_off()
        first, second = (report.report(refill.corpora.get()) for _ in range(2))
    assert 1 <= first.compared <= 10
    assert first == second
    assert first.photos == 60


def test_queries_do_not_grow_with_photos(waiting) -> None:
    with CaptureQueriesContext(connection) as queries:
        report.report(waiting[3])
    assert len(queries) <= 20


def test_what_has_switched_has_nothing_to_compare(waiting) -> None:
    _, _, _, corpus_refill = waiting
    orders.approve(None, corpus_refill)
    with pytest.raises(report.NothingToCompare):
        report.report(CorpusRefill.objects.get(pk=corpus_refill.pk))
