"""Turning photos: right pixels, nothing lost, whoever dies or does the same at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from PIL import Image

from magicroll import intake, rotating, services, storage
from magicroll.imaging.decoder import DecoderFailed
from magicroll.imaging.picture import Picture
from magicroll.imaging.protocol import Trouble
from magicroll.intake import store_upload
from magicroll.models import Photo, UnclaimedFile, User
from magicroll.rotating import LEFT, RIGHT, RotationRefused, rotate
from tagging.models import Outstanding
from tagging.verify import differences
from tests.factories import make_user
from tests.pictures import files_in, save_cat, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def photo(alice: User, own_files: Path, tmp_path: Path) -> Photo:
    stored = store_upload(alice, sent(save_cat(tmp_path / "cat.jpg")), hint=False).photo
    assert stored is not None
    return stored


def look(photo: Photo, folder: Path) -> Image.Image:
    photo.refresh_from_db()
    with Image.open(folder / photo.preview_file) as picture:
        picture.load()
    assert picture.size == (photo.width, photo.height)
    return picture


def alike(picture: Image.Image, wanted: Image.Image) -> bool:
    """Tell whether two pictures show the same way up; saving them once more moves pixels a little."""
    small = [one.convert("L").resize((24, 24)).tobytes() for one in (picture, wanted)]
    return max(abs(a - b) for a, b in zip(*small, strict=True)) < 40


def test_a_quarter_to_the_right_turns_the_pictures_and_leaves_the_original(
    alice: User, photo: Photo, own_files: Path
) -> None:
    original = (own_files / photo.original_file).read_bytes()
    before = look(photo, own_files)
    revision = photo.revision
    rotate(alice, photo.pk, RIGHT)
    assert alike(look(photo, own_files), before.transpose(Image.Transpose.ROTATE_270))
    assert not alike(look(photo, own_files), before.transpose(Image.Transpose.ROTATE_90))
    assert (photo.turns, photo.revision) == (1, revision + 1)
    assert (own_files / photo.original_file).read_bytes() == original
    assert Outstanding.objects.filter(photo=photo).count() == 1
    assert differences(alice.pk) == []


@pytest.mark.parametrize("by", [LEFT, RIGHT])
def test_four_quarters_lead_back_to_the_very_bytes(
    by: int, alice: User, photo: Photo, own_files: Path
) -> None:
    before = (own_files / photo.preview_file).read_bytes()
    for turns in (1, 2, 3, 0) if by == RIGHT else (3, 2, 1, 0):
        rotate(alice, photo.pk, by)
        photo.refresh_from_db()
        assert photo.turns == turns
    assert (own_files / photo.preview_file).read_bytes() == before


def test_pictures_of_older_pixels_stay_for_who_is_reading_them_and_go_with_the_photo(
    alice: User, photo: Photo, own_files: Path
) -> None:
    older = photo.pictures
    rotate(alice, photo.pk, RIGHT)
    assert set(UnclaimedFile.objects.values_list("name", flat=True)) == set(older)
    assert set(older) < files_in(own_files)
    services.trash(alice, [photo.pk])
    services.purge(alice, [photo.pk])
    storage.discard(list(UnclaimedFile.objects.values_list("name", flat=True)))  # what the commit does
    assert files_in(own_files) == set()


@pytest.mark.parametrize("trouble", list(Trouble))
def test_a_decoder_that_fails_changes_nothing(
    trouble: Trouble, alice: User, photo: Photo, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def process(self, source: Path, out_dir: Path, turns: int) -> Picture:
            raise DecoderFailed(trouble)

    monkeypatch.setattr(rotating, "decoders", Broken)
    with pytest.raises(RotationRefused, match=r"Nothing was changed. Try again\."):
        rotate(alice, photo.pk, RIGHT)
    assert Photo.objects.get() == photo
    assert Photo.objects.get().turns == 0
    assert files_in(own_files) == set(photo.files)


class Killed(BaseException):
    """Stands for a kill -9: nothing after it runs."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["touch", "claim"])
def test_who_dies_in_between_loses_nothing_and_is_in_nobodys_way(
    when: str, alice: User, photo: Photo, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are stored under new names, the row is not written; nobody has tidied up yet."""

    def die(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        if when == "touch":
            dying.setattr("tagging.writer.Change.touch", die)
        else:
            dying.setattr(storage, "claim", die)
        dying.setattr(storage, "discard", lambda names: None)
        with pytest.raises(Killed):
            rotate(alice, photo.pk, RIGHT)
    left = set(UnclaimedFile.objects.values_list("name", flat=True))
    assert len(left) == 2
    before = look(photo, own_files)
    assert photo.turns == 0
    rotate(alice, photo.pk, RIGHT)
    assert alike(look(photo, own_files), before.transpose(Image.Transpose.ROTATE_270))
    assert left.isdisjoint(photo.pictures)
    storage.discard(
        list(UnclaimedFile.objects.values_list("name", flat=True))
    )  # what the tidying does in an hour
    assert files_in(own_files) == set(photo.files)


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_time_both_count(
    alice: User, photo: Photo, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_decoded = threading.Barrier(2, timeout=30)
    real, first = intake.decoders(), threading.local()

    class Meeting:
        def process(self, source: Path, out_dir: Path, turns: int) -> Picture:
            picture = real.process(source, out_dir, turns)
            if not getattr(first, "met", False):
                first.met = True
                both_decoded.wait()
            return picture

    def turn(_: int) -> None:
        try:
            rotate(alice, photo.pk, RIGHT)
        finally:
            connection.close()

    before = look(photo, own_files)
    monkeypatch.setattr(rotating, "decoders", Meeting)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(turn, range(2)))
    assert alike(look(photo, own_files), before.transpose(Image.Transpose.ROTATE_180))
    assert photo.turns == 2
    storage.discard(list(UnclaimedFile.objects.values_list("name", flat=True)))
    assert files_in(own_files) == set(photo.files)


@pytest.mark.django_db(transaction=True)
def test_who_comes_too_late_takes_nothing_away_from_who_was_first(
    alice: User, photo: Photo, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one's revision is written after this one has read the row, and before it names its own files."""
    real, seen = rotating._decode, []

    def decode(read: Photo, folder: Path, turns: int) -> Picture:
        picture = real(read, folder, turns)
        seen.append(files_in(own_files) >= set(Photo.objects.get(pk=read.pk).files))
        if len(seen) == 1:
            rotate(alice, read.pk, RIGHT)
        return picture

    monkeypatch.setattr(rotating, "_decode", decode)
    rotate(alice, photo.pk, RIGHT)
    photo.refresh_from_db()
    assert seen == [True, True, True]
    assert (photo.turns, photo.revision) == (2, 3)
    storage.discard(list(UnclaimedFile.objects.values_list("name", flat=True)))
    assert files_in(own_files) == set(photo.files)


def test_a_photo_that_was_taken_away_meanwhile_is_not_brought_back(
    alice: User, photo: Photo, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = intake.decoders()

    class Slow:
        def process(self, source: Path, out_dir: Path, turns: int) -> Picture:
            services.trash(alice, [photo.pk])
            services.purge(alice, [photo.pk])
            return real.process(source, out_dir, turns)

    monkeypatch.setattr(rotating, "decoders", Slow)
    with pytest.raises(Photo.DoesNotExist):
        rotate(alice, photo.pk, RIGHT)
    assert not Photo.objects.exists()
