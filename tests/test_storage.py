"""Whatever fails or is killed between a file and its row: no row without its file, no file for ever without one."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.storage import FileSystemStorage
from django.db import transaction
from django.utils import timezone

from magicroll import services, storage
from magicroll.intake import store_upload
from magicroll.models import Photo, UnclaimedFile, User
from magicroll.tasks import LEFTOVER_S, tidy
from tests.factories import make_user
from tests.pictures import files_in, save_cat, sent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "local"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def photo(alice: User, own_files: Path, tmp_path: Path) -> Photo:
    stored = store_upload(alice, sent(save_cat(tmp_path / "cat.jpg"))).photo
    assert stored is not None
    return stored


@pytest.fixture
def trashed(alice: User, photo: Photo) -> Photo:
    services.trash(alice, [photo.id])
    return photo


def age(names: set[str], by: timedelta) -> None:
    UnclaimedFile.objects.filter(name__in=names).update(since=timezone.now() - by)


def test_a_claimed_file_stays(local: Path, own_files: Path) -> None:
    with storage.storing({"a/b": local}), transaction.atomic():
        storage.claim(["a/b"])
    assert files_in(own_files) == {"a/b"}
    assert not UnclaimedFile.objects.exists()


def test_a_file_is_noted_before_it_is_there(
    local: Path, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []

    def no_space(*args: object) -> None:
        noted.extend(UnclaimedFile.objects.values_list("name", flat=True))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "save", no_space)
    with pytest.raises(OSError, match="No space"), storage.storing({"a/b": local}):
        pytest.fail("the body must not run")
    assert noted == ["a/b"]
    assert not UnclaimedFile.objects.exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_body_that_fails_takes_its_files_along(
    error: type[BaseException], local: Path, own_files: Path
) -> None:
    def store() -> None:
        with storage.storing({"a/b": local}), transaction.atomic():
            storage.claim(["a/b"])
            raise error

    with pytest.raises(error):
        store()
    assert files_in(own_files) == set()
    assert not UnclaimedFile.objects.exists()


def test_an_error_after_the_commit_costs_no_claimed_file(local: Path, own_files: Path) -> None:
    def fail() -> None:
        raise ConnectionError("the broker is away")

    def store() -> None:
        with storage.storing({"a/b": local}), transaction.atomic():
            storage.claim(["a/b"])
            transaction.on_commit(fail)

    with pytest.raises(ConnectionError):
        store()
    assert files_in(own_files) == {"a/b"}


def test_what_a_killed_upload_left_goes_after_an_hour_and_not_before(
    local: Path, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(names: object) -> None:
        """A process that is killed discards nothing."""

    with monkeypatch.context() as context:
        context.setattr(storage, "discard", killed)
        with pytest.raises(KeyboardInterrupt), storage.storing({"a/old": local, "a/young": local}):
            raise KeyboardInterrupt
    age({"a/old"}, storage.UNCLAIMED_FOR + timedelta(minutes=1))
    assert storage.discard_stale() == 1
    assert files_in(own_files) == {"a/young"}
    assert storage.discard_stale() == 0


def test_a_purged_photo_loses_its_files_only_with_the_commit(
    alice: User, trashed: Photo, own_files: Path
) -> None:
    with transaction.atomic():
        assert services.purge(alice, [trashed.id]) == 1
        assert files_in(own_files) == set(trashed.files)
    assert files_in(own_files) == set()
    assert not UnclaimedFile.objects.exists()


def test_a_purge_that_is_rolled_back_loses_nothing(alice: User, trashed: Photo, own_files: Path) -> None:
    with transaction.atomic():
        services.purge(alice, [trashed.id])
        transaction.set_rollback(True)
    assert files_in(own_files) == set(trashed.files)
    assert Photo.objects.filter(pk=trashed.pk).exists()
    assert not UnclaimedFile.objects.exists()


def test_a_purge_killed_after_its_commit_is_finished_by_the_tidying(
    alice: User, trashed: Photo, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr(storage, "discard", lambda names: None)
        services.purge(alice, [trashed.id])
    assert files_in(own_files) == set(trashed.files)
    age(set(trashed.files), timedelta(hours=2))
    tidy()
    assert files_in(own_files) == set()


def test_tidying_empties_old_trash_and_leaves_the_rest(
    alice: User, photo: Photo, own_files: Path, tmp_path: Path, settings: LazySettings
) -> None:
    kept = store_upload(alice, sent(save_cat(tmp_path / "kept.jpg", side_px=300))).photo
    recent = store_upload(alice, sent(save_cat(tmp_path / "recent.jpg", side_px=360))).photo
    assert kept is not None
    assert recent is not None
    services.trash(alice, [photo.id, recent.id])
    long_ago = timezone.now() - timedelta(days=settings.TRASH_DAYS, minutes=1)
    Photo.objects.filter(pk=photo.pk).update(trashed_at=long_ago)
    for _ in range(2):
        tidy()
        assert set(Photo.objects.values_list("id", flat=True)) == {kept.id, recent.id}
        assert files_in(own_files) == {*kept.files, *recent.files}


def test_tidying_clears_the_incoming_folder_of_what_was_left_a_day_ago(own_files: Path) -> None:
    incoming = own_files.parent / "incoming"
    old, young, folder = incoming / "old.upload", incoming / "young.upload", incoming / "decode-x"
    folder.mkdir()
    for path in (old, young, folder / "preview.jpg"):
        path.write_bytes(b"x")
    then = time.time() - LEFTOVER_S - 60
    for path in (old, folder):
        os.utime(path, (then, then))
    tidy()
    assert files_in(incoming) == {"young.upload"}
    assert not folder.exists()
