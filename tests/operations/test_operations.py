"""What operations do, whom they reach, what they leave alone, and what comes back."""

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

import pytest
from django.db import IntegrityError
from django.utils import timezone

from magicroll import operations, services, tasks
from magicroll.models import Operation, OperationPart, Photo, User
from magicroll.operations import NothingSelected, Order, Selection, UnknownPlace, told
from tagging.models import Tag, Verdict
from tagging.services import add_tag, reject_tag
from tagging.verify import differences
from tests.factories import JUNE, annotate, make_photo, make_user

pytestmark = pytest.mark.django_db
Kind, State = Operation.Kind, Operation.State


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three photos are a change, and what has more goes to the worker."""
    monkeypatch.setattr("magicroll.operations.ordering.PHOTOS_PER_CHANGE", 3)
    monkeypatch.setattr("magicroll.operations.ordering.AT_ONCE", 3)


def some(photos: list[Photo]) -> Selection:
    return Selection(ids=[photo.pk for photo in photos])


def all_of(user: User, place: str, but: tuple[int, ...] = ()) -> Selection:
    return Selection(place=place, upto=operations.offer(user, place).upto, but=but)


def tag(slug: str) -> int:
    return Tag.objects.get(slug=slug).pk


def work(operation: Operation, parts: int = 1000) -> Operation:
    """Let a worker do so many parts."""
    for _ in range(parts):
        if not operations.run_some(operation.pk, until=0.0):
            break
    operation.refresh_from_db()
    return operation


def state_of(user: User) -> dict[str, object]:
    photos = Photo.objects.owned_by(user).order_by("pk")
    return {
        "photos": list(photos.values("pk", "trashed_at", "favourite", "taken_at", "taken_from")),
        "verdicts": list(Verdict.objects.owned_by(user).order_by("photo", "tag").values()),
    }


ORDERS = [
    lambda: Order(Kind.TRASH),
    lambda: Order(Kind.RESTORE),
    lambda: Order(Kind.FAVOURITE),
    lambda: Order(Kind.UNFAVOURITE),
    lambda: Order(Kind.SHIFT_DATE, shift_s=-45 * 86_400),
    lambda: Order(Kind.SET_DATE, date=date(2001, 2, 3)),
    lambda: Order(Kind.SET_DATE, date=date(2001, 2, 3), time=time_of_day(4, 5)),
    lambda: Order(Kind.ADD_TAG, tag_id=tag("cat")),
    lambda: Order(Kind.REJECT_TAG, tag_id=tag("dog")),
]


@pytest.mark.parametrize("order", ORDERS)
def test_undo_restores_exactly_what_each_photo_was(alice: User, order):
    photos = [make_photo(alice, JUNE + timedelta(days=n), favourite=n % 2 == 0) for n in range(6)]
    for photo in photos:
        annotate(photo, {"dog": 0.9})
    reject_tag(alice, photos[0], tag("cat"))
    add_tag(alice, photos[1], "cat")
    add_tag(alice, photos[2], "dog")
    services.trash(alice, [photos[3].pk])
    before = state_of(alice)
    done = operations.begin(alice, order(), some(photos))
    assert (done.state, done.total, done.seen) == (State.DONE, 6, 6)
    assert done.changed > 0
    assert state_of(alice) != before
    assert differences(alice.pk) == []
    undone = operations.undo(done)
    assert (undone.state, undone.put_back) == (State.UNDONE, done.changed)
    assert state_of(alice) == before
    assert differences(alice.pk) == []


@pytest.mark.parametrize("order", [*ORDERS, lambda: Order(Kind.DELETE)])
def test_anybody_elses_photos_are_none(alice: User, order):
    bob = make_user("bob")
    theirs = [make_photo(bob), make_photo(bob)]
    services.trash(bob, [theirs[1].pk])
    before = state_of(bob)
    with pytest.raises(NothingSelected):
        operations.begin(alice, order(), some(theirs))
    assert not Operation.objects.exists()
    mine = make_photo(alice)
    services.trash(alice, [make_photo(alice).pk])
    done = operations.begin(alice, order(), some([mine, *theirs]))
    assert done.total == 1
    assert state_of(bob) == before


def test_undo_leaves_what_somebody_changed_since(alice: User):
    photos = [make_photo(alice) for _ in range(3)]
    done = operations.begin(alice, Order(Kind.TRASH), some(photos))
    services.restore(alice, [photos[0].pk])
    services.restore(alice, [photos[1].pk])
    services.trash(alice, [photos[1].pk])  # anew: that is another decision
    operations.undo(done)
    assert list(Photo.objects.exclude(trashed_at=None)) == [photos[1]]
    done.refresh_from_db()
    assert told(done) == "Undone; 2 photos that changed since stay as they are."


def test_undo_of_a_verdict_leaves_what_was_said_since(alice: User):
    said_again, untouched = make_photo(alice), make_photo(alice)
    done = operations.begin(alice, Order(Kind.ADD_TAG, tag_id=tag("cat")), some([said_again, untouched]))
    reject_tag(alice, said_again, tag("cat"))
    add_tag(alice, said_again, "cat")
    operations.undo(done)
    assert list(Verdict.objects.values_list("photo", "kind")) == [(said_again.pk, "added")]


def test_an_own_tag_is_taken_back_and_comes_again(alice: User):
    photo, other = make_photo(alice), make_photo(alice)
    own = add_tag(alice, photo, "grandma's garden")
    before = state_of(alice)
    done = operations.begin(alice, Order(Kind.REJECT_TAG, tag_id=own.pk), some([photo, other]))
    assert done.changed == 1
    assert not Verdict.objects.exists()
    operations.undo(done)
    assert state_of(alice) == before


def test_a_date_that_no_calendar_has_leaves_its_photo_alone(alice: User):
    early = make_photo(alice, datetime(3, 1, 1, tzinfo=UTC))
    usual = make_photo(alice)
    done = operations.begin(alice, Order(Kind.SHIFT_DATE, shift_s=-10 * 366 * 86_400), some([early, usual]))
    assert done.changed == 1
    early.refresh_from_db()
    assert early.taken_at.year == 3


# All of a list


def test_all_is_the_list_as_it_is_without_what_was_uploaded_since(alice: User):
    first, second, kept = (make_photo(alice) for _ in range(3))
    selection = all_of(alice, "roll", but=(kept.pk,))
    later = make_photo(alice, JUNE - timedelta(days=365))
    services.trash(alice, [second.pk])  # left the list
    done = operations.begin(alice, Order(Kind.FAVOURITE), selection)
    assert done.total == 1
    favourites = Photo.objects.filter(favourite=True)
    assert list(favourites) == [first]
    assert later not in favourites


def test_what_leaves_the_list_while_it_is_worked_on_was_selected_all_the_same(alice: User, small_parts):
    photos = [make_photo(alice, favourite=True) for _ in range(7)]
    running = operations.begin(alice, Order(Kind.UNFAVOURITE), all_of(alice, "favourites"))
    assert (running.state, running.total) == (State.RUNNING, 7)
    work(running, 1)
    fresh = make_photo(alice, favourite=True)  # comes into the list: nobody chose it
    services.set_favourite(alice, photos[0].pk, favourite=False)  # is so already when its turn comes
    work(running)
    assert (running.state, running.seen, running.changed) == (State.DONE, 7, 6)
    assert list(Photo.objects.filter(favourite=True)) == [fresh]


@pytest.mark.parametrize(
    "place", ["roll", "favourites", "tag:dog", "search:dog", "search:june 2024", "trash"]
)
def test_every_list_can_be_selected_as_a_whole(alice: User, place: str):
    bob = make_user("bob")
    mine = []
    for user in (alice, bob):
        for _ in range(3):
            photo = make_photo(user, favourite=True)
            annotate(photo, {"dog": 0.9})
            mine += [photo.pk] if user == alice else []
    if place == "trash":
        for user in (alice, bob):
            services.trash(user, list(Photo.objects.owned_by(user).values_list("pk", flat=True)))
    offer = operations.offer(alice, place)
    assert offer.count == 3
    ids = operations.chosen_ids(alice, Selection(place=place, upto=offer.upto))
    assert sorted(ids) == mine


def test_all_of_a_choice_is_what_its_page_shows(alice: User):
    both, one, other = make_photo(alice), make_photo(alice), make_photo(alice, JUNE.replace(year=2019))
    annotate(both, {"dog": 0.9, "beach": 0.9})
    for photo in (one, other):
        annotate(photo, {"dog": 0.9})
    chosen = {
        place: operations.chosen_ids(alice, Selection(place=place, upto=operations.offer(alice, place).upto))
        for place in ("tag:dog", "tag:dog?with=beach", "tag:dog?without=beach", "tag:dog?year=2019")
    }
    assert chosen["tag:dog"] == [one.pk, both.pk, other.pk]
    assert chosen["tag:dog?with=beach"] == [both.pk]
    assert chosen["tag:dog?without=beach"] == [one.pk, other.pk]
    assert chosen["tag:dog?year=2019"] == [other.pk]
    assert operations.offer(alice, "tag:dog?with=beach").count == 1
    with pytest.raises(operations.UnknownPlace):
        operations.offer(alice, "tag:dog?match=perhaps")


def test_what_was_trashed_since_is_not_deleted_with_all_of_the_trash(alice: User):
    seen, since = make_photo(alice), make_photo(alice)
    services.trash(alice, [seen.pk])
    selection = all_of(alice, "trash")
    services.trash(alice, [since.pk])
    operations.begin(alice, Order(Kind.DELETE), selection)
    assert list(Photo.objects.all()) == [since]


@pytest.mark.parametrize("place", ["tag:nothing-of-the-kind", "search:", "elsewhere", ""])
def test_a_list_that_is_not_there_is_never_taken_for_the_roll(alice: User, place: str):
    make_photo(alice)
    with pytest.raises(UnknownPlace):
        operations.offer(alice, place)


def test_somebody_elses_own_tag_is_no_list(alice: User):
    bob = make_user("bob")
    own = add_tag(bob, make_photo(bob), "secret party")
    with pytest.raises(UnknownPlace):
        operations.offer(alice, f"tag:{own.slug}")


def test_a_span_is_the_same_from_both_ends(alice: User):
    photos = [make_photo(alice, JUNE + timedelta(hours=n // 2)) for n in range(8)]  # two at the same time
    ids = [photo.pk for photo in reversed(photos)]
    bob = make_user("bob")
    theirs = make_photo(bob, JUNE)
    for first, last in ((photos[2], photos[6]), (photos[6], photos[2])):
        assert operations.span(alice, "roll", first=first.pk, last=last.pk) == ids[1:6]
    assert operations.span(alice, "roll", first=photos[3].pk, last=photos[3].pk) == [photos[3].pk]
    assert operations.span(alice, "roll", first=photos[0].pk, last=theirs.pk) == []
    assert operations.span(alice, "roll", day=JUNE.date()) == ids
    assert operations.span(alice, "roll", day=date(2024, 6, 16)) == []


# Large ones


def test_a_large_one_runs_in_parts_with_progress_and_is_idempotent(alice: User, small_parts):
    photos = [make_photo(alice) for _ in range(8)]
    running = operations.begin(alice, Order(Kind.TRASH), some(photos))
    assert (running.state, running.seen) == (State.RUNNING, 0)
    assert running.parts.count() == 3
    work(running, 1)
    assert (running.seen, running.percent) == (3, 37)
    tasks.operate(running.pk)
    tasks.operate(running.pk)
    running.refresh_from_db()
    assert (running.state, running.seen, running.changed) == (State.DONE, 8, 8)
    assert differences(alice.pk) == []


def test_stopped_is_stopped_and_what_was_done_can_be_undone(alice: User, small_parts):
    photos = [make_photo(alice) for _ in range(8)]
    before = state_of(alice)
    running = work(operations.begin(alice, Order(Kind.TRASH), some(photos)), 1)
    stopped = work(operations.stop(running))
    assert (stopped.state, stopped.changed) == (State.STOPPED, 3)
    assert Photo.objects.exclude(trashed_at=None).count() == 3
    assert told(stopped) == "3 photos moved to the trash. Stopped; 5 left as they were."
    assert operations.outstanding() == []
    assert work(operations.undo(stopped)).state == State.UNDONE
    assert state_of(alice) == before


def test_undo_in_the_middle_stops_and_goes_back(alice: User, small_parts):
    photos = [make_photo(alice) for _ in range(8)]
    before = state_of(alice)
    running = work(operations.begin(alice, Order(Kind.TRASH), some(photos)), 2)
    undone = work(operations.undo(running))
    assert (undone.state, undone.changed, undone.put_back) == (State.UNDONE, 6, 6)
    assert state_of(alice) == before


def test_one_that_a_killed_worker_had_is_found_when_its_lease_is_over(alice: User, small_parts):
    running = operations.begin(alice, Order(Kind.TRASH), some([make_photo(alice) for _ in range(8)]))
    soon = timezone.now() + timedelta(seconds=30)
    Operation.objects.update(claimed_until=soon)
    assert operations.outstanding() == []
    assert not operations.run_some(running.pk, until=time.monotonic() + 60)  # another one is at it
    Operation.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert operations.outstanding() == [running.pk]
    assert work(running).state == State.DONE


def test_an_account_that_goes_takes_its_operations_along(alice: User, small_parts):
    running = operations.begin(alice, Order(Kind.TRASH), some([make_photo(alice) for _ in range(8)]))
    alice.delete()
    assert not operations.run_some(running.pk, until=0.0)
    assert not OperationPart.objects.exists()


# For good, too late, tidied


def test_deleting_for_good_takes_only_what_is_in_the_trash_and_has_no_way_back(alice: User):
    live, trashed, restored = (make_photo(alice) for _ in range(3))
    services.trash(alice, [trashed.pk, restored.pk])
    services.restore(alice, [restored.pk])
    done = operations.begin(alice, Order(Kind.DELETE), some([live, trashed, restored]))
    assert (done.changed, done.can_be_undone()) == (1, False)
    assert set(Photo.objects.all()) == {live, restored}
    assert operations.undo(done).state == State.DONE


def test_it_can_be_undone_for_a_quarter_of_an_hour(alice: User):
    photo = make_photo(alice)
    done = operations.begin(alice, Order(Kind.TRASH), some([photo]))
    assert done.undo_until is not None
    assert done.undo_until - timezone.now() > timedelta(minutes=14)
    Operation.objects.update(undo_until=timezone.now() - timedelta(seconds=1))
    assert operations.undo(done).state == State.DONE
    photo.refresh_from_db()
    assert photo.trashed_at is not None


def test_the_hourly_tidying_forgets_those_that_ended_long_ago(alice: User, small_parts):
    old = operations.begin(alice, Order(Kind.TRASH), some([make_photo(alice)]))
    Operation.objects.update(finished_at=timezone.now() - timedelta(days=2))
    fresh = operations.begin(alice, Order(Kind.TRASH), some([make_photo(alice)]))
    running = operations.begin(alice, Order(Kind.TRASH), some([make_photo(alice) for _ in range(4)]))
    operations.tidy()
    assert set(Operation.objects.values_list("pk", flat=True)) == {fresh.pk, running.pk}
    assert not OperationPart.objects.filter(operation=old.pk).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "add-tag"},
        {"kind": "shift-date"},
        {"kind": "trash", "shift_s": 5},
        {"kind": "set-date"},
        {"kind": "burn"},
        {"kind": "trash", "state": "done"},
        {"kind": "trash", "total": 0},
        {"kind": "trash", "seen": 3},
        {"kind": "trash", "put_back": 1},
        {"kind": "delete", "state": "undone", "finished_at": JUNE},
    ],
)
def test_the_database_takes_no_operation_that_makes_no_sense(alice: User, wrong: dict[str, object]):
    with pytest.raises(IntegrityError):
        Operation.objects.create(**{"owner": alice, "total": 2} | wrong)


@pytest.mark.parametrize(
    ("order", "count", "words"),
    [
        (Order(Kind.TRASH), 2, "2 photos moved to the trash."),
        (Order(Kind.FAVOURITE), 1, "1 photo added to your favourites."),
        (Order(Kind.UNFAVOURITE), 1, "Nothing to change: it was no favourite."),
        (Order(Kind.SHIFT_DATE, shift_s=-93_600), 2, "2 photos moved 1 day 2 hours earlier."),
        (Order(Kind.SET_DATE, date=date(2001, 2, 3)), 2, "2 photos dated 3 February 2001."),
    ],
)
def test_it_says_what_it_did(alice: User, order: Order, count: int, words: str):
    done = operations.begin(alice, order, some([make_photo(alice) for _ in range(count)]))
    assert told(done) == words
