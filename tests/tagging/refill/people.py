"""Small corpora that refills are at, for tests of what administrators see."""

from magicroll.models import User
from tagging.models import CorpusRefill, Refill, Release
from tagging.refill import filling, orders
from tagging.services import annotate_some
from tests.factories import make_photo, make_user


def make_person(name: str, photos: int) -> User:
    """A person whose photos the default release has seen; inside `looking()`."""
    user = make_user(name)
    for _ in range(photos):
        make_photo(user)
    while annotate_some(user.pk):
        pass
    return user


def start(release: Release, *users: User, by: User | None = None, **fields: object) -> Refill:
    return orders.start(by, release, users, **fields)  # type: ignore[arg-type]


def work_off() -> None:
    """Let workers do all that is to do now."""
    while filling.fill_some():
        pass
    for owner in CorpusRefill.objects.filter(state=CorpusRefill.State.FILLING).values_list(
        "owner", flat=True
    ):
        while annotate_some(owner):
            pass
    while filling.fill_some():
        pass


def state_of(refill: Refill, user: User) -> str:
    return str(refill.corpora.get(owner=user).state)
