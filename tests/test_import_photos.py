import csv
import os
import re
import shutil
import signal
import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from magicroll import importing, intake, services
from magicroll.importing import Report, Result, find_files, import_files
from magicroll.intake import store_upload
from magicroll.models import Photo, UnclaimedFile, User
from tagging.models import Outstanding
from tests.factories import make_user
from tests.pictures import files_in, save_cat, sent

pytestmark = pytest.mark.django_db(transaction=True)  # the import's threads see what is committed


@pytest.fixture
def alice(own_files: Path) -> User:
    return make_user("alice")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Six photos in three folders."""
    top = tmp_path / "tree"
    (top / "2019" / "summer").mkdir(parents=True)
    for number, folder in enumerate((top, top / "2019", top / "2019" / "summer") * 2):
        save_cat(folder / f"{number}.jpg", side_px=120 + 30 * number)
    return top


def run(user: str, *folders: Path) -> str:
    out = StringIO()
    call_command("import_photos", user, *map(str, folders), stdout=out, stderr=StringIO())
    return out.getvalue()


def results(user: User, *folders: Path) -> dict[str, Result]:
    walk = find_files(folders)
    reports = [*walk.unreadable, *import_files(user, walk.files)]
    return {report.path.name: report.result for report in reports}


def count(out: str, words: str) -> int:
    line = next(line for line in out.splitlines() if line.startswith(words))
    return int(line.removeprefix(words).split()[0].replace(",", ""))


def test_a_tree_is_imported_and_noted_for_tagging(alice: User, tree: Path, own_files: Path) -> None:
    out = run("alice", tree)
    assert count(out, "Imported") == 6
    assert Photo.objects.owned_by(alice).live().count() == 6
    assert Outstanding.objects.filter(owner=alice).count() == 6
    assert len(files_in(own_files)) == 18


def test_starting_again_skips_what_is_there_without_decoding(
    alice: User, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("alice", tree)
    monkeypatch.setattr(importing, "store_upload", None)  # calling it would raise
    out = run("ALICE", tree)
    assert (count(out, "Imported"), count(out, "Already there")) == (0, 6)


def test_new_photos_are_added_to_a_tree_that_was_imported(alice: User, tree: Path) -> None:
    run("alice", tree)
    save_cat(tree / "new.jpg", side_px=99)
    out = run("alice", tree)
    assert (count(out, "Imported"), count(out, "Already there")) == (1, 6)


def test_ctrl_c_finishes_the_photos_in_hand_and_the_same_command_goes_on(
    alice: User, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT)
    presses = iter([signal.SIGINT])

    def store_and_press(*args: Any, **options: Any) -> Any:
        outcome = store_upload(*args, **options)
        for press in presses:
            os.kill(os.getpid(), press)
        return outcome

    with monkeypatch.context() as context:
        context.setattr(importing, "store_upload", store_and_press)
        out = run("alice", tree)
    assert "Stopped. The same command goes on from here." in out
    stored = Photo.objects.count()
    assert 1 <= stored < 6
    assert count(out, "Imported") == stored
    assert not UnclaimedFile.objects.exists()
    assert signal.getsignal(signal.SIGINT) is before
    assert count(run("alice", tree), "Imported") == 6 - stored


def test_one_picture_in_two_places_is_one_photo(alice: User, tree: Path) -> None:
    shutil.copy(tree / "0.jpg", tree / "2019" / "copy.jpg")
    assert Counter(results(alice, tree).values()) == {Result.IMPORTED: 6, Result.ALREADY_THERE: 1}


def test_a_trashed_photo_is_put_back(alice: User, tree: Path) -> None:
    run("alice", tree)
    photo = Photo.objects.get(name="3.jpg")
    services.trash(alice, [photo.id])
    assert count(run("alice", tree), "Put back from trash") == 1
    photo.refresh_from_db()
    assert photo.is_live


def test_refused_files_are_grouped_by_reason_with_the_first_names(alice: User, tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for number in range(5):
        (top / f"notes{number}.txt").write_text("no picture")
    (top / ".empty\x1b[31m.jpg").touch()
    out = run("alice", top)
    assert count(out, "Refused") == 6
    assert re.search(r"notes\d.txt, notes\d.txt, notes\d.txt and 2 more", out)
    assert "\x1b" not in out
    assert not Photo.objects.exists()


def test_sidecars_are_neither_imported_nor_refused_and_a_picture_named_like_one_is(
    alice: User, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    save_cat(top / "a.jpg")
    save_cat(top / "picture.json", side_px=90)
    (top / "a.jpg.json").write_text('{"title": "a.jpg", "photoTakenTime": {"timestamp": "1178100000"}}')
    (top / "b.xmp").write_text("<x/>")
    out = run("alice", top)
    assert "(1 read, 1 ignored)" in out
    assert (count(out, "Imported"), count(out, "Sidecar files")) == (2, 2)
    photo = Photo.objects.get(name="a.jpg")
    assert (photo.taken_from, photo.taken_at) == ("sidecar", datetime(2007, 5, 2, 10, tzinfo=UTC))


def test_the_files_own_time_is_the_last_witness(alice: User, tree: Path) -> None:
    moment = datetime(2011, 2, 3, 4, 5, 6, tzinfo=UTC)
    os.utime(tree / "0.jpg", (moment.timestamp(), moment.timestamp()))
    run("alice", tree)
    photo = Photo.objects.get(name="0.jpg")
    assert (photo.taken_from, photo.taken_at) == ("file-time", moment)


def test_links_that_lead_in_a_circle_end(alice: User, tree: Path) -> None:
    (tree / "2019" / "up").symlink_to(tree, target_is_directory=True)
    (tree / "again").symlink_to(tree / "2019", target_is_directory=True)
    assert Counter(results(alice, tree, tree).values()) == {Result.IMPORTED: 6}


def test_what_can_not_be_read_is_reported_and_the_rest_goes_on(alice: User, tree: Path) -> None:
    (tree / "broken").symlink_to(tree / "nowhere")
    (tree / "self").symlink_to(tree / "self")
    os.mkfifo(tree / "pipe")
    out = run("alice", tree)
    assert count(out, "Imported") == 6
    assert count(out, "Could not be read") == 3
    assert "No such file or directory" in out


def test_nothing_readable_is_a_failure(alice: User, tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    assert "No files found." in run("alice", top)
    (top / "broken").symlink_to(top / "nowhere")
    with pytest.raises(SystemExit) as exit_:
        run("alice", top)
    assert exit_.value.code == 1


def test_a_single_file_may_be_named(alice: User, tree: Path) -> None:
    assert count(run("alice", tree / "0.jpg", tree / "3.jpg"), "Imported") == 2


def test_a_name_that_is_no_utf8_is_stored_as_text(alice: User, tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    save_cat(Path(os.fsdecode(os.fsencode(top) + b"/caf\xe9 1.jpg")))
    assert count(run("alice", top), "Imported") == 1
    assert Photo.objects.get().name == "caf\ufffd 1.jpg"


def test_magic_rolls_own_folders_are_left_out(alice: User, tree: Path, settings: LazySettings) -> None:
    settings.DATA_DIR = tree / "2019"
    settings.MEDIA_ROOT = tree / "2019" / "files"
    assert sorted(results(alice, tree)) == ["0.jpg", "3.jpg"]
    with pytest.raises(CommandError, match="belongs to Magic Roll itself"):
        run("alice", tree / "2019" / "summer")


def test_an_unknown_account_is_named_with_those_there_are(alice: User, tree: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no account “bob”\. Accounts: alice\."):
        run("bob", tree)


def test_a_folder_that_is_not_there_is_said_before_anything_begins(alice: User, tree: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder or file"):
        run("alice", tree, tree / "typo")
    assert not Photo.objects.exists()


def test_a_fault_of_the_machine_stops_the_import_after_the_photos_in_hand(
    alice: User, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(user: User, file: intake.StoredUpload, **options: Any) -> intake.Outcome:
        if file.name == "1.jpg":
            raise OSError(28, "No space left on device")
        return store_upload(user, file, **options)

    monkeypatch.setattr(importing, "store_upload", full)
    with pytest.raises(OSError, match="No space left"):
        run("alice", tree)
    assert Photo.objects.count() < 6
    assert not UnclaimedFile.objects.exists()


def test_hints_are_few(alice: User, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hints: list[int] = []
    monkeypatch.setattr("tagging.tasks.hint_now", hints.append)
    monkeypatch.setattr(importing, "HINT_EVERY_S", 3600.0)
    run("alice", tree)
    assert hints == [alice.pk]


# The shared set of formats, through the whole intake.


def table(formats: Path) -> list[dict[str, str]]:
    with (formats / "EXPECT.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_file_of_the_shared_formats_ends_as_its_table_says(
    alice: User, shared_photos: Path, tmp_path: Path
) -> None:
    formats = tmp_path / "formats"
    shutil.copytree(shared_photos / "formats", formats)
    with tarfile.open(formats / "names.tar") as archive:
        archive.extractall(formats, filter="data")
    walk = find_files([formats])
    reports = {str(report.path.relative_to(formats)): report for report in import_files(alice, walk.files)}
    wrong = {row["file"]: fault for row in table(formats) if (fault := fault_of(row, reports, formats))}
    assert wrong == {}
    assert not walk.unreadable


def fault_of(row: dict[str, str], reports: dict[str, Report], formats: Path) -> str:
    """Say how a file's end differs from its row; empty if it doesn't."""
    report = reports[row["file"]]
    photo = Photo.objects.filter(sha256=sent(formats / row["file"]).sha256).first()
    expected = "reject" if row["file"].endswith(".jxl") else row["expect"]
    ends = {"accept": Result.IMPORTED, "reject": Result.REFUSED, "sidecar": Result.SIDECAR}
    if report.result != ends[expected] and (expected, report.result) != ("accept", Result.ALREADY_THERE):
        return f"{report.result}: {report.message}"
    if photo is None:
        return "" if expected != "accept" else "not stored"
    if (photo.width, photo.height) != (int(row["width"]), int(row["height"])):
        return f"{photo.width} x {photo.height}"
    place = "" if photo.latitude is None else f"{photo.latitude:.5f},{photo.longitude:.5f}"
    return _date_fault(row, photo) or ("" if place == row["gps"] else f"at {place}")


def _date_fault(row: dict[str, str], photo: Photo) -> str:
    said = f"{photo.taken_at} {photo.taken_offset_min} from {photo.taken_from}"
    if not row["taken_at"]:
        return said if photo.taken_from == "exif" else ""
    expected = datetime.fromisoformat(row["taken_at"])
    if expected.tzinfo is None:
        right = (photo.taken_from, photo.taken_at) == ("exif", expected.replace(tzinfo=UTC))
    else:
        offset = timedelta(minutes=photo.taken_offset_min or 0)
        right = photo.taken_offset_min is not None and photo.taken_at - offset == expected
    return "" if right else said
