"""How far refills are: each as a whole, and for each person. The number of queries is always the same."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    Count,
    F,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)  # fmt: skip
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from tagging.models import AuditEntry, CorpusRefill, Leftover, MonthCount, Outstanding, Refill

State = CorpusRefill.State
PAGE = 50  # people a page
# What an administrator has to see to comes first.
_RANK = {State.WHOLE: 0, State.FILLING: 1, State.WAITING: 2}
_ENDED = 3


class BadPlace(ValueError):
    """A place in a list that this application didn't name."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Photos: tagged, not to be seen by the release, and to go; how fast, and for how long still."""

    done: int
    failed: int
    to_go: int
    redone: int
    photos_per_s: float | None = None
    seconds_left: float | None = None

    @property
    def total(self) -> int:
        return self.done + self.failed + self.to_go

    @property
    def percent(self) -> int:
        """Round down: a hundred percent is the end."""
        return (self.done + self.failed) * 100 // self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class Summary:
    """A refill as a whole; people: how many corpora are in which state."""

    refill: Refill
    bar: Bar
    people: dict[str, int]

    @property
    def everybody(self) -> int:
        return sum(self.people.values())

    @property
    def open(self) -> int:
        return sum(self.people.get(state, 0) for state in CorpusRefill.OPEN)

    @property
    def states(self) -> list[tuple[str, int]]:
        """Name the states that somebody is in, in the order of a corpus's way through them."""
        return [(str(state.label), self.people[state]) for state in State if self.people.get(state)]

    @property
    def is_open(self) -> bool:
        return self.refill.state in (Refill.State.RUNNING, Refill.State.PAUSED)


@dataclass(frozen=True, slots=True)
class Person:
    """One corpus of a refill; note: what it waits for, or why it ended so."""

    corpus: CorpusRefill
    bar: Bar
    note: str

    @property
    def way_back_until(self) -> datetime | None:
        """Tell until when what this refill did here can be taken back."""
        pointers = self.corpus.owner.corpus
        is_on_it = self.corpus.state == State.DONE and pointers.active_id == self.corpus.refill.release_id
        return pointers.previous_until if is_on_it else None


@dataclass(frozen=True, slots=True)
class People:
    rows: list[Person]
    next: str  # the next page's place; empty after the last one


class _Row(NamedTuple):
    """What corpora in one state add up to; handed: photos of ended chunks that go alone now."""

    state: str
    n: int
    expected: int
    done: int
    redone: int
    failed: int
    handed: int
    fresh: int  # came meanwhile
    began: datetime | None
    served: datetime | None

    @property
    def left(self) -> int:
        waiting = self.handed + self.fresh if self.state in CorpusRefill.AT_WORK else 0
        return waiting + (max(0, self.expected - self.done) if self.state in CorpusRefill.OPEN else 0)

    @property
    def alone(self) -> int:
        return self.handed if self.state in CorpusRefill.AT_WORK else 0


def summary(refill: Refill) -> Summary:
    """Return how far one refill is."""
    return summaries([refill])[0]


def summaries(refills: Collection[Refill]) -> list[Summary]:
    """Return how far each refill is: two queries."""
    found: dict[int, list[_Row]] = defaultdict(list)
    corpora = _with_photos(CorpusRefill.objects.filter(refill__in=refills)).order_by()
    sums = [Sum(name) for name in ("expected", "done", "redone", "failed", "handed", "fresh")]
    rows = corpora.values_list("refill", "state").annotate(
        Count("id"), *sums, Min("began_at"), Max("served_at")
    )
    for refill_id, *row in rows:
        found[refill_id].append(_Row(*row))
    pauses = _pauses(refills)
    return [
        Summary(
            refill,
            _bar(refill, found[refill.pk], pauses[refill.pk]),
            {row.state: row.n for row in found[refill.pk]},
        )
        for refill in refills
    ]


def _with_photos(rows: QuerySet[CorpusRefill]) -> QuerySet[CorpusRefill]:
    """Count what the notes of outstanding photos say of each corpus, and what a waiting one will have to do."""
    notes = Outstanding.objects.filter(owner=OuterRef("owner"), release=OuterRef("refill__release"))
    open_ = notes.filter(set_aside_reason="")
    months = MonthCount.objects.filter(owner=OuterRef("owner")).order_by().values("owner")
    live = Coalesce(Subquery(months.annotate(n=Sum("count")).values("n")), 0)
    return rows.annotate(
        failed=_count(notes.exclude(set_aside_reason="")),
        handed=_count(open_.filter(photo__lte=OuterRef("up_to"))),
        fresh=_count(open_.filter(photo__gt=OuterRef("up_to"))),
        expected=Case(When(state=State.WAITING, then=live), default=F("total"), output_field=IntegerField()),
    )


