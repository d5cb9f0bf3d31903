from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db.models import QuerySet
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from magicroll import services
from magicroll.models import Photo, User
from tagging import own_tags, search
from tagging.models import (
    Annotation,
    Corpus,
    Embedding,
    Outstanding,
    PhotoTag,
    Stream,
    Tag,
    TagCount,
    Verdict,
)
from tagging.releases import release_tags
from tagging.services import add_tag, reject_tag, undo_verdict
from tagging.verify import differences
from tagging.vocabulary import load_builtin
from tagging.writer import NewAnnotation, corpus_change, store_annotations
from tests.factories import JUNE, annotate, annotation, make_photo, make_release, make_user
from tests.tagging.own_tags.eyes import few_dimensions
from tests.tagging.refill.crew import turn

pytestmark = pytest.mark.django_db


def delete_for_good(user: User, photo: Photo) -> None:
    services.trash(user, [photo.id])
    assert services.purge(user, [photo.id]) == 1


def visible(photo: Photo) -> set[str]:
    corpus = search.corpus_of(photo.owner)
    return {chip.slug for chip in search.photo_tags(corpus, photo).tags}


def test_an_annotation_brings_tags_parents_counts_and_a_cover():
    photo = make_photo(make_user())
    annotate(photo, {"dog": 0.9})
    rows = PhotoTag.objects.filter(owner=photo.owner).values_list("tag__slug", "score")
    assert {slug for slug, _ in rows} == {"dog", "animal", "animals"}
    assert {score for _, score in rows} == {float(np.float16(0.9))}
    counts = TagCount.objects.filter(owner=photo.owner).values_list("count", "cover")
    assert set(counts) == {(1, photo.id)}


def test_each_change_adds_one_to_the_version_and_marks_what_it_touched():
    user = make_user()
    photo, other = make_photo(user), make_photo(user)
    before = Corpus.objects.get(owner=user).version
    annotate(photo, {"dog": 0.9})
    photo.refresh_from_db()
    other.refresh_from_db()
    assert Corpus.objects.get(owner=user).version == before + 1
    assert photo.version == before + 1
    assert other.version == before


