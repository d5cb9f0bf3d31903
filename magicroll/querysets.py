"""The only door to photos: every query starts at `owned_by(user)`."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.expressions import Combinable

if TYPE_CHECKING:
    from magicroll.models import Photo, User  # noqa: F401 - in the base class, as text

LIVE = Q(state="ready", trashed_at__isnull=True)


class PhotoQuerySet(models.QuerySet["Photo"]):
    def owned_by(self, user: "User | int") -> Self:
        """Keep one person's photos."""
        return self.filter(owner=user)

    def live(self) -> Self:
        """Keep what the roll shows: neither trashed nor set aside."""
        return self.filter(LIVE)

    def beyond(self) -> int:
        """Return an id above all of these: what comes later has it or a higher one."""
        return (self.order_by("-id").values_list("id", flat=True).first() or 0) + 1

    def newest_first(self) -> Self:
        return self.order_by("-taken_at", "-id")

    def set_date(self, taken_at: datetime | Combinable) -> int:
        """Give photos a person's date, and keep what their files said before the first time; inside a change.

        taken_at: the wall clock as if it were UTC, or an expression over F("taken_at").
        """
        kept = {
            found: Case(When(found_at=None, then=F(taken)), default=F(found))
            for found, taken in _FOUND_BESIDE_TAKEN.items()
        }
        return self.update(**kept, taken_at=taken_at, taken_offset_min=None, taken_from="person")

    def reset_date(self) -> int:
        """Give photos that have a person's date the one back that their files say; inside a change."""
        back = {taken: F(found) for found, taken in _FOUND_BESIDE_TAKEN.items()}
        dated = self.filter(taken_from="person")
        return dated.update(**back, found_at=None, found_offset_min=None, found_from="")


_FOUND_BESIDE_TAKEN = {
    "found_at": "taken_at",
    "found_offset_min": "taken_offset_min",
    "found_from": "taken_from",
}
