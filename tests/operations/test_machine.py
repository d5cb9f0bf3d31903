"""Any order of operations, their parts, stops, undos and other edits: the end equals a model in plain Python."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from magicroll import operations, services
from magicroll.models import Operation, Photo, TakenFrom
from magicroll.operations import Order, Selection
from tagging.models import Tag, Verdict
from tagging.services import add_tag, reject_tag, undo_verdict
from tagging.verify import differences
from tests.factories import JUNE, annotate, make_photo, make_user

pytestmark = pytest.mark.django_db
Kind = Operation.Kind
SLUGS = ("dog", "cat")
PART = 2


@dataclass(frozen=True)
class Known:
    """What a photo is; each trashing and each verdict is one of its own, told apart by a number."""

    trashed: int = 0
    favourite: bool = False
    taken: Any = JUNE
    source: str = "exif"
    said: tuple[tuple[str, str, int], ...] = ()  # (slug, kind, number)

    def verdict(self, slug: str) -> tuple[str, int] | None:
        return next(((kind, number) for tag, kind, number in self.said if tag == slug), None)

    def saying(self, slug: str, verdict: tuple[str, int] | None) -> "Known":
        rest = [one for one in self.said if one[0] != slug]
        return replace(self, said=tuple(sorted([*rest, (slug, *verdict)] if verdict else rest)))


@dataclass
class Ordered:
    """An operation as the model sees it."""

    row: Operation
    order: Order
    slug: str
    number: int
    todo: list[int]
    before: dict[int, Known] = field(default_factory=dict)
    is_open: bool = True
    is_undone: bool = False

    def applied(self, was: Known) -> Known:
        kind = self.order.kind
        if kind == Kind.TRASH:
            return was if was.trashed else replace(was, trashed=self.number)
        if kind == Kind.RESTORE:
            return replace(was, trashed=0)
        if kind in (Kind.FAVOURITE, Kind.UNFAVOURITE):
            return replace(was, favourite=kind == Kind.FAVOURITE)
        if kind == Kind.SHIFT_DATE:
            return replace(was, taken=was.taken + timedelta(seconds=self.order.shift_s), source="person")
        if kind == Kind.SET_DATE:
            day = self.order.date
            taken = was.taken.replace(year=day.year, month=day.month, day=day.day)
            return replace(was, taken=taken, source="person")
        wanted = "added" if kind == Kind.ADD_TAG else "rejected"
        verdict = was.verdict(self.slug)
        return was if verdict and verdict[0] == wanted else was.saying(self.slug, (wanted, self.number))

    def put_back(self, was: Known, now: Known) -> Known:
        """Give back what this operation changed, where that is as it left it."""
        left, kind = self.applied(was), self.order.kind
        if kind in (Kind.TRASH, Kind.RESTORE) and now.trashed == left.trashed:
            return replace(now, trashed=was.trashed)
        if kind in (Kind.FAVOURITE, Kind.UNFAVOURITE) and now.favourite == left.favourite:
            return replace(now, favourite=was.favourite)
        if kind in (Kind.SHIFT_DATE, Kind.SET_DATE) and (now.taken, now.source) == (left.taken, left.source):
            return replace(now, taken=was.taken, source=was.source)
        if kind in (Kind.ADD_TAG, Kind.REJECT_TAG) and now.verdict(self.slug) == left.verdict(self.slug):
            return now.saying(self.slug, was.verdict(self.slug))
        return now


ORDERS = st.sampled_from(
    [
        *(Order(kind) for kind in (Kind.TRASH, Kind.RESTORE, Kind.FAVOURITE, Kind.UNFAVOURITE)),
        *(Order(Kind.SHIFT_DATE, shift_s=hours * 3600) for hours in (30, -50 * 24)),
        Order(Kind.SET_DATE, date=date(2023, 3, 3)),
        Order(Kind.ADD_TAG),
        Order(Kind.REJECT_TAG),
    ]
)


class OperationsMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.user, self.bob = make_user(), make_user()
        self.known: dict[int, Known] = {}
        self.ordered: list[Ordered] = []
        self.numbers = 0
        self.theirs = make_photo(self.bob)

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def photo(self, data: st.DataObject) -> Photo:
        return Photo.objects.get(pk=data.draw(st.sampled_from(sorted(self.known))))

    @rule(days=st.integers(0, 40), said=st.booleans())
    def upload(self, days: int, said: bool) -> None:
        photo = make_photo(self.user, JUNE + timedelta(days=days))
        if said:
            annotate(photo, {"dog": 0.5})
        self.known[photo.pk] = Known(taken=photo.taken_at)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), order=ORDERS, slug=st.sampled_from(SLUGS), everything=st.booleans())
    def order(self, data: st.DataObject, order: Order, slug: str, everything: bool) -> None:
        if order.kind in (Kind.ADD_TAG, Kind.REJECT_TAG):
            order = replace(order, tag_id=Tag.objects.get(slug=slug).pk)
        ids = data.draw(st.sets(st.sampled_from(sorted(self.known)), min_size=1))
        selection = Selection(ids=[*ids, self.theirs.pk])
        if everything:
            live = [pk for pk, known in self.known.items() if not known.trashed]
            selection = Selection(place="roll", upto=max(self.known), but=ids)
            ids = set(live) - ids
        if not ids:
            with pytest.raises(operations.NothingSelected):
                operations.begin(self.user, order, selection)
            return
        row = operations.begin(self.user, order, selection)
        newest_first = sorted(ids, key=lambda pk: (self.known[pk].taken, pk), reverse=True)
        self.ordered.append(Ordered(row, order, slug, self.next_number(), newest_first))

    @precondition(lambda self: any(one.is_open for one in self.ordered))
    @rule(data=st.data(), parts=st.integers(1, 3))
    def work(self, data: st.DataObject, parts: int) -> None:
        one = data.draw(st.sampled_from([one for one in self.ordered if one.is_open]))
        for _ in range(parts):
            operations.run_some(one.row.pk, until=0.0)
            now, one.todo = one.todo[:PART], one.todo[PART:]
            for pk in now:
                was = self.known[pk]
                if one.applied(was) != was:
                    one.before[pk] = was
                    self.known[pk] = one.applied(was)
            if not now:
                one.is_open = False

    @precondition(lambda self: any(one.is_open for one in self.ordered))
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.ordered if one.is_open]))
        operations.stop(one.row)
        one.is_open, one.todo = False, []

    @precondition(lambda self: any(not one.is_undone for one in self.ordered))
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.ordered if not one.is_undone]))
        operations.undo(one.row)
        while operations.run_some(one.row.pk, until=0.0):
            pass
        one.is_open, one.is_undone, one.todo = False, True, []
        for pk, was in one.before.items():
            self.known[pk] = one.put_back(was, self.known[pk])

    @precondition(lambda self: self.known)
    @rule(data=st.data(), act=st.sampled_from(["trash", "restore", "favourite", "unfavourite"]))
    def edit(self, data: st.DataObject, act: str) -> None:
        photo = self.photo(data)
        was = self.known[photo.pk]
        if act == "trash":
            services.trash(self.user, [photo.pk])
            self.known[photo.pk] = was if was.trashed else replace(was, trashed=self.next_number())
        elif act == "restore":
            services.restore(self.user, [photo.pk])
            self.known[photo.pk] = replace(was, trashed=0)
        else:
            services.set_favourite(self.user, photo.pk, act == "favourite")
            self.known[photo.pk] = replace(was, favourite=act == "favourite")

    @precondition(lambda self: self.known)
    @rule(data=st.data(), slug=st.sampled_from(SLUGS), act=st.sampled_from(["added", "rejected", None]))
    def say(self, data: st.DataObject, slug: str, act: str | None) -> None:
        photo = self.photo(data)
        tag_id = Tag.objects.get(slug=slug).pk
        if act == "added":
            add_tag(self.user, photo, slug)
        elif act == "rejected":
            reject_tag(self.user, photo, tag_id)
        else:
            undo_verdict(self.user, photo, tag_id)
        said = (act, self.next_number()) if act else None
        self.known[photo.pk] = self.known[photo.pk].saying(slug, said)

    @invariant()
    def equals_the_model(self) -> None:
        found = {photo.pk: photo for photo in Photo.objects.owned_by(self.user)}
        verdicts = Verdict.objects.owned_by(self.user).values_list("photo_id", "tag__slug", "kind")
        assert sorted(verdicts) == sorted(
            (pk, slug, kind) for pk, known in self.known.items() for slug, kind, _ in known.said
        )
        for pk, known in self.known.items():
            photo = found[pk]
            assert (photo.trashed_at is not None) == bool(known.trashed)
            facts = (photo.favourite, photo.taken_at, photo.taken_from)
            assert facts == (known.favourite, known.taken, TakenFrom(known.source))

    @invariant()
    def readers_see_what_a_recompute_gives(self) -> None:
        assert differences(self.user.pk) == []

    @invariant()
    def nobody_else_notices(self) -> None:
        self.theirs.refresh_from_db()
        assert (self.theirs.trashed_at, self.theirs.favourite, self.theirs.taken_at) == (None, False, JUNE)
        assert not Verdict.objects.owned_by(self.bob).exists()


def test_any_order_of_operations_undos_and_edits_ends_as_the_model_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("magicroll.operations.ordering.PHOTOS_PER_CHANGE", PART)
    monkeypatch.setattr("magicroll.operations.ordering.AT_ONCE", 0)
    run_state_machine_as_test(
        OperationsMachine,
        settings=settings(max_examples=15, stateful_step_count=25, suppress_health_check=list(HealthCheck)),
    )
