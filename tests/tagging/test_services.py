from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from pytest_django import Settings

from magicroll import services as roll
from magicroll.models import Photo, User
from tagging import search, seeing, taggers, tasks
from tagging.ml.install import NotInstalled
from tagging.ml.registry import ENCODERS
from tagging.models import Annotation, Corpus, Embedding, Encoder, Outstanding
from tagging.services import annotate_some, retry
from tagging.verify import differences
from tests.factories import make_photo, make_user
from tests.tagging.colours import ColourTagger, delete_pictures, store_pictures
from tests.tagging.test_outstanding import expire_leases, rotate

pytestmark = pytest.mark.django_db

NO_PREVIEW = "The preview of this photo is missing from the storage."
Make = Callable[..., Photo]


@pytest.fixture
def tagger(monkeypatch: pytest.MonkeyPatch) -> ColourTagger:
    seer = ColourTagger()
    monkeypatch.setattr("tagging.seeing.tagger_for", lambda release_id: seer)
    return seer


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What would go to the broker."""
    messages: list[tuple[str, int]] = []
    for name in ("annotate", "compact_index"):
        monkeypatch.setattr(
            getattr(tasks, name), "delay", lambda owner, name=name: messages.append((name, owner))
        )
    return messages


@pytest.fixture
def photo_of() -> Iterator[Make]:
    """Make photos of one colour, with their pictures in the storage."""
    made: list[Photo] = []

    def make(user: User, colour: str = "red", **fields: object) -> Photo:
        photo = make_photo(user, width=64, height=48, **fields)
        store_pictures(photo, colour)
        made.append(photo)
        return photo

    yield make
    for photo in made:
        for revision in range(1, 3):
            photo.revision = revision
            delete_pictures(photo)


def purge(user: User, photo_ids: Sequence[int]) -> int:
    roll.trash(user, photo_ids)
    return roll.purge(user, photo_ids)


def visible(photo: Photo) -> set[str]:
    return {chip.slug for chip in search.photo_tags(search.corpus_of(photo.owner), photo).tags}


def note(photo: Photo) -> Outstanding:
    return Outstanding.objects.get(photo=photo)


@pytest.mark.usefixtures("tagger")
def test_each_photo_gets_the_tags_of_its_own_pixels(photo_of: Make):
    user = make_user()
    photos = [photo_of(user, colour) for colour in ("red", "lime", "blue", "red")]
    assert annotate_some(user.pk) == 4
    for photo, tag in zip(photos, ("dog", "plant", "boat", "dog"), strict=True):
        assert visible(photo) & {"dog", "plant", "boat"} == {tag}
    assert not Outstanding.objects.exists()
    assert annotate_some(user.pk) == 0
    assert differences(user.pk) == []


@pytest.mark.usefixtures("tagger")
def test_the_newest_come_first_and_no_more_than_asked(photo_of: Make):
    user = make_user()
    photos = [photo_of(user) for _ in range(3)]
    assert annotate_some(user.pk, limit=2) == 2
    assert [row.photo_id for row in Outstanding.objects.all()] == [photos[0].id]


def test_an_account_that_is_gone_needs_nothing(tagger: ColourTagger, photo_of: Make):
    assert annotate_some(10**9) == 0
    user = make_user()
    photo_of(user)

    def delete_account() -> None:
        purge(user, list(Photo.objects.owned_by(user).values_list("id", flat=True)))
        User.objects.filter(pk=user.pk).delete()

    tagger.encoder.watch = delete_account
    assert annotate_some(user.pk) == 1
    assert annotate_some(user.pk) == 0
    assert not Annotation.objects.exists()


class TestFaultyPhotos:
    @pytest.mark.usefixtures("tagger")
    def test_a_missing_preview_sets_that_photo_aside_and_no_other(self, photo_of: Make):
        user = make_user()
        lost, whole = photo_of(user), photo_of(user)
        delete_pictures(lost)
        assert annotate_some(user.pk) == 2
        assert note(lost).set_aside_reason == NO_PREVIEW
        assert "dog" in visible(whole)
        assert annotate_some(user.pk) == 0

    @pytest.mark.usefixtures("tagger")
    def test_a_broken_preview_sets_that_photo_aside_and_no_other(self, photo_of: Make):
        user = make_user()
        broken, whole = photo_of(user), photo_of(user)
        delete_pictures(broken)
        for name in (broken.preview_file, broken.thumbnail_file):
            default_storage.save(name, ContentFile(b"\xff\xd8\xff not a picture"))
        assert annotate_some(user.pk) == 2
        assert "can't be read" in note(broken).set_aside_reason
        assert "dog" in visible(whole)

    @pytest.mark.usefixtures("tagger")
    def test_it_is_tried_again_when_its_owner_asks(self, photo_of: Make):
        user = make_user()
        photo = photo_of(user, "blue")
        delete_pictures(photo)
        annotate_some(user.pk)
        store_pictures(photo, "blue")
        assert annotate_some(user.pk) == 0
        retry(user.pk, [photo.id])
        assert annotate_some(user.pk) == 1
        assert "boat" in visible(photo)

    @pytest.mark.usefixtures("tagger")
    def test_nobody_can_ask_for_somebody_elses(self, photo_of: Make):
        user = make_user()
        photo = photo_of(user)
        delete_pictures(photo)
        annotate_some(user.pk)
        retry(make_user().pk, [photo.id])
        assert note(photo).set_aside_reason == NO_PREVIEW


class TestOutages:
    """No photo is to blame: all are free again at once, and no attempt is counted."""

    @pytest.mark.usefixtures("tagger")
    def test_of_the_storage(self, photo_of: Make, monkeypatch: pytest.MonkeyPatch):
        user = make_user()
        photos = [photo_of(user) for _ in range(3)]
        with monkeypatch.context() as away:

            def unreachable(name: str, mode: str = "rb") -> None:
                raise ConnectionError("the storage is away")

            away.setattr(default_storage, "open", unreachable)
            for _ in range(5):
                with pytest.raises(ConnectionError):
                    annotate_some(user.pk)
        assert [(note(p).attempts, note(p).claimed_until) for p in photos] == [(0, None)] * 3
        assert annotate_some(user.pk) == 3

    def test_of_the_model(self, photo_of: Make, settings: Settings, tmp_path: Path):
        taggers.forget()
        settings.MODELS_DIR = tmp_path
        user = make_user()
        photo = photo_of(user)
        for _ in range(5):
            with pytest.raises(NotInstalled):
                annotate_some(user.pk)
        assert (note(photo).attempts, note(photo).claimed_until) == (0, None)

    def test_of_the_right_model(self, photo_of: Make):
        taggers.forget()
        user = make_user()
        photo = photo_of(user)
        Encoder.objects.update(sha256="0" * 64)
        with pytest.raises(taggers.WrongEncoder):
            annotate_some(user.pk)
        assert (note(photo).attempts, note(photo).claimed_until) == (0, None)

    def test_new_pixels_during_an_outage_stay_outstanding(self, tagger: ColourTagger, photo_of: Make):
        user = make_user()
        photo = photo_of(user)

        def rotate_and_fail() -> None:
            rotate(photo)
            raise ConnectionError("the storage is away")

        tagger.encoder.watch = rotate_and_fail
        with pytest.raises(ConnectionError):
            annotate_some(user.pk)
        assert (note(photo).attempts, note(photo).claimed_until) == (0, None)


class TestBatchAfterBatch:
    """While one batch is committed, the next one is encoded."""

    UNTIL = float("inf")

    def test_all_are_annotated_each_by_its_own_pixels(self, tagger: ColourTagger, photo_of: Make):
        user = make_user()
        photos = [photo_of(user, colour) for colour in ("red", "lime", "blue", "red", "lime")]
        held: list[int] = []
        tagger.encoder.watch = lambda: held.append(Outstanding.objects.filter(attempts=1).count())
        assert annotate_some(user.pk, 2, until=self.UNTIL) == 5
        assert held == [4, 3, 1]  # two batches are leased at a time
        for photo, tag in zip(photos, ("dog", "plant", "boat", "dog", "plant"), strict=True):
            assert visible(photo) & {"dog", "plant", "boat"} == {tag}
        assert not Outstanding.objects.exists()
        assert differences(user.pk) == []

    def test_a_suspect_has_nothing_beside_it(self, tagger: ColourTagger, photo_of: Make):
        user = make_user()
        for _ in range(4):
            photo_of(user)
        suspects = Outstanding.objects.order_by("photo_id")[:2].values("photo_id")
        Outstanding.objects.filter(photo__in=suspects).update(attempts=1)
        held: list[list[int]] = []

        def watch() -> None:
            leased = Outstanding.objects.filter(claimed_until__gt=timezone.now())
            held.append(sorted(leased.values_list("attempts", flat=True)))

        tagger.encoder.watch = watch
        assert annotate_some(user.pk, 1, until=self.UNTIL) == 4
        assert held == [[1, 1], [1], [2], [2]]

    def test_an_outage_frees_both_batches_and_counts_no_attempt(self, tagger: ColourTagger, photo_of: Make):
        user = make_user()
        photos = [photo_of(user) for _ in range(4)]

        def fail() -> None:
            raise ConnectionError("the storage is away")

        tagger.encoder.watch = fail
        with pytest.raises(ConnectionError):
            annotate_some(user.pk, 2, until=self.UNTIL)
        assert [(note(p).attempts, note(p).claimed_until) for p in photos] == [(0, None)] * 4

    def test_an_unforeseen_error_counts_for_the_batch_that_met_it(self, tagger: ColourTagger, photo_of: Make):
        user = make_user()
        photos = [photo_of(user) for _ in range(4)]

        def fail() -> None:
            raise RuntimeError("a bug")

        tagger.encoder.watch = fail
        with pytest.raises(RuntimeError):
            annotate_some(user.pk, 2, until=self.UNTIL)
        assert [(note(p).attempts, note(p).claimed_until) for p in photos] == [(0, None)] * 2 + [
            (1, None)
        ] * 2


class TestMeanwhile:
    """What people do while a worker looks at their photos."""

    def test_new_pixels_are_seen_and_the_old_ones_forgotten(self, tagger: ColourTagger, photo_of: Make):
        user = make_user()
        photo = photo_of(user, "red")

        def turn_it_green() -> None:
            tagger.encoder.watch = lambda: None
            rotate(photo)
            photo.revision = 2
            store_pictures(photo, "lime")

        tagger.encoder.watch = turn_it_green
        assert annotate_some(user.pk) == 1
        assert visible(photo) == set()
        assert annotate_some(user.pk) == 1
        assert "plant" in visible(photo)
        assert Annotation.objects.get().revision == 2
        assert differences(user.pk) == []

    def test_old_pixels_that_vanish_do_not_set_the_new_ones_aside(
        self, photo_of: Make, monkeypatch: pytest.MonkeyPatch, tagger: ColourTagger
    ):
        user = make_user()
        photo = photo_of(user, "red")
        look_at = seeing.look_at

        def replaced(*args: object, **options: object) -> seeing.Look:
            if photo.revision == 1:
                delete_pictures(photo)
                rotate(photo)
                photo.revision = 2
                store_pictures(photo, "lime")
            return look_at(*args, **options)

        monkeypatch.setattr("tagging.seeing.look_at", replaced)
        annotate_some(user.pk)
        assert note(photo).set_aside_reason == ""
        annotate_some(user.pk)
        assert "plant" in visible(photo)

    @pytest.mark.parametrize("act", [roll.trash, purge], ids=["trash", "purge"])
    def test_a_photo_that_goes_shows_nowhere(
        self, tagger: ColourTagger, photo_of: Make, act: Callable[..., int]
    ):
        user = make_user()
        photo, other = photo_of(user), photo_of(user)
        tagger.encoder.watch = lambda: act(user, [photo.id])
        annotate_some(user.pk)
        corpus = search.corpus_of(user)
        assert [found.id for found in search.tag_page(corpus, "dog").page.photos] == [other.id]
        assert differences(user.pk) == []


class TestTasks:
    @pytest.mark.usefixtures("tagger")
    def test_running_one_twice_is_running_it_once(self, photo_of: Make, sent: list[tuple[str, int]]):
        user = make_user()
        photo = photo_of(user)
        tasks.annotate(user.pk)
        stored = list(Annotation.objects.values())
        version = Corpus.objects.get(owner=user).version
        tasks.annotate(user.pk)
        tasks.compact_index(10**9)
        tasks.annotate(10**9)
        assert list(Annotation.objects.values()) == stored
        assert Corpus.objects.get(owner=user).version == version
        assert "dog" in visible(photo)
        assert sent == []

    @pytest.mark.usefixtures("tagger")
    def test_after_a_slice_of_time_others_get_their_turn(
        self, photo_of: Make, sent: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("tagging.tasks.SLICE_S", -1.0)
        monkeypatch.setattr("tagging.services.annotate_some.__defaults__", (1,))
        user = make_user()
        photo_of(user)
        photo_of(user)
        tasks.annotate(user.pk)
        assert Outstanding.objects.count() == 1
        assert sent == [("annotate", user.pk)]

    @pytest.mark.usefixtures("tagger")
    def test_the_sweep_finds_what_lost_hints_left(self, photo_of: Make, sent: list[tuple[str, int]]):
        alice, bob, idle = make_user(), make_user(), make_user()
        photo_of(alice)
        photo_of(bob)
        Outstanding.objects.filter(owner=bob).delete()
        tasks.sweep()
        assert sorted(sent) == sorted([("annotate", alice.pk), ("annotate", bob.pk)])
        assert ("annotate", idle.pk) not in sent

    @pytest.mark.usefixtures("tagger")
    def test_the_sweep_leaves_alone_what_somebody_is_at(self, photo_of: Make, sent: list[tuple[str, int]]):
        photo = photo_of(make_user())
        Outstanding.objects.update(claimed_until=timezone.now() + timezone.timedelta(seconds=30), attempts=1)
        tasks.sweep()
        assert sent == []
        expire_leases()
        tasks.sweep()
        assert sent == [("annotate", photo.owner_id)]

    def test_a_long_tail_asks_for_compaction(
        self,
        photo_of: Make,
        sent: list[tuple[str, int]],
        monkeypatch: pytest.MonkeyPatch,
        tagger: ColourTagger,
    ):
        monkeypatch.setattr("tagging.snapshots.TAIL_ROWS", 2)
        user = make_user()
        photo_of(user)
        tasks.annotate(user.pk)
        assert sent == []
        photo_of(user)
        tasks.annotate(user.pk)
        assert sent == [("compact_index", user.pk)]


def test_the_real_encoder_sees_a_cat(models_dir: Path, settings: Settings, photo_of: Make):
    from PIL import Image
    from skimage.data import chelsea

    taggers.forget()
    settings.MODELS_DIR, settings.ONNX_PROVIDER = models_dir, "cpu"
    user = make_user()
    photo, grey = make_photo(user, width=451, height=300), photo_of(user, "grey")
    buffer = ContentFile(b"", name="cat.jpg")
    Image.fromarray(chelsea()).save(buffer, "JPEG", quality=90)
    default_storage.save(photo.thumbnail_file, ContentFile(buffer.file.getvalue()))
    try:
        assert annotate_some(user.pk) == 2
    finally:
        default_storage.delete(photo.thumbnail_file)
        taggers.forget()
    assert {"cat", "animal"} <= visible(photo)
    assert "cat" not in visible(grey)
    embedding = np.frombuffer(Embedding.objects.get(photo=photo).vector, "<f2")
    assert embedding.shape == (ENCODERS["efficientnet-lite2"].dimensions,)
    assert np.isfinite(embedding).all()
