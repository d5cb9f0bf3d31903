"""One verdict about many photos, and what was said before, for taking it back. Inside the caller's change."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from tagging import own_heads
from tagging.models import Tag, Verdict
from tagging.querysets import near


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said about a tag on a photo, and when; kind: a Verdict.Kind."""

    kind: str
    at: datetime


def said_about(owner_id: int, tag_id: int, photo_ids: Collection[int]) -> dict[int, Said]:
    """Return what the owner said about one tag, by photo."""
    rows = Verdict.objects.owned_by(owner_id).filter(near(photo_ids), tag=tag_id)
    wanted = set(photo_ids)
    return {
        photo_id: Said(kind, at)
        for photo_id, kind, at in rows.values_list("photo_id", "kind", "said_at")
        if photo_id in wanted
    }


def takes_back(owner_id: int, tag: Tag) -> bool:
    """Tell whether rejecting a tag takes it back: nobody but its owner gives it."""
    return tag.kind == Tag.Kind.OWN and not own_heads.is_taught(owner_id, tag.pk)


def say(
    owner_id: int, tag: Tag, photo_ids: Collection[int], kind: str, at: datetime
) -> dict[int, Said | None]:
    """Say the same about photos that the caller's change has touched; return what was said before, where it differs.

    Rejecting an own tag that only its owner gives takes it back, as for a single photo.
    """
    known = said_about(owner_id, tag.pk, photo_ids)
    if kind == Verdict.Kind.REJECTED and takes_back(owner_id, tag):
        put(owner_id, tag.pk, dict.fromkeys(known))
        return dict(known)
    new = [photo_id for photo_id in photo_ids if photo_id not in known or known[photo_id].kind != kind]
    put(owner_id, tag.pk, dict.fromkeys(new, Said(kind, at)))
    return {photo_id: known.get(photo_id) for photo_id in new}


def put(owner_id: int, tag_id: int, said: Mapping[int, Said | None]) -> None:
    """Make these the verdicts about a tag, by photo; None: nothing was said. The photos are touched."""
    mine = Verdict.objects.owned_by(owner_id).filter(tag=tag_id)
    mine.filter(near(said), photo__in=list(said)).delete()
    Verdict.objects.bulk_create(
        [
            Verdict(owner_id=owner_id, photo_id=photo_id, tag_id=tag_id, kind=one.kind)
            for photo_id, one in said.items()
            if one is not None
        ]
    )
    moments: dict[datetime, list[int]] = {}
    for photo_id, one in said.items():
        if one is not None:
            moments.setdefault(one.at, []).append(photo_id)
    for at, ids in moments.items():  # saving put the moment of saving there
        mine.filter(photo__in=ids).update(said_at=at)
