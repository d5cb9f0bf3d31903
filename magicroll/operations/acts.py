"""What each kind of operation does to photos that a corpus change has touched, and how it is put back.

`apply` returns what each photo was that it changed, as JSON. `put_back` gives that back to the photos that are
still as the operation left them: what somebody changed since stays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from magicroll import services
from magicroll.models import Operation, Photo, TakenFrom
from magicroll.querysets import PhotoQuerySet
from tagging.judging import Said, put, said_about, say, takes_back
from tagging.models import Tag, Verdict

Photos = Mapping[int, Photo]
Before = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """put_back returns how many photos it gave back what they were."""

    apply: Callable[[Operation, Photos], Before]
    put_back: Callable[[Operation, Photos, Before], int]


def act_of(operation: Operation) -> Act:
    """Return how an operation is applied and put back."""
    return _ACTS[Operation.Kind(operation.kind)]


def _these(operation: Operation, photo_ids: list[int]) -> PhotoQuerySet:
    return Photo.objects.owned_by(operation.owner_id).filter(id__in=photo_ids)


def _trash(operation: Operation, photos: Photos) -> Before:
    ids = [photo.id for photo in photos.values() if photo.trashed_at is None]
    _these(operation, ids).update(trashed_at=operation.given_at)
    return dict.fromkeys(map(str, ids))


def _untrash(operation: Operation, photos: Photos, before: Before) -> int:
    ids = [
        one.id for one in photos.values() if str(one.id) in before and one.trashed_at == operation.given_at
    ]
    return _these(operation, ids).update(trashed_at=None)


def _restore(operation: Operation, photos: Photos) -> Before:
    was = {photo.id: photo.trashed_at for photo in photos.values() if photo.trashed_at is not None}
    _these(operation, list(was)).update(trashed_at=None)
    return {str(photo_id): at.isoformat() for photo_id, at in was.items()}


def _trash_again(operation: Operation, photos: Photos, before: Before) -> int:
    back = [photo for photo in photos.values() if str(photo.id) in before and photo.trashed_at is None]
    for photo in back:
        photo.trashed_at = datetime.fromisoformat(before[str(photo.id)])
    return Photo.objects.bulk_update(back, ["trashed_at"]) if back else 0


def _favour(operation: Operation, photos: Photos) -> Before:
    wanted = operation.kind == Operation.Kind.FAVOURITE
    ids = [photo.id for photo in photos.values() if photo.favourite != wanted]
    _these(operation, ids).update(favourite=wanted)
    return dict.fromkeys(map(str, ids))


def _favour_back(operation: Operation, photos: Photos, before: Before) -> int:
    given = operation.kind == Operation.Kind.FAVOURITE
    ids = [one.id for one in photos.values() if str(one.id) in before and one.favourite == given]
    return _these(operation, ids).update(favourite=not given)


@dataclass(frozen=True, slots=True)
class _Date:
    """When a photo was taken, from where that is known, and what its file says where a person said something else."""

    taken_at: datetime
    taken_offset_min: int | None
    taken_from: str
    found_at: datetime | None
    found_offset_min: int | None
    found_from: str

    @classmethod
    def of(cls, photo: Photo) -> "_Date":
        return cls(**{name: getattr(photo, name) for name in _DATE_FIELDS})

    @classmethod
    def read(cls, said: dict[str, Any]) -> "_Date":
        moments = {
            name: datetime.fromisoformat(said[name]) for name in ("taken_at", "found_at") if said[name]
        }
        return cls(**{**said, **moments})

    def written(self) -> dict[str, Any]:
        """Return what `read` reads, as values that JSON has."""
        values = {name: getattr(self, name) for name in _DATE_FIELDS}
        return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in values.items()}

    def give(self, photo: Photo) -> None:
        for name in _DATE_FIELDS:
            setattr(photo, name, getattr(self, name))

    def given_by(self, operation: Operation) -> "_Date | None":
        """Return what an operation makes of this date; None where no calendar has that."""
        try:
            if operation.kind == Operation.Kind.SHIFT_DATE:
                moved = self.taken_at + timedelta(seconds=operation.shift_s or 0)
            else:
                assert operation.date is not None  # noqa: S101 - the database holds that
                time = operation.time or self.taken_at.time()
                moved = datetime.combine(operation.date, time, tzinfo=UTC)
        except OverflowError:
            return None
        return self.said_by_person(moved)

    def said_by_person(self, taken_at: datetime) -> "_Date":
        """As `PhotoQuerySet.set_date` does: what the file said before the first time is kept."""
        person = replace(self, taken_at=taken_at, taken_offset_min=None, taken_from=TakenFrom.PERSON.value)
        if self.found_at is not None:
            return person
        return replace(
            person,
            found_at=self.taken_at,
            found_offset_min=self.taken_offset_min,
            found_from=self.taken_from,
        )


_DATE_FIELDS = [one.name for one in fields(_Date)]


def _date(operation: Operation, photos: Photos) -> Before:
    before: Before = {}
    changed = []
    for photo in photos.values():
        was = _Date.of(photo)
        new = was.given_by(operation)
        if new is not None and new != was:
            before[str(photo.id)] = was.written()
            new.give(photo)
            changed.append(photo)
    Photo.objects.bulk_update(changed, _DATE_FIELDS)
    return before


def _date_back(operation: Operation, photos: Photos, before: Before) -> int:
    back = []
    for photo in photos.values():
        if str(photo.id) not in before:
            continue
        was = _Date.read(before[str(photo.id)])
        if _Date.of(photo) == was.given_by(operation):
            was.give(photo)
            back.append(photo)
    return Photo.objects.bulk_update(back, _DATE_FIELDS) if back else 0


def _judge(operation: Operation, photos: Photos) -> Before:
    tag = _tag(operation)
    before = say(operation.owner_id, tag, list(photos), _verdict(operation), operation.given_at)
    return {
        str(photo_id): [said.kind, said.at.isoformat()] if said else None for photo_id, said in before.items()
    }


def _judge_back(operation: Operation, photos: Photos, before: Before) -> int:
    tag = _tag(operation)
    was_taken_back = operation.kind == Operation.Kind.REJECT_TAG and takes_back(operation.owner_id, tag)
    left = None if was_taken_back else Said(_verdict(operation), operation.given_at)
    now = said_about(operation.owner_id, tag.pk, photos)
    back = {
        photo_id: Said(said[0], datetime.fromisoformat(said[1])) if said else None
        for photo_id, said in ((int(key), said) for key, said in before.items())
        if photo_id in photos and now.get(photo_id) == left
    }
    put(operation.owner_id, tag.pk, back)
    return len(back)


def _tag(operation: Operation) -> Tag:
    assert operation.tag is not None  # noqa: S101 - the database holds that
    return operation.tag


def _verdict(operation: Operation) -> str:
    adds = operation.kind == Operation.Kind.ADD_TAG
    return (Verdict.Kind.ADDED if adds else Verdict.Kind.REJECTED).value


def _delete(operation: Operation, photos: Photos) -> Before:
    """Delete what is in the trash since before the order: what was restored, or trashed anew, was not meant."""
    gone = _these(operation, list(photos)).filter(trashed_at__lte=operation.given_at)
    ids = list(gone.values_list("id", flat=True))
    services.purge_rows(gone)
    return dict.fromkeys(map(str, ids))


def _never(operation: Operation, photos: Photos, before: Before) -> int:
    raise ValueError("What was deleted for good can't be put back.")


_ACTS = {
    Operation.Kind.ADD_TAG: Act(_judge, _judge_back),
    Operation.Kind.REJECT_TAG: Act(_judge, _judge_back),
    Operation.Kind.FAVOURITE: Act(_favour, _favour_back),
    Operation.Kind.UNFAVOURITE: Act(_favour, _favour_back),
    Operation.Kind.SHIFT_DATE: Act(_date, _date_back),
    Operation.Kind.SET_DATE: Act(_date, _date_back),
    Operation.Kind.TRASH: Act(_trash, _untrash),
    Operation.Kind.RESTORE: Act(_restore, _trash_again),
    Operation.Kind.DELETE: Act(_delete, _never),
}
