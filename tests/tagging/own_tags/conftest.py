from collections.abc import Iterator

import pytest

from magicroll.models import User
from tests.tagging.own_tags.eyes import few_dimensions
from tests.tagging.refill.model import looking
from tests.tagging.refill.people import make_person


@pytest.fixture
def eyes() -> Iterator[None]:
    """Let photos be looked at without a network, two at a time."""
    with few_dimensions(), looking(chunk=2):
        yield


@pytest.fixture
def alice() -> User:
    return make_person("alice", 12)
