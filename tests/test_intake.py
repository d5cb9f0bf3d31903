import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone as clock
from kombu.exceptions import OperationalError

from magicroll import intake, services
from magicroll.imaging.decoder import DecoderFailed, DecoderPool
from magicroll.imaging.picture import ImageRefused, Limits, Picture, refuse_damaged
from magicroll.imaging.protocol import Trouble
from magicroll.imaging.takeout import Sidecar
from magicroll.intake import OutcomeKind, retry_set_aside, store_upload
from magicroll.models import Photo, UnclaimedFile, User
from tagging.models import Outstanding
from tests.factories import make_user
from tests.pictures import files_in, save_cat, sent

pytestmark = pytest.mark.django_db
FAKE_DECODER = (sys.executable, str(Path(__file__).parent / "imaging" / "fake_decoder.py"))


class Broken:
    """Decoders that answer every file with the same error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def process(self, source: Path, out_dir: Path) -> Picture:
        raise self.error


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    return save_cat(tmp_path / "cat.jpg", taken="2023:04:05 06:07:08")


def break_decoders(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(intake, "decoders", lambda: Broken(error))


def test_a_photo_is_stored_with_its_files_and_noted_for_tagging(
    alice: User, cat: Path, own_files: Path
) -> None:
    outcome = store_upload(alice, sent(cat))
    photo = outcome.photo
    assert outcome.kind == OutcomeKind.STORED
    assert photo is not None
    assert (photo.width, photo.height, photo.kind, photo.state) == (240, 160, "jpeg", "ready")
    assert files_in(own_files) == set(photo.files)
    assert (own_files / photo.original_file).read_bytes() == cat.read_bytes()
    assert Outstanding.objects.filter(owner=alice, photo=photo).exists()
    assert not UnclaimedFile.objects.exists()
    assert files_in(own_files.parent / "incoming") == set()


def test_the_same_bytes_again_are_recognised_whatever_their_name(
    alice: User, cat: Path, own_files: Path
) -> None:
    first = store_upload(alice, sent(cat)).photo
    again = store_upload(alice, sent(cat, name="copy.png"))
    assert (again.kind, again.photo) == (OutcomeKind.DUPLICATE, first)
    assert Photo.objects.count() == 1
    assert len(files_in(own_files)) == 3


def test_a_duplicate_of_a_trashed_photo_brings_it_back(alice: User, cat: Path, own_files: Path) -> None:
    photo = store_upload(alice, sent(cat)).photo
    assert photo is not None
    services.trash(alice, [photo.id])
    again = store_upload(alice, sent(cat))
    assert again.kind == OutcomeKind.DUPLICATE
    assert again.photo is not None
    assert again.photo.is_live


def test_two_people_may_have_the_same_photo(alice: User, cat: Path, own_files: Path) -> None:
    kinds = [store_upload(user, sent(cat)).kind for user in (alice, make_user("bob"))]
    assert kinds == [OutcomeKind.STORED, OutcomeKind.STORED]


@pytest.mark.parametrize("content", [b"", b"no picture at all", "half"])
def test_a_refused_file_leaves_nothing(content: bytes | str, alice: User, cat: Path, own_files: Path) -> None:
    whole = cat.read_bytes()
    cat.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    outcome = store_upload(alice, sent(cat))
    assert (outcome.kind, outcome.photo) == (OutcomeKind.REFUSED, None)
    assert outcome.message.startswith("This ")
    assert not Photo.objects.exists()
    assert not UnclaimedFile.objects.exists()
    assert files_in(own_files.parent) == {"cat.jpg"}


def test_a_file_over_the_size_limit_is_refused_unread(
    alice: User, cat: Path, own_files: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAX_UPLOAD_BYTES = cat.stat().st_size - 1
    break_decoders(monkeypatch, AssertionError("it was read"))
    outcome = store_upload(alice, sent(cat))
    assert outcome.kind == OutcomeKind.REFUSED
    assert "at most" in outcome.message


def test_a_picture_over_the_pixel_limit_is_refused(
    alice: User, cat: Path, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DecoderPool(1, Limits(max_pixels=240 * 160 - 1)) as small:
        monkeypatch.setattr(intake, "decoders", lambda: small)
        outcome = store_upload(alice, sent(cat))
    assert outcome.kind == OutcomeKind.REFUSED
    assert "megapixels" in outcome.message
    assert files_in(own_files) == set()


@pytest.mark.parametrize("trouble", list(Trouble))
def test_what_no_decoder_finished_is_kept_and_set_aside(
    trouble: Trouble, alice: User, cat: Path, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_decoders(monkeypatch, DecoderFailed(trouble))
    outcome = store_upload(alice, sent(cat))
    photo = outcome.photo
    assert outcome.kind == OutcomeKind.SET_ASIDE
    assert photo is not None
    assert (photo.state, photo.set_aside_reason) == ("set_aside", intake.SET_ASIDE[trouble])
    assert photo.kind == "jpeg"
    assert files_in(own_files) == {photo.original_file}
    assert not Outstanding.objects.exists()


def test_a_file_that_kills_its_decoder_does_not_stop_the_next(
    alice: User, cat: Path, own_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = save_cat(tmp_path / "SIGSEGV", side_px=300)
    with DecoderPool(1, command=FAKE_DECODER) as pool:
        monkeypatch.setattr(intake, "decoders", lambda: pool)
        assert store_upload(alice, sent(bad)).message == intake.SET_ASIDE["crash"]
    monkeypatch.undo()
    assert store_upload(alice, sent(cat)).kind == OutcomeKind.STORED


def test_a_retry_on_request_reads_what_was_set_aside(
    alice: User, cat: Path, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        break_decoders(broken, DecoderFailed(Trouble.TIMEOUT))
        photo = store_upload(alice, sent(cat)).photo
    assert photo is not None
    retry_set_aside(alice, photo)
    photo.refresh_from_db()
    assert (photo.state, photo.set_aside_reason, photo.width) == ("ready", "", 240)
    assert (photo.taken_at, photo.taken_from) == (datetime(2023, 4, 5, 6, 7, 8, tzinfo=UTC), "exif")
    assert files_in(own_files) == set(photo.files)
    assert Outstanding.objects.filter(photo=photo).exists()
    assert not UnclaimedFile.objects.exists()


@pytest.mark.parametrize("error", [DecoderFailed(Trouble.MEMORY), refuse_damaged()])
def test_a_retry_in_vain_renews_the_reason(
    error: DecoderFailed | ImageRefused,
    alice: User,
    cat: Path,
    own_files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_decoders(monkeypatch, DecoderFailed(Trouble.TIMEOUT))
    photo = store_upload(alice, sent(cat)).photo
    assert photo is not None
    before = photo.set_aside_reason
    break_decoders(monkeypatch, error)
    retry_set_aside(alice, photo)
    photo.refresh_from_db()
    assert photo.state == "set_aside"
    assert photo.set_aside_reason not in ("", before)
    assert files_in(own_files) == {photo.original_file}


@pytest.mark.django_db(transaction=True)
def test_the_same_bytes_twice_at_the_same_time_are_one_photo(
    alice: User, cat: Path, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_decoded = threading.Barrier(2, timeout=30)
    real = intake.decoders()

    class Meeting:
        def process(self, source: Path, out_dir: Path) -> Picture:
            picture = real.process(source, out_dir)
            both_decoded.wait()
            return picture

    def upload(_: int) -> OutcomeKind:
        try:
            return store_upload(alice, sent(cat)).kind
        finally:
            connection.close()

    monkeypatch.setattr(intake, "decoders", Meeting)
    with ThreadPoolExecutor(2) as threads:
        kinds = sorted(threads.map(upload, range(2)))
    assert kinds == [OutcomeKind.DUPLICATE, OutcomeKind.STORED]
    assert files_in(own_files) == set(Photo.objects.get().files)
    assert not UnclaimedFile.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_costs_no_photo(
    alice: User, cat: Path, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object, **options: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("tagging.tasks.annotate.apply_async", away)
    outcome = store_upload(alice, sent(cat))
    assert outcome.kind == OutcomeKind.STORED
    assert outcome.photo is not None
    assert files_in(own_files) == set(outcome.photo.files)
    assert Outstanding.objects.filter(photo=outcome.photo).exists()


JUNE = datetime(2022, 6, 1, 10, 0, tzinfo=timezone(timedelta(hours=2)))
SIDECAR = Sidecar(datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC), None, "")


@pytest.mark.parametrize(
    ("taken", "offset", "sidecar", "name", "modified_at", "expected"),
    [
        ("2023:04:05 06:07:08", "+09:00", SIDECAR, "IMG_20200101_101112.jpg", JUNE,
         ("exif", "2023-04-05 06:07:08", 540)),
        ("2023:04:05 06:07:08", "", None, "a.jpg", None, ("exif", "2023-04-05 06:07:08", None)),
        ("2023:02:30 06:07:08", "", SIDECAR, "IMG_20200101_101112.jpg", JUNE,
         ("sidecar", "2021-03-04 05:06:07", 0)),
        ("", "", None, "IMG_20200101_101112.jpg", JUNE, ("file-name", "2020-01-01 10:11:12", None)),
        ("", "", None, "a.jpg", JUNE, ("file-time", "2022-06-01 10:00:00", 120)),
    ],
)  # fmt: skip
def test_the_best_witness_dates_a_photo(
    taken: str,
    offset: str,
    sidecar: Sidecar | None,
    name: str,
    modified_at: datetime | None,
    expected: tuple[str, str, int | None],
    alice: User,
    own_files: Path,
    tmp_path: Path,
) -> None:
    path = save_cat(tmp_path / "photo.jpg", taken, offset)
    photo = store_upload(alice, sent(path, name, modified_at), sidecar=sidecar).photo
    assert photo is not None
    photo.refresh_from_db()
    assert (photo.taken_from, f"{photo.taken_at:%Y-%m-%d %H:%M:%S}", photo.taken_offset_min) == expected


def test_without_any_witness_a_photo_has_the_day_of_its_upload(
    alice: User, own_files: Path, tmp_path: Path
) -> None:
    before = clock.now()
    photo = store_upload(alice, sent(save_cat(tmp_path / "a.jpg"))).photo
    assert photo is not None
    assert photo.taken_from == "upload"
    assert before <= photo.taken_at <= clock.now()
