import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from magicroll import doctor, reach, round_trip
from magicroll.doctor import Check, Fault, Finding, examine
from magicroll.models import Photo, UnclaimedFile, User
from tagging.ml.registry import ENCODERS
from tagging.models import Corpus
from tagging.services import annotate_some
from tests.factories import make_release


@pytest.fixture
def installed(db: None, settings: Settings, models_dir: Path) -> Iterator[None]:
    from tagging.taggers import _tagger

    settings.MODELS_DIR = models_dir
    settings.ONNX_PROVIDER, settings.ONNX_THREADS = "cpu", 1
    make_release()
    _tagger.cache_clear()
    yield
    _tagger.cache_clear()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of sleeping, do what a worker would do in the meantime."""
    monkeypatch.setattr(
        round_trip.time,
        "sleep",
        lambda _s: [annotate_some(owner) for owner in Corpus.objects.values_list("pk", flat=True)],
    )


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_trip.time, "sleep", lambda _s: None)


def doctor_says(*arguments: str) -> str:
    output = StringIO()
    call_command("doctor", *arguments, stdout=output)
    return output.getvalue()


def only(check: object) -> Finding:
    (finding,) = examine((Check("it", check),))  # type: ignore[arg-type]
    return finding


@pytest.mark.usefixtures("installed", "worker")
@pytest.mark.django_db(transaction=True)
def test_a_whole_installation_passes_every_check() -> None:
    report = json.loads(doctor_says("--json"))
    assert report["ok"], report
    details = {check["name"]: check["detail"] for check in report["checks"]}
    assert "on cpu" in details["network"]
    assert "text" in details["photo tagged"]
    assert "Magic View" in details["photo found"]
    assert all(check["ms"] >= 0 for check in report["checks"])


@pytest.mark.usefixtures("installed", "worker")
@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_behind() -> None:
    folders, files = _stored_files()
    doctor_says()
    assert not User.objects.exists()
    assert not Corpus.objects.exists()
    assert not Photo.objects.exists()
    assert not UnclaimedFile.objects.exists()
    assert _stored_files()[1] == files
    assert folders is not None


@pytest.mark.usefixtures("installed", "worker")
@pytest.mark.django_db(transaction=True)
def test_the_table_has_a_line_and_a_time_for_each_check() -> None:
    lines = doctor_says().splitlines()
    assert len(lines) == len(doctor.BEFORE_ROUND_TRIP) + 6 + 1
    assert all(" ms  " in line for line in lines[:-1])
    assert lines[-1] == f"All {len(lines) - 1} checks passed."


@pytest.mark.usefixtures("installed", "no_worker")
@pytest.mark.django_db(transaction=True)
def test_without_a_worker_it_says_so_and_fails_and_cleans_up(capsys: pytest.CaptureFixture[str]) -> None:
    output = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("doctor", "--timeout", "0", stdout=output)
    assert stop.value.code == 1
    assert "No worker answered within 0 s: is `make run` or a worker running?" in output.getvalue()
    assert "checks failed" in output.getvalue()
    assert not User.objects.exists()
    assert not Photo.objects.exists()


@pytest.mark.usefixtures("installed")
@pytest.mark.django_db(transaction=True)
def test_an_interrupted_round_trip_cleans_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(round_trip.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(round_trip.round_trip(5))
    assert not User.objects.exists()
    assert not Photo.objects.exists()


@pytest.mark.usefixtures("installed", "no_worker")
@pytest.mark.django_db(transaction=True)
def test_the_scratch_account_can_not_log_in_and_does_not_count_as_set_up() -> None:
    from magicroll.accounts import needs_setup

    trip = round_trip.RoundTrip(0)
    trip.open()
    user = User.objects.get()
    assert not user.is_active
    assert not user.has_usable_password()
    assert needs_setup()
    trip.close()
    assert not User.objects.exists()


@pytest.mark.usefixtures("installed", "no_worker")
@pytest.mark.django_db(transaction=True)
def test_what_a_killed_examination_left_is_deleted_by_the_next() -> None:
    killed = round_trip.RoundTrip(0)
    killed.open()
    killed.store()
    User.objects.update(date_joined=timezone.now() - 2 * round_trip.FORGOTTEN_AFTER)
    files = killed.photo.files if killed.photo else []
    assert files
    assert all(default_storage.exists(name) for name in files)
    later = round_trip.RoundTrip(0)
    later.open()
    assert list(User.objects.all()) == [later.user]
    assert not any(default_storage.exists(name) for name in files)
    later.close()


def test_a_check_that_was_not_foreseen_to_fail_is_a_finding_and_not_a_crash() -> None:
    finding = only(lambda: str(1 / 0))
    assert not finding.ok
    assert finding.detail == "ZeroDivisionError: division by zero"


def test_a_fault_brings_its_advice() -> None:
    def fail() -> str:
        raise Fault("It is broken.", "Mend it.")

    finding = only(fail)
    assert (finding.ok, finding.detail, finding.advice) == (False, "It is broken.", "Mend it.")


def test_packages_are_held_against_the_pinned_ones(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "requirements.txt").write_text(
        'Django==1.0\nnot-there==2.0\nsix==0 ; sys_platform == "nowhere"\n# a comment\n'
    )
    finding = only(doctor.packages)
    assert not finding.ok
    assert "Django==1.0 wanted, " in finding.detail
    assert "not-there is missing" in finding.detail
    assert "six" not in finding.detail


def test_a_damaged_model_is_found(settings: Settings, models_dir: Path, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    for spec in ENCODERS.values():
        (tmp_path / spec.file_name).write_bytes((models_dir / spec.file_name).read_bytes()[:-1])
    finding = only(doctor.models)
    assert not finding.ok
    assert "install_encoders" in finding.advice


@pytest.mark.django_db
def test_without_a_release_it_says_what_to_run() -> None:
    finding = only(doctor.network)
    assert not finding.ok
    assert "install_encoders" in finding.advice


def test_a_broker_that_is_away_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise reach.Unreachable("The broker does not answer: Connection refused")

    monkeypatch.setattr(reach, "broker", away)
    finding = only(doctor.broker)
    assert not finding.ok
    assert "MAGICROLL_BROKER_URL" in finding.advice


def test_storage_leaves_no_file() -> None:
    assert only(doctor.storage).ok
    assert default_storage.listdir("doctor")[1] == []


def _stored_files() -> tuple[list[str], set[str]]:
    root = Path(default_storage.path(""))
    return [], {str(path) for path in root.rglob("*") if path.is_file()}
