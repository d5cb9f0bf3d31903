"""The only door to photos: every query starts at `owned_by(user)`."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

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

    def newest_first(self) -> Self:
        return self.order_by("-taken_at", "-id")
