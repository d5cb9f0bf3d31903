"""Downloads of many photos: whole, byte for byte, in pieces, under names that every system takes."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from hypothesis import given
from hypothesis import strategies as st

from magicroll import zipping
from magicroll.models import Photo, User
from magicroll.zipping import Names, safe_name, zipped
from tests.factories import JUNE, make_photo, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(own_files: Path) -> User:
    return make_user("alice")


def with_original(user: User, content: bytes, **fields: object) -> Photo:
    photo = make_photo(user, sha256=hashlib.sha256(content).digest(), byte_size=len(content), **fields)
    default_storage.save(photo.original_file, ContentFile(content))
    return photo


def opened(pieces: Iterator[bytes]) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert archive.testzip() is None
    return archive


def test_originals_come_byte_for_byte_and_uncompressed(alice: User):
    contents = {f"IMG_{n}.jpg": bytes([n]) * (300_000 + n) for n in range(3)}
    photos = [with_original(alice, content, name=name) for name, content in contents.items()]
    archive = opened(zipped(alice, [photo.pk for photo in photos]))
    assert {name: archive.read(name) for name in archive.namelist()} == contents
    entry = archive.infolist()[0]
    assert entry.compress_type == zipfile.ZIP_STORED
    assert entry.date_time == (JUNE.year, JUNE.month, JUNE.day, JUNE.hour, JUNE.minute, JUNE.second)


def test_another_persons_photos_are_not_in_it(alice: User):
    bob = make_user("bob")
    mine, theirs = (
        with_original(alice, b"mine", name="a.jpg"),
        with_original(bob, b"theirs", name="secret.jpg"),
    )
    archive = opened(zipped(alice, [mine.pk, theirs.pk]))
    assert archive.namelist() == ["a.jpg", zipping.LEFT_OUT]
    assert b"secret" not in archive.read(zipping.LEFT_OUT)


def test_no_more_than_a_piece_is_held_and_nothing_is_read_ahead(alice: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zipping, "PIECE_BYTES", 1000)
    photos = [with_original(alice, bytes([n]) * 50_000, name=f"{n}.jpg") for n in range(3)]
    reading: list[str] = []
    opening = default_storage.open
    monkeypatch.setattr(
        zipping, "default_storage", SimpleNamespace(open=lambda name: reading.append(name) or opening(name))
    )
    pieces = zipped(alice, [photo.pk for photo in photos])
    assert len(next(pieces)) < 1200
    assert len(reading) == 1  # whoever reads slowly makes the rest wait
    assert max(len(piece) for piece in pieces) < 2400


def test_a_file_that_is_missing_is_named_and_the_others_come(alice: User):
    gone, here = make_photo(alice, name="gone.jpg"), with_original(alice, b"here", name="here.jpg")
    archive = opened(zipped(alice, [gone.pk, here.pk]))
    assert archive.namelist() == ["here.jpg", zipping.LEFT_OUT]
    assert archive.read(zipping.LEFT_OUT) == b"gone.jpg: its file is missing\r\n"


def test_a_storage_that_fails_breaks_the_download_off(alice: User, monkeypatch: pytest.MonkeyPatch):
    photo = with_original(alice, b"here")

    def broken(name: str) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(zipping, "default_storage", SimpleNamespace(open=broken))
    with pytest.raises(OSError, match="the disk is gone"):
        list(zipped(alice, [photo.pk]))


@pytest.mark.parametrize("limit", ["ZIP64_LIMIT", "ZIP_FILECOUNT_LIMIT"])
def test_large_archives_use_zip64(alice: User, monkeypatch: pytest.MonkeyPatch, limit: str):
    photos = [with_original(alice, bytes([n]) * 500, name=f"{n}.jpg") for n in range(4)]
    monkeypatch.setattr(zipfile, limit, 3 if limit == "ZIP_FILECOUNT_LIMIT" else 1000)
    content = b"".join(zipped(alice, [photo.pk for photo in photos]))
    monkeypatch.undo()
    assert b"PK\x06\x06" in content  # the Zip64 end of the central directory
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    assert [archive.read(f"{n}.jpg") for n in range(4)] == [bytes([n]) * 500 for n in range(4)]


def test_a_year_that_a_zip_cannot_hold_becomes_the_nearest(alice: User):
    photo = with_original(alice, b"old", name="old.jpg", taken_at=JUNE.replace(year=1904, month=2, day=29))
    entry = opened(zipped(alice, [photo.pk])).infolist()[0]
    assert entry.date_time[:3] == (1980, 2, 28)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("../../etc/passwd", "_._etc_passwd"),
        ("C:\\Users\\me.jpg", "C__Users_me.jpg"),
        (".htaccess", "htaccess"),
        ("CON.jpg", "_CON.jpg"),
        ("a\x00b\nc.jpg", "a_b_c.jpg"),
        ("trailing. .", "trailing"),
        ("...", "photo"),
        ("", "photo"),
        ("Strand \u202egpj.exe", "Strand _gpj.exe"),
        ("Café.jpg", "Café.jpg"),
    ],
)
def test_names_are_safe_on_every_system(name: str, safe: str):
    assert safe_name(name) == safe


@given(st.lists(st.text(max_size=300), max_size=20))
def test_names_are_unique_short_and_no_paths_whatever_they_were(texts: list[str]):
    names = Names()
    made = [names.unique(safe_name(text)) for text in texts]
    assert len({name.casefold() for name in made}) == len(texts)
    for name in made:
        assert 0 < len(name.encode()) <= 220
        assert not set(name) & set('/\\:*?"<>|\x00')
        assert name.strip(" .") == name
