"""Whom a refill is for: some people by name, everybody, or a share of everybody that stays the same."""

import hashlib
from collections.abc import Collection

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from magicroll.models import User

PERCENT = 10_000  # steps of a share: hundredths of a percent


class UnknownPeople(LookupError):
    """Nobody has these names; the message is for the administrator."""


def everybody() -> QuerySet[User]:
    """Return all who have a corpus, by name; without the accounts that `doctor` makes for its round trip."""
    return User.objects.filter(corpus__isnull=False).exclude(username__startswith="~").order_by("username")


def named(names: Collection[str]) -> list[User]:
    """Return people by their names. Raises UnknownPeople."""
    found = list(everybody().filter(username__in=names))
    unknown = sorted(set(names) - {user.username for user in found})
    if unknown:
        raise UnknownPeople(_("Nobody here is called %(names)s.") % {"names": ", ".join(unknown)})
    return found


def share(percent: float) -> list[User]:
    """Return a share of everybody, at least one person.

    Who is among five percent is among ten percent too, today and next year: a canary grows and never moves.
    """
    people = sorted(everybody(), key=lambda user: _place(user.pk))
    chosen = [user for user in people if _place(user.pk) < percent * 100]
    return chosen or people[:1]


def _place(user_id: int) -> int:
    """Give a person a lasting place in 0..PERCENT, as if by chance."""
    digest = hashlib.sha256(f"refill {user_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % PERCENT
