"""Mutes, hidden tags and learnt thresholds: what readers see follows at once, for one person, at every release."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from magicroll.models import Photo, User
from magicroll.services import restore, trash
from tagging import concerned, learning, muting, pointers, republishing, search, tasks
from tagging.ml.tagger import Said
from tagging.models import (
    Annotation,
    Corpus,
    LearnedThreshold,
    Leftover,
    PhotoTag,
    Stream,
    Tag,
    TagChoice,
    Verdict,
)
from tagging.published import published
from tagging.releases import release_tags
from tagging.search.pages import counts
from tagging.services import TagRefused, add_tag, reject_tag, undo_verdict
from tagging.sweeping import sweep_changed
from tagging.thresholds import ENOUGH, moved
from tagging.verify import differences
from tagging.vocabulary import load_builtin
from tagging.wishes import wishes_of
from tagging.writer import NewAnnotation, store_annotations
from tests.factories import JUNE, annotate, annotation, make_photo, make_release, make_user

pytestmark = pytest.mark.django_db

MUTED, HIDDEN = TagChoice.Kind.MUTED, TagChoice.Kind.HIDDEN
LITE2 = "efficientnet-lite2"


def tag(slug: str) -> Tag:
    return Tag.objects.get(owner=None, slug=slug)


def threshold(slug: str) -> float:
    return next(one.thresholds[LITE2] for one in load_builtin().tags if one.slug == slug)


def scored(photo: Photo, slug: str, score: float, *, release: int | None = None) -> None:
    """Store what a release says of one tag: shown from the release's threshold on, faint below."""
    slugs = [one.slug for one in load_builtin().tags]
    one = Said(np.array([slugs.index(slug)], np.int32), np.array([score], np.float32))
    nothing = Said(np.empty(0, np.int32), np.empty(0, np.float32))
    said, faint = (one, nothing) if score >= threshold(slug) else (nothing, one)
    corpus = Corpus.objects.get(owner=photo.owner_id)
    vector = np.ones(1280, np.float16)
    item = NewAnnotation(photo.id, photo.revision, vector, said.tags, said.scores, faint=faint)
    assert store_annotations(photo.owner_id, release or corpus.active_id, Stream.REALTIME, [item]) == 1


def chips(photo: Photo) -> set[str]:
    corpus = search.corpus_of(photo.owner)
    return {chip.slug for chip in search.photo_tags(corpus, photo).tags}


def rows(user: User) -> set[str]:
    active = Corpus.objects.get(owner=user).active_id
    return set(PhotoTag.objects.filter(owner=user, release=active).values_list("tag__slug", flat=True))


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def photo(user: User) -> Photo:
    photo = make_photo(user)
    annotate(photo, {"dog": 0.9, "animal": 0.95, "car": 0.8})
    return photo


