"""Forgetting an own tag: gone for readers at once, then out of the store a little at a time."""

import pytest

from magicroll.models import Photo, User
from tagging import muting, own_tags, republishing, search, tasks
from tagging.keywords import keywords_on
from tagging.models import Corpus, OwnAnnotation, OwnHead, PhotoTag, Tag, TagChoice, Verdict
from tagging.own_tags import forgetting
from tagging.services import TagRefused, add_tag, reject_tag
from tagging.verify import differences

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eyes")]


@pytest.fixture
def tag(alice: User) -> Tag:
    """A tag by itself on some photos, by hand on one, rejected on another."""
    tag = own_tags.make(alice, "Rex")
    first, second = Photo.objects.owned_by(alice).order_by("id")[:2]
    own_tags.judge(alice, tag, [first.pk], Verdict.Kind.ADDED)
    own_tags.judge(alice, tag, [second.pk], Verdict.Kind.REJECTED)
    assert own_tags.teach(alice, tag, 0.25, until=float("inf"))
    return tag


@pytest.fixture
def a_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republishing, "PHOTOS_PER_CHANGE", 1)
    monkeypatch.setattr(republishing, "AT_ONCE_S", -1.0)
    monkeypatch.setattr(forgetting, "AT_ONCE_S", -1.0)
    monkeypatch.setattr(forgetting, "ROWS_PER_CHANGE", 1)


def left(tag: Tag) -> int:
    return sum(rows.objects.filter(tag=tag).count() for rows in (OwnHead, OwnAnnotation, Verdict, TagChoice))


def test_a_small_one_is_gone_before_the_answer(alice: User, tag: Tag) -> None:
    own_tags.forget(alice, tag)
    assert not own_tags.is_forgetting(alice.pk)
    assert not Tag.objects.filter(owner=alice).exists()
    assert left(tag) == 0
    assert Photo.objects.owned_by(alice).live().count() == 12
    assert differences(alice.pk) == []


@pytest.mark.usefixtures("a_little_at_a_time")
def test_readers_miss_it_at_once_and_each_piece_leaves_them_right(alice: User, tag: Tag) -> None:
    own_tags.forget(alice, tag)
    assert PhotoTag.objects.filter(owner=alice, tag=tag).exists()
    before = left(tag)
    pieces = 0
    while own_tags.owners_forgetting() == [alice.pk]:
        corpus = search.corpus_of(alice)
        assert [one.name for one in own_tags.own_tags(corpus)] == []
        assert not search.find(corpus, "rex").page.photos
        assert "Rex" not in search.suggest(corpus, "re")
        assert not keywords_on(corpus, list(Photo.objects.owned_by(alice).values_list("id", flat=True)))
        for slug in ("rex", f"~{tag.pk}"):
            with pytest.raises(search.UnknownTag):
                search.tag_page(corpus, slug)
        with pytest.raises(search.UnknownTag):
            own_tags.own_tag(alice.pk, tag.pk)
        assert differences(alice.pk) == []
        republishing.carry_out(alice.pk)
        own_tags.forget_some(alice.pk)
        pieces += 1
    assert pieces > 3
    assert before > 3
    assert left(tag) == 0
    assert differences(alice.pk) == []


@pytest.mark.usefixtures("a_little_at_a_time")
def test_nothing_that_goes_can_be_said_or_shown_again(alice: User, tag: Tag) -> None:
    own_tags.forget(alice, tag)
    photo = Photo.objects.owned_by(alice).earliest("id")
    with pytest.raises(TagRefused):
        reject_tag(alice, photo, tag.pk)
    for ask in (lambda: muting.tag_of(alice, tag.pk), lambda: muting.tag_called(alice, "Rex")):
        with pytest.raises(muting.UnknownWord):
            ask()


@pytest.mark.usefixtures("a_little_at_a_time")
def test_its_name_is_free_at_once(alice: User, tag: Tag) -> None:
    own_tags.forget(alice, tag)
    photo = Photo.objects.owned_by(alice).earliest("id")
    again = add_tag(alice, photo, "Rex")
    assert again.pk != tag.pk
    tasks.follow_wishes(alice.pk)
    assert not own_tags.is_forgetting(alice.pk)
    assert search.tag_page(search.corpus_of(alice), "rex").count == 1
    assert differences(alice.pk) == []


@pytest.mark.usefixtures("a_little_at_a_time")
def test_the_sweep_finds_what_a_lost_hint_left(
    alice: User, tag: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_tags.forget(alice, tag)
    republishing.carry_out(alice.pk, float("inf"))
    told: list[int] = []
    monkeypatch.setattr(tasks.follow_wishes, "delay", told.append)
    tasks.sweep()
    assert told == [alice.pk]


def test_a_muted_tag_that_is_given_by_itself_comes_back_everywhere(alice: User, tag: Tag) -> None:
    def there() -> int:
        corpus = Corpus.objects.get(owner=alice)
        return PhotoTag.objects.seen_in(corpus).filter(tag=tag).count()

    before = there()
    muting.choose(alice, tag, TagChoice.Kind.MUTED)
    assert there() == 0
    muting.choose(alice, tag, None)
    assert there() == before > 1
    assert differences(alice.pk) == []
