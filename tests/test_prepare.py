from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from magicroll.management.commands import prepare
from tagging.management.commands import install_encoders
from tagging.ml.install import InstallError
from tagging.ml.registry import DEFAULT_ENCODER, ENCODERS
from tagging.models import Release


@pytest.fixture
def static_root(settings: Settings, tmp_path: Path) -> Path:
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STATICFILES_DIRS = [tmp_path / "sources"]
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "app.css").write_text("body { color: black }")
    return tmp_path / "collected"


@pytest.fixture
def models_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path / "models"


@pytest.mark.django_db
def test_static_files_are_collected_once_and_again_when_they_change(static_root: Path) -> None:
    assert prepare.collect_static_if_changed()
    assert any(static_root.rglob("app*.css"))
    assert not prepare.collect_static_if_changed()
    (static_root.parent / "sources" / "app.css").write_text("body { color: white }")
    assert prepare.collect_static_if_changed()


@pytest.mark.django_db
def test_a_migrated_database_has_nothing_to_apply() -> None:
    assert not prepare.has_migrations_to_apply()


@pytest.mark.django_db
@pytest.mark.usefixtures("static_root")
def test_it_prepares_everything_and_says_nothing_the_second_time(models_dir: Path) -> None:
    first, second = StringIO(), StringIO()
    call_command("prepare", stdout=first)
    call_command("prepare", stdout=second)
    assert {path.name for path in models_dir.iterdir()} == {spec.file_name for spec in ENCODERS.values()}
    assert Release.objects.count() == len(ENCODERS)
    assert second.getvalue() == ""


@pytest.mark.django_db
def test_a_default_release_that_somebody_chose_stays(models_dir: Path) -> None:
    call_command("install_encoders", verbosity=0)
    assert Release.objects.get(is_default=True).encoder.name == DEFAULT_ENCODER
    Release.objects.update(is_default=False)
    Release.objects.exclude(encoder__name=DEFAULT_ENCODER).update(is_default=True)
    call_command("install_encoders", verbosity=0)
    assert Release.objects.get(is_default=True).encoder.name != DEFAULT_ENCODER


@pytest.mark.django_db
def test_files_only_leaves_the_database_alone(models_dir: Path) -> None:
    call_command("install_encoders", files_only=True, verbosity=0)
    assert any(models_dir.iterdir())
    assert not Release.objects.exists()


def test_what_keeps_an_encoder_from_being_installed_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise InstallError("The models folder can't be written. Check its permissions.")

    monkeypatch.setattr(install_encoders, "install", fail)
    with pytest.raises(CommandError, match="Check its permissions"):
        call_command("install_encoders")