def _count(notes: QuerySet[Outstanding]) -> Coalesce:
    counted = notes.order_by().values("owner").annotate(n=Count("*")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _bar(refill: Refill, rows: Collection[_Row], pauses: "list[_Pause]") -> Bar:
    done, failed = sum(row.done for row in rows), sum(row.failed for row in rows)
    left = sum(row.left for row in rows)
    began = min((row.began for row in rows if row.began), default=None)
    served = max((row.served for row in rows if row.served), default=None)
    at_work = any(row.state == State.FILLING for row in rows)
    speed = _speed(done, began, timezone.now() if at_work else served, pauses)
    return Bar(
        done=max(0, done - failed - sum(row.alone for row in rows)),
        failed=failed,
        to_go=left,
        redone=sum(row.redone for row in rows),
        photos_per_s=speed,
        seconds_left=left / speed if speed and left and refill.state == Refill.State.RUNNING else None,
    )


@dataclass(frozen=True, slots=True)
class _Pause:
    since: datetime
    until: datetime


def _pauses(refills: Collection[Refill]) -> dict[int, list[_Pause]]:
    """Read from the audit trail when refills stood still."""
    found: dict[int, list[_Pause]] = defaultdict(list)
    since: dict[int, datetime] = {}
    entries = AuditEntry.objects.filter(refill__in=refills, action__in=("paused", "resumed")).order_by("id")
    for refill_id, action, at in entries.values_list("refill_id", "action", "at"):
        if action == "paused":
            since[refill_id] = at
        elif refill_id in since:
            found[refill_id].append(_Pause(since.pop(refill_id), at))
    for refill_id, at in since.items():
        found[refill_id].append(_Pause(at, timezone.now()))
    return found


def _speed(
    done: int, began: datetime | None, until: datetime | None, pauses: Iterable[_Pause]
) -> float | None:
    """Return photos per second of the time that was worked; None before there is anything to go by."""
    if began is None or until is None or not done:
        return None
    worked = (until - began).total_seconds()
    for pause in pauses:
        worked -= max(0.0, (min(pause.until, until) - max(pause.since, began)).total_seconds())
    return done / worked if worked > 0 else None


def people(refill: Refill, after: str | None = None) -> People:
    """Return a page of a refill's people, those to see to first, then those at work. Raises BadPlace."""
    rows = _with_photos(refill.corpora.select_related("owner__corpus")).annotate(
        rank=Case(
            *(When(state=state, then=Value(rank)) for state, rank in _RANK.items()), default=Value(_ENDED)
        )
    )
    if after:
        rank, pk = _place(after)
        rows = rows.filter(Q(rank__gt=rank) | Q(rank=rank, pk__gt=pk))
    found = list(rows.order_by("rank", "pk")[: PAGE + 1])
    shown = found[:PAGE]
    for one in shown:
        one.refill = refill
    notes = _in_the_way(refill, shown)
    pauses = _pauses([refill])[refill.pk]
    return People(
        [
            Person(one, _bar(refill, [_row_of(one)], pauses), notes.get(one.owner_id, one.note))
            for one in shown
        ],
        next=f"{_RANK.get(State(shown[-1].state), _ENDED)}-{shown[-1].pk}" if len(found) > PAGE else "",
    )


def person(refill: Refill, owner_id: int) -> Person | None:
    """Return one person of a refill, if they are in it."""
    one = _with_photos(refill.corpora.select_related("owner__corpus").filter(owner=owner_id)).first()
    if one is None:
        return None
    note = _in_the_way(refill, [one]).get(owner_id, one.note)
    return Person(one, _bar(refill, [_row_of(one)], _pauses([refill])[refill.pk]), note)


def _place(text: str) -> tuple[int, int]:
    try:
        rank, pk = map(int, text.split("-"))
    except ValueError as error:
        raise BadPlace(text) from error
    if not 0 <= pk < 2**63 or not 0 <= rank <= _ENDED:
        raise BadPlace(text)
    return rank, pk


def _row_of(one: Any) -> _Row:
    """Take a corpus with what `_with_photos` counted."""
    return _Row(
        one.state, 1, one.expected, one.done, one.redone, one.failed, one.handed, one.fresh,
        one.began_at, one.served_at,
    )  # fmt: skip


def _in_the_way(refill: Refill, shown: Collection[CorpusRefill]) -> dict[int, str]:
    """Say what waiting corpora wait for, beyond their turn."""
    owners = [one.owner_id for one in shown if one.state == State.WAITING]
    busy = CorpusRefill.objects.filter(owner__in=owners, state__in=CorpusRefill.AT_WORK)
    left = Leftover.objects.filter(owner__in=owners, release=refill.release_id)
    notes = dict.fromkeys(
        left.values_list("owner", flat=True), _("What this release left here before is being removed first.")
    )
    for owner_id, refill_id in busy.exclude(refill=refill).values_list("owner", "refill"):
        notes[owner_id] = _("Refill %(number)s is at it. Its turn comes after that.") % {"number": refill_id}
    return notes


def mark(refills: Collection[Refill]) -> str:
    """Name the state of refills, cheaply: the same name, nothing new to show. Two queries."""
    corpora = CorpusRefill.objects.filter(refill__in=refills)
    sums = corpora.order_by("refill", "state").values_list("refill", "state")
    counted = sums.annotate(Count("id"), Sum("done"), Sum("redone"), Sum("total"))
    at_work = corpora.filter(state__in=CorpusRefill.AT_WORK).values("owner")
    notes = Outstanding.objects.filter(release__in={one.release_id for one in refills}, owner__in=at_work)
    outstanding = notes.aggregate(n=Count("*"), aside=Count("photo", filter=~Q(set_aside_reason="")))
    states = [(one.pk, one.state, one.priority) for one in refills]
    return repr((states, list(counted), outstanding))


def returnable(refill: Refill) -> int:
    """Count the people whom rolling back a refill would bring back."""
    switched = refill.corpora.filter(state=State.DONE, owner__corpus__active=F("refill__release"))
    return switched.exclude(owner__corpus__previous=None).count()