class TestMuting:
    def test_a_muted_tag_is_nowhere_and_comes_back_when_it_is_shown_again(
        self, user: User, photo: Photo
    ) -> None:
        before = rows(user)
        muting.choose(user, tag("dog"), MUTED)
        assert rows(user) == before - {"dog"}
        assert chips(photo) == {"animal", "car", "vehicle"}
        corpus = search.corpus_of(user)
        assert search.tag_page(corpus, "dog").count == 0
        assert not search.find(corpus, "dog").page.photos
        assert "dog" not in search.suggest(corpus, "dog")
        assert "dog" not in search.roll_page(corpus).photos[0].seen
        assert differences(user.pk) == []
        muting.choose(user, tag("dog"), None)
        assert rows(user) == before
        assert differences(user.pk) == []

    def test_a_muted_tag_takes_narrower_ones_along(self, user: User, photo: Photo) -> None:
        muting.choose(user, tag("animal"), MUTED)
        assert chips(photo) == {"car", "vehicle"}
        assert "animals" not in rows(user)
        assert differences(user.pk) == []

    def test_a_muted_category_takes_its_tags_along(self, user: User, photo: Photo) -> None:
        muting.choose(user, tag("animals"), MUTED)
        assert chips(photo) == {"car", "vehicle"}
        assert [tile.slug for tile in search.rail_counts(search.corpus_of(user))] == ["vehicles"]
        assert differences(user.pk) == []

    def test_a_photo_that_comes_later_does_not_show_it_either(self, user: User) -> None:
        muting.choose(user, tag("dog"), MUTED)
        later = make_photo(user)
        annotate(later, {"dog": 0.9, "car": 0.9})
        assert chips(later) == {"car", "vehicle"}
        assert differences(user.pk) == []

    def test_it_holds_in_the_next_release(self, user: User, photo: Photo) -> None:
        other = make_release("efficientnet-lite0")
        muting.choose(user, tag("dog"), MUTED)
        pointers.begin(user.pk, other.pk)
        items = [annotation(photo, {"dog": 0.9, "car": 0.7})]
        assert store_annotations(user.pk, other.pk, Stream.BULK, items) == 1
        assert differences(user.pk) == []
        pointers.switch(user.pk, other.pk)
        assert chips(photo) == {"car", "vehicle"}
        pointers.roll_back(user.pk)
        assert chips(photo) == {"animal", "car", "vehicle"}

    def test_what_was_added_by_hand_stays_and_is_seen_again(self, user: User, photo: Photo) -> None:
        add_tag(user, photo, "boat")
        add_tag(user, photo, "Grandma")
        muting.choose(user, tag("boat"), MUTED)
        muting.choose(user, tag("my-tags"), MUTED)
        assert chips(photo) == {"dog", "animal", "car", "vehicle"}
        assert Verdict.objects.count() == 2
        assert differences(user.pk) == []
        muting.choose(user, tag("boat"), None)
        muting.choose(user, tag("my-tags"), None)
        assert {"boat", "grandma"} <= chips(photo)
        assert differences(user.pk) == []

    def test_a_muted_tag_can_not_be_added_before_it_is_shown_again(self, user: User, photo: Photo) -> None:
        muting.choose(user, tag("animals"), MUTED)
        with pytest.raises(TagRefused, match="Show it again"):
            add_tag(user, photo, "cat")

    def test_it_is_one_persons_wish_alone(self, user: User, photo: Photo) -> None:
        other = make_photo(make_user())
        annotate(other, {"dog": 0.9})
        muting.choose(user, tag("dog"), MUTED)
        assert "dog" in chips(other)
        assert differences(other.owner_id) == []

    def test_a_word_that_names_a_muted_tag_still_finds_file_names(self, user: User) -> None:
        named = make_photo(user, name="dog.jpg")
        muting.choose(user, tag("dog"), MUTED)
        assert search.find(search.corpus_of(user), "dog").page.photos == [named]


class TestHiding:
    def test_it_is_left_out_of_the_magic_view_alone(self, user: User, photo: Photo) -> None:
        version = Corpus.objects.get(owner=user).version
        muting.choose(user, tag("animals"), HIDDEN)
        muting.choose(user, tag("car"), HIDDEN)
        corpus = search.corpus_of(user)
        shelves = {shelf.slug: [tile.slug for tile in shelf.tags] for shelf in search.magic_view(corpus)}
        assert "animals" not in shelves
        assert "car" not in shelves["vehicles"]
        assert {"dog", "car"} <= chips(photo)
        assert search.tag_page(corpus, "animals").count == 1
        assert search.find(corpus, "dog").page.photos == [photo]
        assert corpus.version > version  # pages in caches are made anew
        assert differences(user.pk) == []

    def test_muting_takes_the_place_of_hiding(self, user: User, photo: Photo) -> None:
        muting.choose(user, tag("dog"), HIDDEN)
        muting.choose(user, tag("dog"), MUTED)
        chosen = muting.chosen_by(user)
        assert ([one.slug for one in chosen.muted], chosen.hidden) == (["dog"], [])