def test_an_error_inside_a_change_leaves_nothing():
    user = make_user()
    photo = make_photo(user)
    before = Corpus.objects.get(owner=user).version

    def fail_halfway() -> None:
        with corpus_change(user.pk) as change:
            change.touch([photo.id])
            Photo.objects.filter(pk=photo.pk).update(trashed_at=JUNE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert Corpus.objects.get(owner=user).version == before
    assert Photo.objects.live().filter(pk=photo.pk).exists()


def test_storing_twice_is_storing_once():
    photo = make_photo(make_user())
    annotate(photo, {"dog": 0.9, "cat": 0.6})
    rows = list(PhotoTag.objects.order_by("tag").values_list("tag", "score"))
    annotate(photo, {"dog": 0.9, "cat": 0.6})
    assert list(PhotoTag.objects.order_by("tag").values_list("tag", "score")) == rows
    assert Annotation.objects.count() == 1


def test_an_annotation_of_older_pixels_is_dropped_and_the_photo_stays_outstanding():
    photo = make_photo(make_user())
    old = annotation(photo, {"cat": 0.9})
    Photo.objects.filter(pk=photo.pk).update(revision=2)
    corpus = Corpus.objects.get(owner=photo.owner)
    assert store_annotations(photo.owner_id, corpus.active_id, Stream.BULK, [old]) == 0
    assert not Annotation.objects.exists()
    assert Outstanding.objects.filter(photo=photo).exists()


def test_an_annotation_of_a_photo_that_was_deleted_meanwhile_is_dropped():
    user = make_user()
    photo = make_photo(user)
    late = annotation(photo, {"cat": 0.9})
    delete_for_good(user, photo)
    corpus = Corpus.objects.get(owner=user)
    assert store_annotations(user.pk, corpus.active_id, Stream.REALTIME, [late]) == 0
    assert not Annotation.objects.exists()


def test_an_annotation_cannot_name_somebody_elses_photo():
    alice, bob = make_user(), make_user()
    photo = make_photo(alice)
    corpus = Corpus.objects.get(owner=bob)
    assert store_annotations(bob.pk, corpus.active_id, Stream.REALTIME, [annotation(photo, {"dog": 1})]) == 0


def test_a_photo_that_was_restored_meanwhile_is_not_deleted():
    user = make_user()
    photo = make_photo(user)
    services.trash(user, [photo.id])
    services.restore(user, [photo.id])
    assert services.purge(user, [photo.id]) == 0
    assert Photo.objects.owned_by(user).live().get() == photo


def test_a_release_that_the_corpus_no_longer_has_stores_nothing():
    photo = make_photo(make_user())
    other = make_release("efficientnet-lite0")
    assert store_annotations(photo.owner_id, other.pk, Stream.BULK, [annotation(photo, {"dog": 0.9})]) == 0
    assert not Annotation.objects.exists()


def test_a_rejected_tag_takes_its_children_and_stays_away():
    user = make_user()
    photo = make_photo(user)
    annotate(photo, {"dog": 0.9, "animal": 0.95})
    reject_tag(user, photo, Tag.objects.get(slug="animal").pk)
    assert visible(photo) == set()
    annotate(photo, {"dog": 0.99, "animal": 0.99})
    assert visible(photo) == set()
    undo_verdict(user, photo, Tag.objects.get(slug="animal").pk)
    assert visible(photo) == {"dog", "animal"}


def test_an_own_tag_has_its_own_category():
    user = make_user()
    photo = make_photo(user)
    add_tag(user, photo, "Grandma’s garden party")
    shelves = search.magic_view(search.corpus_of(user))
    assert [(shelf.slug, shelf.count, [tag.name for tag in shelf.tags]) for shelf in shelves] == [
        ("my-tags", 1, ["Grandma’s garden party"])
    ]


def test_deleting_a_photo_takes_everything_that_hangs_on_it():
    user = make_user()
    photo = make_photo(user)
    annotate(photo, {"dog": 0.9})
    add_tag(user, photo, "Rex")
    delete_for_good(user, photo)
    assert not any(
        model.objects.exists() for model in (Annotation, Embedding, PhotoTag, TagCount, Outstanding)
    )
    assert differences(user.pk) == []


def annotated_with(user: User, tag: Tag) -> QuerySet[Verdict]:
    """Verdicts that say that an own tag is on a photo which a network has seen."""
    seen = Embedding.objects.filter(owner=user).values("photo")
    return Verdict.objects.filter(owner=user, tag=tag, kind=Verdict.Kind.ADDED, photo__in=seen)


SLUGS = ["dog", "cat", "animal", "pizza", "car"]
DATES = st.integers(0, 5).map(lambda n: datetime(2024, 5, 30, tzinfo=UTC) + timedelta(days=n))
SCORES = st.sampled_from([0.25, 0.5, 0.75, 1.0])
SAID = st.dictionaries(st.sampled_from(SLUGS), SCORES, max_size=3)


class CorpusMachine(RuleBasedStateMachine):
    """Whatever is done in whatever order, the end equals a recompute from nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.user = make_user()
        self.gone: list[Photo] = []
        self.slow: list[NewAnnotation] = []
        self.own_tag = own_tags.make(self.user, "garden party")

    def photos(self) -> list[Photo]:
        return list(Photo.objects.owned_by(self.user).order_by("id"))

    def pick(self, data: st.DataObject) -> Photo:
        return data.draw(st.sampled_from(self.photos()))

    @rule(taken_at=DATES)
    def upload(self, taken_at: datetime) -> None:
        make_photo(self.user, taken_at)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), said=SAID, seed=st.integers(0, 7), stale=st.booleans())
    def annotate(self, data: st.DataObject, said: dict[str, float], seed: int, stale: bool) -> None:
        photo = self.pick(data)
        if stale:
            photo.revision -= 1
        annotate(photo, said, seed)

    @precondition(lambda self: self.photos())
    @rule(data=st.data())
    def rotate(self, data: st.DataObject) -> None:
        photo = self.pick(data)
        tags = visible(photo)
        turn(self.user, photo.pk)
        assert visible(photo) == tags  # they stay until new ones are found
        assert Outstanding.objects.filter(photo=photo, attempts=0).exists()

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), said=SAID)
    def look_slowly(self, data: st.DataObject, said: dict[str, float]) -> None:
        """A bulk worker has seen a photo, and will come to say so some time."""
        self.slow.append(annotation(self.pick(data), said))

    @precondition(lambda self: self.slow)
    @rule(place=st.integers(0, 9))
    def say_at_last(self, place: int) -> None:
        late = self.slow.pop(place % len(self.slow))
        revisions = dict(Photo.objects.owned_by(self.user).values_list("id", "revision"))
        before = self.annotations()
        stored = store_annotations(
            self.user.pk, Corpus.objects.get(owner=self.user).active_id, Stream.BULK, [late]
        )
        is_of_its_pixels = revisions.get(late.photo_id) == late.revision
        assert stored == is_of_its_pixels
        assert is_of_its_pixels or self.annotations() == before

    def annotations(self) -> list[tuple[object, ...]]:
        """What releases say, with the revision of the pixels that each speaks of."""
        rows = Annotation.objects.filter(owner=self.user).order_by("photo")
        return [
            (*row[:2], *map(bytes, row[2:]))
            for row in rows.values_list("photo", "revision", "tag_ids", "scores")
        ]

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), word=st.sampled_from([*SLUGS, "own word"]))
    def add(self, data: st.DataObject, word: str) -> None:
        add_tag(self.user, self.pick(data), word)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), slug=st.sampled_from(SLUGS))
    def reject(self, data: st.DataObject, slug: str) -> None:
        reject_tag(self.user, self.pick(data), Tag.objects.get(slug=slug).pk)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), slug=st.sampled_from(SLUGS))
    def undo(self, data: st.DataObject, slug: str) -> None:
        undo_verdict(self.user, self.pick(data), Tag.objects.get(slug=slug).pk)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), act=st.sampled_from([services.trash, services.restore, services.purge]))
    def move(self, data: st.DataObject, act: object) -> None:
        act(self.user, [self.pick(data).id])

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), taken_at=DATES)
    def change_date(self, data: st.DataObject, taken_at: datetime) -> None:
        services.set_date(self.user, [self.pick(data).id], taken_at)

    @precondition(lambda self: self.photos())
    @rule(data=st.data())
    def take_the_cameras_date_again(self, data: st.DataObject) -> None:
        photo = self.pick(data)
        services.reset_date(self.user, [photo.id])
        found = photo.found_at or photo.taken_at
        photo.refresh_from_db()
        assert (photo.taken_at, photo.taken_from, photo.found_at) == (found, "exif", None)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), kind=st.sampled_from([*Verdict.Kind, Verdict.Kind.ADDED, None]))
    def judge(self, data: st.DataObject, kind: Verdict.Kind | None) -> None:
        own_tags.judge(self.user, self.own_tag, [self.pick(data).id], kind)

    @rule(percent=st.sampled_from([1, 30, 60, 99]), at_once=st.booleans())
    def teach(self, percent: int, at_once: bool) -> None:
        try:
            own_tags.teach(self.user, self.own_tag, percent / 100, until=float("inf") if at_once else 0.0)
        except own_tags.OwnTagRefused:
            assert not annotated_with(self.user, self.own_tag).exists()

    @rule()
    def settle(self) -> None:
        assert own_tags.settle(self.user.pk, float("inf"))

    @rule()
    def stop(self) -> None:
        own_tags.stop(self.user, self.own_tag)

    @rule()
    def forget_and_begin_again(self) -> None:
        own_tags.forget(self.user, self.own_tag)
        self.own_tag = own_tags.make(self.user, "garden party")

    @invariant()
    def equals_a_recompute(self) -> None:
        assert differences(self.user.pk) == []

    @invariant()
    def counts_are_the_lengths_of_their_lists(self) -> None:
        corpus = search.corpus_of(self.user)
        for tile in search.rail_counts(corpus):
            assert len(search.tag_page(corpus, tile.slug, limit=500).page.photos) == tile.count
        assert len(search.roll_page(corpus, limit=500).photos) == sum(m.count for m in search.months(corpus))


def test_any_interleaving_equals_a_recompute_from_nothing():
    with few_dimensions():
        run_state_machine_as_test(
            CorpusMachine,
            settings=settings(
                max_examples=15,
                stateful_step_count=20,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_the_test_vocabulary_has_the_tags_used_here():
    known = {tag.slug for tag in load_builtin().tags}
    assert known.issuperset(SLUGS)
    corpus = Corpus.objects.get(owner=make_user())
    assert len(release_tags(corpus.active_id).ids) == len(known)
