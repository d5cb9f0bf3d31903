from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from magicroll.management.commands import prepare
from tagging.cards import load_everyday_card
from tagging.management.commands import install_encoders
from tagging.ml.install import InstallError
from tagging.ml.registry import DEFAULT_ENCODER, ENCODERS
from tagging.models import Corpus, Release
from tagging.releases import card_of, register_release
from tagging.vocabulary import load_builtin, load_everyday
from tests.factories import make_user


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
def test_a_new_installation_begins_with_the_everyday_release_and_its_card(models_dir: Path) -> None:
    call_command("install_encoders", verbosity=0)
    assert {release.encoder.name for release in Release.objects.all()} == set(ENCODERS)
    for release in Release.objects.all():
        assert release.vocabulary_sha256 == load_everyday(release.encoder.name).sha256
        assert card_of(release) == load_everyday_card(release.encoder.name)
        assert release.is_default == (release.encoder.name == DEFAULT_ENCODER)


@pytest.mark.django_db
def test_an_installation_that_has_a_default_stays_on_it_and_is_offered_the_new_release(
    models_dir: Path,
) -> None:
    before = register_release(ENCODERS[DEFAULT_ENCODER], load_builtin(), default=True)
    corpus = Corpus.objects.get(owner=make_user("alice"))
    out = StringIO()
    call_command("install_encoders", stdout=out)
    assert "Registered 2 new releases." in out.getvalue()
    assert Release.objects.get(is_default=True) == before
    corpus.refresh_from_db()
    assert corpus.active == before
    assert Release.objects.filter(vocabulary=load_everyday(DEFAULT_ENCODER).name).count() == len(ENCODERS)


@pytest.mark.django_db
def test_the_roll_up_comes_when_asked_for(models_dir: Path) -> None:
    call_command("install_encoders", wordnet=True, verbosity=0)
    rolled = Release.objects.filter(vocabulary_sha256=load_builtin().sha256)
    assert {release.encoder.name for release in rolled} == set(ENCODERS)
    assert not rolled.filter(is_default=True).exists()
    assert Release.objects.count() == 2 * len(ENCODERS)


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