class TestWords:
    def test_tags_and_categories_are_found_by_name(self, user: User, photo: Photo) -> None:
        own = add_tag(user, photo, "Grandma")
        assert muting.tag_called(user, " grandma ") == own
        assert muting.tag_called(user, "Dogs") == tag("dog")
        assert muting.tag_called(user, "animals").kind == Tag.Kind.CATEGORY

    @pytest.mark.parametrize("words", ["", "  ", "no such thing", "\x00"])
    def test_unknown_ones_are_refused(self, user: User, words: str) -> None:
        with pytest.raises(muting.UnknownWord):
            muting.tag_called(user, words)

    def test_another_persons_own_tag_is_unknown(self, user: User, photo: Photo) -> None:
        own = add_tag(user, photo, "Grandma")
        for ask in (
            lambda: muting.tag_called(make_user(), "Grandma"),
            lambda: muting.tag_of(make_user(), own.pk),
        ):
            with pytest.raises(muting.UnknownWord):
                ask()


DOG = "dog"


def judged(user: User, score: float, how: str, count: int = ENOUGH) -> list[Photo]:
    """Make photos with a score, all of them judged."""
    photos = [make_photo(user, JUNE - timedelta(days=day)) for day in range(count)]
    for photo in photos:
        scored(photo, DOG, score)
        if how == "rejected":
            reject_tag(user, photo, tag(DOG).pk)
        else:
            add_tag(user, photo, DOG)
    return photos


@pytest.fixture
def near_ones(user: User) -> Iterator[tuple[Photo, Photo]]:
    """A photo just above the release's threshold, and one just below."""
    above, below = make_photo(user), make_photo(user)
    scored(above, DOG, threshold(DOG) + 0.02)
    scored(below, DOG, threshold(DOG) - 0.02)
    assert DOG in chips(above)
    assert DOG not in chips(below)
    yield above, below
    assert differences(user.pk) == []


class TestLearning:
    def test_rejections_raise_a_threshold(self, user: User, near_ones: tuple[Photo, Photo]) -> None:
        judged(user, threshold(DOG) + 0.05, "rejected")
        assert learning.learn(user.pk) == 1
        row = LearnedThreshold.objects.get(owner=user)
        assert (row.offset > 0.5, row.rejected, row.added, row.verdicts) == (True, ENOUGH, 0, ENOUGH)
        above, _ = near_ones
        assert DOG not in chips(above)

    def test_additions_lower_it(self, user: User, near_ones: tuple[Photo, Photo]) -> None:
        judged(user, threshold(DOG) - 0.1, "added")
        learning.learn(user.pk)
        assert LearnedThreshold.objects.get(owner=user).offset < -0.5
        above, below = near_ones
        assert DOG in chips(above)
        assert DOG in chips(below)

    def test_it_is_learnt_once_until_enough_is_new(self, user: User) -> None:
        judged(user, threshold(DOG) + 0.05, "rejected")
        assert (learning.learn(user.pk), learning.learn(user.pk)) == (1, 0)
        judged(user, threshold(DOG) + 0.05, "rejected", 3)
        assert learning.learn(user.pk) == 0
        judged(user, threshold(DOG) + 0.05, "rejected", 1)
        assert learning.learn(user.pk) == 1

    def test_too_few_teach_nothing(self, user: User, near_ones: tuple[Photo, Photo]) -> None:
        judged(user, threshold(DOG) + 0.05, "rejected", ENOUGH - 1)
        assert learning.learn(user.pk) == 0
        assert not LearnedThreshold.objects.exists()
        assert DOG in chips(near_ones[0])

    def test_the_release_s_own_can_be_used_again_and_the_learnt_one_too(
        self, user: User, near_ones: tuple[Photo, Photo]
    ) -> None:
        judged(user, threshold(DOG) + 0.05, "rejected")
        learning.learn(user.pk)
        above, _ = near_ones
        assert learning.ignore(user, tag(DOG).pk, ignored=True)
        assert DOG in chips(above)
        assert differences(user.pk) == []
        judged(user, threshold(DOG) + 0.05, "rejected")
        learning.learn(user.pk)  # which goes on, for when it is wanted again
        assert DOG in chips(above)
        assert learning.ignore(user, tag(DOG).pk, ignored=False)
        assert DOG not in chips(above)
        assert not learning.ignore(user, tag("cat").pk, ignored=True)

    def test_nobody_elses_words_count(self, user: User, near_ones: tuple[Photo, Photo]) -> None:
        other = make_user()
        judged(other, threshold(DOG) + 0.05, "rejected")
        assert learning.learn(user.pk) == 0
        assert learning.learn(other.pk) == 1
        assert wishes_of(user.pk).offsets == {}
        assert DOG in chips(near_ones[0])

    def test_taking_the_words_back_forgets_it(self, user: User, near_ones: tuple[Photo, Photo]) -> None:
        judged(user, threshold(DOG) + 0.05, "rejected")
        learning.learn(user.pk)
        for photo in Photo.objects.owned_by(user):
            undo_verdict(user, photo, tag(DOG).pk)
        learning.learn(user.pk)
        assert not LearnedThreshold.objects.exists()
        assert DOG in chips(near_ones[0])

    def test_the_sweep_sees_to_it(self, user: User, near_ones: tuple[Photo, Photo]) -> None:
        judged(user, threshold(DOG) + 0.05, "rejected")
        sweep_changed()
        assert LearnedThreshold.objects.filter(owner=user, offset__gt=0).exists()

    def test_it_goes_for_another_release_and_is_learnt_anew_there(self, user: User) -> None:
        judged(user, threshold(DOG) + 0.05, "rejected")
        learning.learn(user.pk)
        offset = LearnedThreshold.objects.get(owner=user).offset
        other = make_release("efficientnet-lite0")
        pointers.begin(user.pk, other.pk)
        thresholds = release_tags(other.pk).thresholds
        assert wishes_of(user.pk).rules(other.pk).own[tag(DOG).pk] == pytest.approx(
            moved(thresholds[tag(DOG).pk], offset)
        )
        surely = make_photo(user)
        scored(surely, DOG, 0.99, release=other.pk)
        assert differences(user.pk) == []
        for photo in Photo.objects.owned_by(user).exclude(pk=surely.pk):
            annotate_with(other.pk, photo)
        pointers.switch(user.pk, other.pk)
        assert differences(user.pk) == []
        assert learning.learn(user.pk) == 1
        row = LearnedThreshold.objects.get(owner=user)
        assert (row.release_id, row.offset) == (other.pk, 0.0)  # this one does not say it on those photos
        assert differences(user.pk) == []


