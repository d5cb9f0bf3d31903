"""Fixtures for everything that needs people, releases or photos."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import LazySettings
from hypothesis import settings as hypothesis_settings

from tests.models import installed_models

# A machine that is busy for a moment is no failure; what has to be quick is measured in bench/.
hypothesis_settings.register_profile("suite", deadline=None)
hypothesis_settings.load_profile("suite")

SHARED_PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "photos"


@pytest.fixture(scope="session")
def shared_photos() -> Path:
    """The folder of real photos; tests that need it skip where it isn't there."""
    if not SHARED_PHOTOS.is_dir():
        pytest.skip(f"no real photos: {SHARED_PHOTOS} is not there")
    return SHARED_PHOTOS


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder with every encoder installed. A test that opens one asks for it: no other test may have run."""
    return installed_models()


@pytest.fixture
def own_files(settings: LazySettings, tmp_path: Path) -> Path:
    """Give a test a storage and an incoming folder of its own; returns the storage's folder."""
    folder, incoming = tmp_path / "stored", tmp_path / "incoming"
    folder.mkdir()
    incoming.mkdir()
    default = settings.STORAGES["default"] | {"OPTIONS": {"location": str(folder)}}
    settings.STORAGES = settings.STORAGES | {"default": default}
    settings.FILE_UPLOAD_TEMP_DIR = str(incoming)
    return folder


@pytest.fixture(autouse=True)
def _fresh_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a process may remember for ever but a test database doesn't keep.

    A vocabulary's text is the same in every test: parsing it again for each would take half the suite's time.
    """
    from tagging import own_heads, releases, snapshots
    from tagging.own_tags import space
    from tagging.search import names, postings

    monkeypatch.setattr(releases, "Vocabulary", SimpleNamespace(from_json=_vocabulary))
    releases.release_tags.cache_clear()
    snapshots._tail.cache_clear()
    space._space.cache_clear()
    own_heads._projection.cache_clear()
    postings.forget()
    names.forget()


@lru_cache
def _vocabulary(text: str) -> object:
    from tagging.vocabulary import Vocabulary

    return Vocabulary.from_json(text)


@pytest.fixture(scope="session", autouse=True)
def _no_decoders_left() -> Iterator[None]:
    """End this process's decoder children, if a test has started any."""
    yield
    from magicroll.intake import decoders

    if decoders.cache_info().currsize:
        decoders().close()


@pytest.fixture(autouse=True)
def _in_english() -> None:
    """Forget the language that an earlier test's last request was answered in: the process goes on in it."""
    from django.utils import translation

    translation.deactivate()


@pytest.fixture(autouse=True)
def _early_in_every_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock of the throttles, so that no test straddles two windows."""
    monkeypatch.setattr("magicroll.throttle.time", SimpleNamespace(time=lambda: 1_800_000_001.0))
