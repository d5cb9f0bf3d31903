"""alice and bob with a roll each, and an administrator; the clients that they are logged in with."""

from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from magicroll.models import Photo, User
from tests.factories import make_photo, make_user


@pytest.fixture(autouse=True)
def _no_attempts_counted() -> Iterator[None]:
    """What earlier tests did must not throttle this one."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def admin(db: None) -> User:
    return make_user("admin", is_staff=True, is_superuser=True)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_alice(alice: User) -> Client:
    return logged_in(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return logged_in(bob)


@pytest.fixture
def as_admin(admin: User) -> Client:
    return logged_in(admin)


def picture_bytes(colour: str = "teal", kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def stored_photo() -> Iterator[Callable[..., Photo]]:
    """Make photos whose files are really in the storage."""
    names: list[str] = []

    def make(user: User, **fields: object) -> Photo:
        photo = make_photo(user, **fields)
        names.extend(default_storage.save(name, ContentFile(picture_bytes())) for name in photo.files)
        return photo

    yield make
    for name in names:
        default_storage.delete(name)