def annotate_with(release_id: int, photo: Photo) -> None:
    items = [annotation(photo, {"car": 0.9})]
    assert store_annotations(photo.owner_id, release_id, Stream.BULK, items) == 1


SCORES = st.sampled_from([0.02, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0])
SLUGS = ["dog", "cat", "animal", "car"]


class WishMachine(RuleBasedStateMachine):
    """Wishes in every order with what a release says, faintly too: readers find what a recompute finds.

    Photos follow a few at a time (`a_few_at_a_time`), so that most steps come upon a wish that is half carried out.
    """

    @initialize()
    def begin(self) -> None:
        self.user = make_user()
        self.other = make_release("efficientnet-lite0").pk
        for _ in range(3):
            make_photo(self.user)
        self.own = add_tag(self.user, self.photo(0), "Grandma")

    def photo(self, number: int) -> Photo:
        return Photo.objects.owned_by(self.user).order_by("id")[number]

    @property
    def corpus(self) -> Corpus:
        return Corpus.objects.get(owner=self.user)

    @rule(number=st.integers(0, 2), slugs=st.dictionaries(st.sampled_from(SLUGS), SCORES), old=st.booleans())
    def annotate(self, number: int, slugs: dict[str, float], old: bool) -> None:
        release = self.corpus.active_id if old else self.corpus.filling_id
        if release is None:
            return
        photo = self.photo(number)
        known = [one.slug for one in load_builtin().tags]
        shown = {slug: score for slug, score in slugs.items() if score >= threshold(slug)}
        less = {slug: score for slug, score in slugs.items() if slug not in shown}
        faint = Said(
            np.array([known.index(slug) for slug in less], np.int32),
            np.array(list(less.values()), np.float32),
        )
        plain = annotation(photo, shown)
        item = NewAnnotation(photo.id, 1, plain.embedding, plain.tags, plain.scores, faint=faint)
        store_annotations(self.user.pk, release, Stream.BULK, [item])

    @rule(slug=st.sampled_from([*SLUGS, "animals", "my-tags"]), kind=st.sampled_from([MUTED, HIDDEN, None]))
    def choose(self, slug: str, kind: TagChoice.Kind | None) -> None:
        muting.choose(self.user, tag(slug), kind)

    @rule(kind=st.sampled_from([MUTED, None]))
    def choose_own(self, kind: TagChoice.Kind | None) -> None:
        muting.choose(self.user, self.own, kind)

    @rule()
    def carry_on(self) -> None:
        """Let a worker make one piece, after whatever killed the last one."""
        republishing.carry_out(self.user.pk)

    @rule()
    def upload(self) -> None:
        make_photo(self.user)

    @rule(number=st.integers(0, 2), trashed=st.booleans())
    def trash(self, number: int, trashed: bool) -> None:
        (trash if trashed else restore)(self.user, [self.photo(number).pk])

    @rule(slug=st.sampled_from(SLUGS), offset=st.sampled_from([-2.0, -0.7, 0.0, 0.7, 2.0]))
    def teach(self, slug: str, offset: float) -> None:
        learned = {tag(slug).pk: learning._Learned(offset, ENOUGH, 1, 1)}
        with learning.new_wishes(self.user.pk) as change:
            learning._store(change.corpus, learned)

    @rule(slug=st.sampled_from(SLUGS), ignored=st.booleans())
    def ignore(self, slug: str, ignored: bool) -> None:
        learning.ignore(self.user, tag(slug).pk, ignored=ignored)

    @rule(number=st.integers(0, 2), slug=st.sampled_from(SLUGS))
    def reject(self, number: int, slug: str) -> None:
        reject_tag(self.user, self.photo(number), tag(slug).pk)

    @rule(number=st.integers(0, 2), slug=st.sampled_from([*SLUGS, "grandma"]))
    def add(self, number: int, slug: str) -> None:
        with suppress(TagRefused):  # what is muted can't be added
            add_tag(self.user, self.photo(number), slug)

    @rule()
    def fill_or_stop(self) -> None:
        if self.corpus.filling_id is None:
            Annotation.objects.filter(owner=self.user, release=self.other).delete()
            PhotoTag.objects.filter(owner=self.user, release=self.other).delete()
            Leftover.objects.filter(owner=self.user).delete()
            pointers.begin(self.user.pk, self.other)
        else:
            pointers.stop_filling(self.user.pk, self.other)

    @invariant()
    def equals_a_recompute(self) -> None:
        assert differences(self.user.pk) == []

    @invariant()
    def chips_and_rows_agree(self) -> None:
        corpus = self.corpus
        for photo in Photo.objects.owned_by(self.user).live():
            mine = PhotoTag.objects.seen_in(corpus).filter(photo=photo)
            tags = mine.exclude(tag__kind="category").values_list("tag__slug", flat=True)
            assert chips(photo) == set(tags)

    @invariant()
    def counts_equal_lists(self) -> None:
        corpus = search.corpus_of(self.user)
        counted = {row.tag.slug: row.count for row in counts(corpus).select_related("tag")}
        for slug in {*SLUGS, "animals", "my-tags", "grandma"}:
            page = search.tag_page(corpus, slug)
            assert page.count == len(page.page.photos) == counted.get(slug, 0)

    @invariant()
    def what_is_muted_is_nowhere(self) -> None:
        """At once, however far its rows have come."""
        corpus = search.corpus_of(self.user)
        for choice in TagChoice.objects.filter(owner=self.user, kind=MUTED).select_related("tag"):
            assert search.tag_page(corpus, choice.tag.slug).count == 0
            assert not search.find(corpus, choice.tag.name).page.photos

    def teardown(self) -> None:
        republishing.carry_out(self.user.pk, float("inf"))
        assert not republishing.is_at_work(self.user.pk)
        corpus = Corpus.objects.get(owner=self.user)
        wanted = published(corpus, wishes=wishes_of(self.user.pk))
        assert published(corpus).rows == wanted.rows
        assert differences(self.user.pk) == []


