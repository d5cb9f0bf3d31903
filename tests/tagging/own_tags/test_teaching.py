"""Lessons through model changes, and what interrupts them."""

import pytest

from magicroll.models import Photo, User
from tagging import own_tags, pointers, search, tasks
from tagging.models import Corpus, OwnAnnotation, OwnHead, Release, Tag, Verdict
from tagging.refill import filling
from tagging.services import annotate_some
from tagging.verify import differences
from tests.factories import make_photo, make_release
from tests.tagging.refill.model import looking
from tests.tagging.refill.people import start, state_of, work_off

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eyes")]


@pytest.fixture
def new() -> Release:
    return make_release("efficientnet-lite0")


@pytest.fixture
def tag(alice: User) -> Tag:
    """A tag that some photos beside the confirmed one have."""
    tag = own_tags.make(alice, "Rex")
    own_tags.judge(alice, tag, [Photo.objects.owned_by(alice).earliest("id").pk], Verdict.Kind.ADDED)
    assert own_tags.teach(alice, tag, 0.25, until=float("inf"))
    return tag


def shown(user: User, tag: Tag) -> set[int]:
    return {photo.pk for photo in search.tag_page(search.corpus_of(user), tag.slug).page.photos}


def lessons(user: User) -> dict[str, int]:
    heads = OwnHead.objects.filter(owner=user, settled=True).values_list("encoder__name", "lesson")
    return dict(heads)


def test_it_takes_some_photos_and_not_all(alice: User, tag: Tag):
    assert 1 < len(shown(alice, tag)) < 12


def test_a_model_change_brings_it_along_before_anybody_sees_it(alice: User, tag: Tag, new: Release):
    before = shown(alice, tag)
    refill = start(new, alice)
    while filling.fill_some():
        assert shown(alice, tag) == before
    assert state_of(refill, alice) == "done"
    assert Corpus.objects.get(owner=alice).active_id == new.pk
    assert len(shown(alice, tag)) in range(
        len(before) - 1, len(before) + 2
    )  # the confirmed one beside the share
    assert set(lessons(alice)) == {"efficientnet-lite2", "efficientnet-lite0"}
    assert len(set(lessons(alice).values())) == 1
    assert differences(alice.pk) == []


def test_the_way_back_has_the_lessons_that_came_since(alice: User, tag: Tag, new: Release):
    start(new, alice)
    work_off()
    own_tags.judge(alice, tag, [Photo.objects.owned_by(alice).latest("id").pk], Verdict.Kind.ADDED)
    own_tags.teach(alice, tag, 0.4, until=float("inf"))
    pointers.roll_back(alice.pk)
    assert Photo.objects.owned_by(alice).latest("id").pk in shown(alice, tag)
    assert len(set(lessons(alice).values())) == 1
    assert differences(alice.pk) == []


def test_what_is_taught_while_a_release_waits_for_approval_is_there_after_the_switch(
    alice: User, tag: Tag, new: Release
):
    refill = start(new, alice, hold=True)
    work_off()
    assert state_of(refill, alice) == "whole"
    late = own_tags.make(alice, "Late")
    own_tags.judge(alice, late, [Photo.objects.owned_by(alice).latest("id").pk], Verdict.Kind.ADDED)
    own_tags.teach(alice, late, 0.25, until=float("inf"))
    own_tags.teach(alice, tag, 0.3, until=float("inf"))
    with pytest.raises(pointers.CannotMove, match="Own tags"):
        pointers.switch(alice.pk, new.pk)
    assert filling.switch(refill.corpora.get().pk, "whole")
    assert OwnHead.objects.filter(owner=alice, encoder=new.encoder, settled=True).count() == 2
    assert len(shown(alice, late)) > 1
    assert differences(alice.pk) == []


def test_a_network_that_saw_no_confirmed_photo_gives_the_tag_to_none(alice: User, tag: Tag, new: Release):
    confirmed = Verdict.objects.get(tag=tag).photo_id
    with looking(chunk=2) as model:
        model.broken.add(confirmed)
        start(new, alice)
        for _ in range(6):
            work_off()
    assert Corpus.objects.get(owner=alice).active_id == new.pk
    assert shown(alice, tag) == {confirmed}
    assert differences(alice.pk) == []


def test_settling_goes_on_where_it_was_interrupted(alice: User, tag: Tag, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tagging.own_tags.settling.PHOTOS_PER_CHANGE", 1)
    own_tags.stop(alice, tag, until=float("inf"))
    assert not OwnAnnotation.objects.exists()
    assert not own_tags.teach(alice, tag, 0.25)
    assert OwnAnnotation.objects.count() == 1
    assert differences(alice.pk) == []
    assert own_tags.owners_with_work() == [alice.pk]
    tasks.settle_own_tags(alice.pk)
    assert own_tags.owners_with_work() == []
    assert OwnAnnotation.objects.count() == len(shown(alice, tag) | {Verdict.objects.get(tag=tag).photo_id})
    assert differences(alice.pk) == []


def test_the_sweep_finds_what_nobody_settled(alice: User, tag: Tag, monkeypatch: pytest.MonkeyPatch):
    sent: list[int] = []
    monkeypatch.setattr(tasks.settle_own_tags, "delay", sent.append)
    tasks.sweep()
    assert sent == []
    OwnHead.objects.update(settled=False)
    tasks.sweep()
    assert sent == [alice.pk]


def test_new_uploads_get_it_from_every_release_that_looks_at_them(alice: User, tag: Tag, new: Release):
    start(new, alice)
    work_off()
    for _ in range(8):
        make_photo(alice)
    while annotate_some(alice.pk):
        pass
    corpus = Corpus.objects.get(owner=alice)
    newest = Photo.objects.owned_by(alice).order_by("-id")[:8].values("id")
    for release_id in (corpus.active_id, corpus.previous_id):
        assert OwnAnnotation.objects.filter(release=release_id, photo__in=newest).exists()
    assert differences(alice.pk) == []


def test_verify_notices_what_is_not_what_a_head_says(alice: User, tag: Tag):
    OwnAnnotation.objects.filter(owner=alice).first().delete()
    assert any("own tags" in line for line in differences(alice.pk))
