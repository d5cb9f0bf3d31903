"""People with photos, a release to bring them to, and the known model in place of networks."""

from collections.abc import Iterator

import pytest

from magicroll.models import User
from tagging.models import Release
from tests.factories import make_release, make_user
from tests.tagging.refill.model import Looking, looking
from tests.tagging.refill.people import make_person


@pytest.fixture
def model() -> Iterator[Looking]:
    with looking(chunk=2) as model:
        yield model


@pytest.fixture
def new() -> Release:
    return make_release("efficientnet-lite0")


@pytest.fixture
def admin() -> User:
    return make_user("root", is_staff=True, is_superuser=True)


@pytest.fixture
def alice(model: Looking) -> User:
    return make_person("alice", 5)


@pytest.fixture
def bob(model: Looking) -> User:
    return make_person("bob", 3)