@pytest.fixture
def a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one photo follow a wish before it is answered, and one more with each piece."""
    monkeypatch.setattr(republishing, "PHOTOS_PER_CHANGE", 1)
    monkeypatch.setattr(republishing, "AT_ONCE_S", -1.0)
    monkeypatch.setattr(concerned, "SPAN", 2)


@pytest.mark.usefixtures("a_few_at_a_time")
class TestManyPhotos:
    """A wish takes effect at once; rows follow in pieces."""

    @pytest.fixture
    def photos(self, user: User) -> list[Photo]:
        photos = [make_photo(user, JUNE - timedelta(days=day)) for day in range(5)]
        for photo in photos:
            annotate(photo, {"dog": 0.9, "car": 0.8})
        return photos

    def test_a_mute_is_everywhere_before_the_rows_have_followed(
        self, user: User, photos: list[Photo]
    ) -> None:
        muting.choose(user, tag("dog"), MUTED)
        corpus = search.corpus_of(user)
        assert republishing.left_to_follow(corpus) == 4
        assert "dog" in rows(user)
        assert search.tag_page(corpus, "dog").count == 0
        assert not search.find(corpus, "dog").page.photos
        assert not any("dog" in chips(photo) for photo in photos)
        assert "dog" not in search.roll_page(corpus).photos[0].seen
        assert "dog" not in {one.slug for shelf in search.magic_view(corpus) for one in shelf.tags}
        assert differences(user.pk) == []

    def test_whoever_is_killed_the_next_one_goes_on(self, user: User, photos: list[Photo]) -> None:
        muting.choose(user, tag("dog"), MUTED)
        left = [republishing.left_to_follow(search.corpus_of(user))]
        while republishing.owners_with_work() == [user.pk]:
            republishing.carry_out(user.pk)
            left.append(republishing.left_to_follow(search.corpus_of(user)))
            assert differences(user.pk) == []
        assert left == [4, 3, 2, 1, 0]
        assert "dog" not in rows(user)
        version = Corpus.objects.get(owner=user).version
        assert republishing.carry_out(user.pk)
        assert Corpus.objects.get(owner=user).version == version

    def test_a_tag_that_is_shown_again_has_what_its_list_has(self, user: User, photos: list[Photo]) -> None:
        muting.choose(user, tag("dog"), MUTED)
        republishing.carry_out(user.pk, float("inf"))
        muting.choose(user, tag("dog"), None)
        for there in range(1, 6):
            page = search.tag_page(search.corpus_of(user), "dog")
            assert (page.count, len(page.page.photos)) == (there, there)
            republishing.carry_out(user.pk)
        assert not republishing.is_at_work(user.pk)

    def test_a_wish_that_comes_meanwhile_is_carried_out_next(self, user: User, photos: list[Photo]) -> None:
        muting.choose(user, tag("dog"), MUTED)
        muting.choose(user, tag("car"), MUTED)
        muting.choose(user, tag("dog"), None)
        assert search.tag_page(search.corpus_of(user), "car").count == 0
        republishing.carry_out(user.pk, float("inf"))
        assert {"dog", "animal"} <= rows(user)
        assert "car" not in rows(user)
        assert differences(user.pk) == []

    def test_what_is_uploaded_meanwhile_follows_the_new_wish(self, user: User, photos: list[Photo]) -> None:
        muting.choose(user, tag("dog"), MUTED)
        new = make_photo(user)
        annotate(new, {"dog": 0.9, "car": 0.8})
        assert not PhotoTag.objects.filter(owner=user, photo=new, tag=tag("dog")).exists()
        assert "dog" not in chips(new)
        republishing.carry_out(user.pk, float("inf"))
        assert differences(user.pk) == []

    def test_the_sweep_finds_what_a_lost_hint_left(self, user: User, photos: list[Photo]) -> None:
        muting.choose(user, tag("dog"), MUTED)
        with patch.object(tasks.follow_wishes, "delay") as sent:
            tasks.sweep()
        sent.assert_called_once_with(user.pk)
        tasks.follow_wishes(user.pk)
        assert not republishing.is_at_work(user.pk)


@pytest.mark.usefixtures("a_few_at_a_time")
def test_wishes_in_any_order_equal_a_recompute_from_nothing() -> None:
    run_state_machine_as_test(
        WishMachine,
        settings=settings(max_examples=12, stateful_step_count=15, suppress_health_check=list(HealthCheck)),
    )
