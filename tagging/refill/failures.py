"""Photos that a refill's release could not see: why, and trying them again."""

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from tagging.models import Outstanding, Refill

GROUPS = 200  # that a page lists


@dataclass(frozen=True, slots=True)
class Failed:
    """Photos of one person that a release could not see, for one reason."""

    owner_id: int
    name: str
    reason: str
    count: int


def failed(refill: Refill) -> list[Failed]:
    """Return why photos of a refill's people could not be seen, most of a kind first; at most GROUPS."""
    rows = (
        _failed(refill)
        .values_list("owner", "owner__username", "set_aside_reason")
        .annotate(n=Count("*"))
        .order_by("-n", "owner__username", "set_aside_reason")
    )
    return [Failed(*row) for row in rows[:GROUPS]]


def failed_photos(refill: Refill, owner_id: int | None = None) -> dict[int, list[int]]:
    """Return the ids of these photos by owner: of one, or of all."""
    rows = _failed(refill) if owner_id is None else _failed(refill).filter(owner=owner_id)
    found: dict[int, list[int]] = defaultdict(list)
    for owner, photo in rows.order_by("owner", "photo").values_list("owner", "photo"):
        found[owner].append(photo)
    return found


def _failed(refill: Refill) -> QuerySet[Outstanding]:
    owners = refill.corpora.values("owner")
    return Outstanding.objects.filter(release=refill.release_id, owner__in=owners).exclude(
        set_aside_reason=""
    )
