"""Fixtures for everything that needs people, releases or photos."""

from pathlib import Path

import pytest

SHARED_PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "photos"


@pytest.fixture(scope="session")
def shared_photos() -> Path:
    """The folder of real photos; tests that need it skip where it isn't there."""
    if not SHARED_PHOTOS.is_dir():
        pytest.skip(f"no real photos: {SHARED_PHOTOS} is not there")
    return SHARED_PHOTOS


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    """Forget what a process may remember for ever but a test database doesn't keep."""
    from tagging.releases import release_tags

    release_tags.cache_clear()
