"""What a person said leaves as files, comes back from them, and nothing of anybody else's is overwritten."""

import shutil
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from magicroll import exporting, importing, intake, services
from magicroll.exporting import NAME_BYTES, exported, safe_name, zipped
from magicroll.imaging.xmp import parse_xmp
from magicroll.models import Photo, User
from tagging.models import Tag, Verdict
from tagging.services import add_tag, reject_tag
from tagging.verify import differences
from tests.factories import make_photo, make_user
from tests.pictures import files_in, save_cat, sent

pytestmark = pytest.mark.django_db
JULY = datetime(2023, 7, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return make_user("alice")


def export(user: User, folder: Path, *options: str) -> str:
    out = StringIO()
    call_command("export_xmp", user.username, str(folder), *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def count(out: str, words: str) -> int:
    line = next(line for line in out.splitlines() if line.startswith(words))
    return int(line.removeprefix(words).replace(",", ""))


def reject(user: User, photo: Photo, slug: str) -> None:
    reject_tag(user, photo, Tag.objects.get(owner=None, slug=slug).pk)


def said(user: User) -> dict[bytes, set[tuple[str, str]]]:
    """Return what was said, by the bytes of the photos."""
    found: dict[bytes, set[tuple[str, str]]] = {}
    for verdict in Verdict.objects.owned_by(user).select_related("photo", "tag"):
        found.setdefault(bytes(verdict.photo.sha256), set()).add((verdict.tag.slug, verdict.kind))
    return found


def test_sidecars_stand_in_a_tree_by_month(alice: User, tmp_path: Path) -> None:
    one = make_photo(alice, name="IMG_1.jpg", favourite=True, taken_offset_min=120)
    two = make_photo(alice, JULY, name="IMG_1.jpg")
    make_photo(alice, JULY, name="nothing said.jpg")
    add_tag(alice, one, "Fluffy & <Rex>")
    reject(alice, two, "dog")
    out = export(alice, tmp_path / "out")
    assert files_in(tmp_path / "out") == {"2024/06/IMG_1.jpg.xmp", "2023/07/IMG_1.jpg.xmp"}
    assert (count(out, "Sidecars written"), count(out, "Sidecars unchanged")) == (2, 1)
    content = (tmp_path / "out/2024/06/IMG_1.jpg.xmp").read_bytes()
    assert [word.name for word in parse_xmp(content).added] == ["Fluffy & <Rex>"]
    assert b"<exif:DateTimeOriginal>2024-06-15T12:30:00+02:00</exif:DateTimeOriginal>" in content
    assert b"<xmp:Rating>5</xmp:Rating>" in content
    assert parse_xmp((tmp_path / "out/2023/07/IMG_1.jpg.xmp").read_bytes()).rejected == ("dog",)


def test_what_is_in_the_trash_stays_at_home_and_what_is_set_aside_comes_along(
    alice: User, tmp_path: Path
) -> None:
    aside = {"state": "set_aside", "set_aside_reason": "too slow", "width": 0, "height": 0}
    for photo in (make_photo(alice, name="trashed.jpg"), make_photo(alice, name="aside.jpg", **aside)):
        add_tag(alice, photo, "Fluffy")
    services.trash(alice, [Photo.objects.get(name="trashed.jpg").pk])
    export(alice, tmp_path)
    assert files_in(tmp_path) == {"2024/06/aside.jpg.xmp"}


def test_photos_of_one_name_get_names_of_their_own(alice: User, tmp_path: Path) -> None:
    photos = [
        make_photo(alice, name=name) for name in ("a.jpg", "A.JPG", "a.jpg", "ä", "a\u0308", "a.jpg.xmp")
    ]
    for photo in photos:
        add_tag(alice, photo, "Fluffy")
    export(alice, tmp_path)
    names = files_in(tmp_path)
    hashes = [bytes(photo.sha256).hex()[:8] for photo in photos]
    assert names == {
        "2024/06/a.jpg.xmp", f"2024/06/A-{hashes[1]}.JPG.xmp", f"2024/06/a-{hashes[2]}.jpg.xmp",
        "2024/06/ä.xmp", f"2024/06/a\u0308-{hashes[4]}.xmp", f"2024/06/a.jpg-{hashes[5]}.xmp.xmp",
    }  # fmt: skip


def test_a_second_time_writes_only_what_changed(alice: User, tmp_path: Path) -> None:
    photos = [make_photo(alice) for _ in range(3)]
    for photo in photos:
        add_tag(alice, photo, "Fluffy")
    export(alice, tmp_path)
    add_tag(alice, photos[0], "dog")
    Verdict.objects.filter(photo=photos[1]).delete()
    out = export(alice, tmp_path)
    assert (count(out, "Sidecars written"), count(out, "Sidecars unchanged")) == (2, 1)
    taken_back = tmp_path / "2024/06" / f"{photos[1].name}.xmp"
    assert parse_xmp(taken_back.read_bytes()).added == ()


def test_a_file_of_somebody_elses_is_left_as_it_was_unless_forced(alice: User, tmp_path: Path) -> None:
    photo = make_photo(alice, name="a.jpg")
    add_tag(alice, photo, "Fluffy")
    export(alice, tmp_path)
    sidecar = tmp_path / "2024/06/a.jpg.xmp"
    edited = sidecar.read_bytes().replace(b"Fluffy", b"Rex")
    sidecar.write_bytes(edited)
    out = export(alice, tmp_path)
    assert count(out, "Sidecars left as it was") == 1
    assert "2024/06/a.jpg.xmp" in out
    assert sidecar.read_bytes() == edited
    export(alice, tmp_path, "--force")
    assert b"Fluffy" in sidecar.read_bytes()


def test_a_writer_that_dies_leaves_the_old_file_whole(
    alice: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = make_photo(alice, name="a.jpg")
    add_tag(alice, photo, "Fluffy")
    export(alice, tmp_path)
    before = (tmp_path / "2024/06/a.jpg.xmp").read_bytes()
    add_tag(alice, photo, "dog")
    with monkeypatch.context() as context:
        context.setattr(Path, "replace", _no_space)
        with pytest.raises(CommandError, match="No space left on device"):
            export(alice, tmp_path)
    assert (tmp_path / "2024/06/a.jpg.xmp").read_bytes() == before
    assert files_in(tmp_path) == {"2024/06/a.jpg.xmp"}
    (tmp_path / "2024/06/.a.jpg.xmp.part").write_bytes(b"of one that was killed")
    export(alice, tmp_path)
    assert files_in(tmp_path) == {"2024/06/a.jpg.xmp"}


def _no_space(path: Path, target: Path) -> Path:
    raise OSError(28, "No space left on device")


def test_bad_folders_and_accounts_are_said_before_anything_is_written(
    alice: User, tmp_path: Path, settings: LazySettings
) -> None:
    make_photo(alice)
    with pytest.raises(CommandError, match="There is no account “nobody”"):
        call_command("export_xmp", "nobody", str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="is a file"):
        export(alice, tmp_path / "file")
    with pytest.raises(CommandError, match="belongs to Magic Roll itself"):
        export(alice, Path(settings.MEDIA_ROOT) / "out")
    assert not (Path(settings.MEDIA_ROOT) / "out").exists()
    assert "No photos to write about." in export(make_user("bob"), tmp_path / "new")


def test_a_date_that_nobody_knows_is_not_told(alice: User) -> None:
    known, unknown = make_photo(alice), make_photo(alice, taken_from="upload")
    sidecars = {one.photo.pk: one.sidecar for one in exported(alice)}
    assert b"DateTimeOriginal" in sidecars[known.pk]
    assert b"DateTimeOriginal" not in sidecars[unknown.pk]


@given(st.text(max_size=300))
def test_every_name_becomes_one_that_every_file_system_takes(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(safe.encode()) <= NAME_BYTES
    assert safe.isprintable()
    assert not set(safe) & set('<>:"/\\|?*')
    assert safe == safe.strip(". ")
    assert safe not in (".", "..")


def test_names_keep_their_ending_and_devices_are_none() -> None:
    assert safe_name("IMG 1.jpg") == "IMG 1.jpg"
    assert safe_name("../../etc/passwd") == "_.._etc_passwd"
    assert safe_name("con.jpg") == "_con.jpg"
    assert safe_name("...") == "photo"
    assert safe_name("é" * 200 + ".jpeg").endswith("é.jpeg")


def test_reads_come_in_bounded_parts_and_their_number_is_bounded(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        add_tag(alice, make_photo(alice, JULY if number % 2 else datetime(2023, 7, 2, tzinfo=UTC)), "Fluffy")
    monkeypatch.setattr(exporting, "PHOTOS_PER_READ", 4)
    with CaptureQueriesContext(connection) as queries:
        found = [one.photo.pk for one in exported(alice)]
    assert sorted(found) == sorted(Photo.objects.values_list("pk", flat=True))
    assert len(queries) <= 3 * 4 + 5


def test_a_zip_holds_what_is_told_and_comes_in_parts(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "ZIP_PART_BYTES", 1)
    old = datetime(1901, 2, 3, tzinfo=UTC)
    for photo in (make_photo(alice, name="a.jpg"), make_photo(alice, old, name="b.jpg")):
        add_tag(alice, photo, "Fluffy")
    make_photo(alice, name="nothing said.jpg")
    make_photo(make_user("bob"), name="bob.jpg", favourite=True)
    parts = list(zipped(alice))
    assert len(parts) > 2
    with ZipFile(BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["1901/02/b.jpg.xmp", "2024/06/a.jpg.xmp"]
        assert parse_xmp(archive.read("2024/06/a.jpg.xmp")).added[0].name == "Fluffy"


@pytest.fixture
def decoded_roll(alice: User, own_files: Path, tmp_path: Path) -> User:
    """Alice's roll with three real photos."""
    for number in range(3):
        path = save_cat(tmp_path / f"{number}.jpg", taken="2023:07:01 08:00:00", side_px=100 + number)
        intake.store_upload(alice, sent(path, name="cat.jpg"))
    return alice


def test_originals_come_along_byte_for_byte_and_are_never_overwritten(
    decoded_roll: User, own_files: Path, tmp_path: Path
) -> None:
    top = tmp_path / "out"
    out = export(decoded_roll, top, "--with-originals")
    assert count(out, "Originals written") == 3
    copied = {path.read_bytes() for path in top.rglob("*.jpg")}
    assert copied == {(own_files / photo.original_file).read_bytes() for photo in Photo.objects.all()}
    assert count(export(decoded_roll, top, "--with-originals"), "Originals unchanged") == 3
    (top / "2023/07/cat.jpg").write_bytes(b"somebody else's")
    assert count(export(decoded_roll, top, "--with-originals"), "Originals left as it was") == 1
    assert (top / "2023/07/cat.jpg").read_bytes() == b"somebody else's"
    photo = Photo.objects.order_by("id")[1]
    (own_files / photo.original_file).unlink()
    shutil.rmtree(top)
    assert count(export(decoded_roll, top, "--with-originals"), "Originals original missing") == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_exported_and_imported_elsewhere_means_the_same(decoded_roll: User, tmp_path: Path) -> None:
    photos = list(Photo.objects.order_by("id"))
    add_tag(decoded_roll, photos[0], "dog")
    add_tag(decoded_roll, photos[0], "Fluffy")
    reject(decoded_roll, photos[0], "cat")
    reject(decoded_roll, photos[1], "beach")
    export(decoded_roll, tmp_path / "out", "--with-originals")
    bob = make_user("bob")
    walk = importing.find_files([tmp_path / "out"])
    reports = list(importing.import_files(bob, walk.files))
    assert {report.result for report in reports} == {importing.Result.IMPORTED, importing.Result.SIDECAR}
    assert sum(len(report.sidecars) for report in reports) == 2
    assert said(bob) == said(decoded_roll)
    assert len(said(bob)) == 2
    assert differences(bob.pk) == []


@pytest.mark.django_db(transaction=True)
def test_a_caption_is_told_and_comes_back_in_another_roll(decoded_roll: User, tmp_path: Path) -> None:
    photo = Photo.objects.owned_by(decoded_roll).earliest("id")
    assert not exporting.anything_told(decoded_roll)
    services.set_caption(decoded_roll, photo.pk, "Grandma's <cat> & I,\nat the lake")
    assert exporting.anything_told(decoded_roll)
    out = export(decoded_roll, tmp_path / "out", "--with-originals")
    assert count(out, "Sidecars written") == 1
    bob = make_user("bob")
    walk = importing.find_files([tmp_path / "out"])
    list(importing.import_files(bob, walk.files))
    copies = Photo.objects.owned_by(bob).order_by("-caption")
    assert [copy.caption for copy in copies] == ["Grandma's <cat> & I,\nat the lake", "", ""]
    assert "at the lake" in copies[0].name_folded
    services.set_caption(decoded_roll, photo.pk, "")
    export(decoded_roll, tmp_path / "out")
    assert not any(b"dc:description" in path.read_bytes() for path in (tmp_path / "out").rglob("*.xmp"))
