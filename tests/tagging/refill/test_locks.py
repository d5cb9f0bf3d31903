"""Writers that meet: whoever locks what in whatever order, none waits in a ring, and nothing is lost."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.db import connection
from django.utils import timezone

from magicroll import services
from magicroll.models import Photo, User
from tagging import counts, outstanding
from tagging.models import Chunk, Corpus, CorpusRefill, Outstanding, Refill, Release, Stream, Tag
from tagging.refill import chunks, cleaning, filling, orders
from tagging.services import add_tag, annotate_some, reject_tag, undo_verdict
from tagging.verify import differences
from tagging.writer import store_annotations
from tests.factories import annotation, make_photo, make_release
from tests.tagging.refill.crew import Crew, turn
from tests.tagging.refill.model import SLUGS, Looking, expire_chunks, expire_leases
from tests.tagging.refill.people import make_person, start
from tests.tagging.refill.test_hammer import finish_everything
from tests.tagging.refill.test_orders import part, take_chunk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
SECONDS = 6.0
PHOTOS = 16


@pytest.fixture
def postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time: none can wait in a ring")


def beside(*acts: Callable[[], object]) -> None:
    """Run all at the same time; raise what any raises."""

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result(30)


def until_somebody_waits(at_most_s: float = 2.0, *, how_many: int = 1) -> None:
    """Wait until so many other connections wait for a lock; or long enough to say that they don't."""
    deadline = time.monotonic() + at_most_s
    asked = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(asked)
            if cursor.fetchone()[0] >= how_many:
                return
        time.sleep(0.01)


@pytest.mark.usefixtures("postgresql")
class TestRings:
    """Each of these once was two transactions that waited for each other."""

    def test_a_lease_that_ran_out_beside_its_worker_that_commits_after_all(
        self, new: Release, alice: User, model: Looking, monkeypatch: pytest.MonkeyPatch
    ):
        refill = start(new, alice)
        chunk = take_chunk(model, refill, alice)
        expire_chunks()
        stored, finish = threading.Event(), chunks.finish

        def slowly(*args: object) -> bool:
            stored.set()  # its photos are locked
            until_somebody_waits(0.5)
            return finish(*args)

        def redo() -> None:
            assert stored.wait(10)
            chunks.lease(part(refill, alice).pk)

        monkeypatch.setattr(chunks, "finish", slowly)
        beside(lambda: filling._finish(chunk), redo)
        assert (part(refill, alice).done, part(refill, alice).redone) == (2, 0)

    def test_another_chunk_s_commit_beside_one_who_trashes_photos_of_both(
        self, new: Release, alice: User, model: Looking, monkeypatch: pytest.MonkeyPatch
    ):
        """The commit holds its photo, the person the lost one's and waits for it; whoever redoes waits for theirs."""
        monkeypatch.setattr(chunks, "ENCODED_PHOTOS", 1)
        first, second = Photo.objects.owned_by(alice).order_by("id")[:2]
        refill = start(new, alice)
        lost, chunk = take_chunk(model, refill, alice), take_chunk(model, refill, alice)
        Chunk.objects.filter(pk=lost.lease.chunk.pk).update(claimed_until=timezone.now())
        stored, finish = threading.Event(), chunks.finish

        def slowly(*args: object) -> bool:
            stored.set()
            until_somebody_waits(how_many=2)
            return finish(*args)

        def trash() -> None:
            assert stored.wait(10)
            services.trash(alice, [first.id, second.id])

        def redo() -> None:
            assert stored.wait(10)
            until_somebody_waits()
            chunks.lease(part(refill, alice).pk)

        monkeypatch.setattr(chunks, "finish", slowly)
        beside(lambda: filling._finish(chunk), trash, redo)
        assert (part(refill, alice).done, part(refill, alice).redone) == (2, 1)
        assert differences(alice.pk) == []

    def test_a_photo_that_is_set_aside_beside_a_person_who_trashes_it_with_others(
        self, new: Release, alice: User, model: Looking, monkeypatch: pytest.MonkeyPatch
    ):
        first, second = Photo.objects.owned_by(alice).order_by("id").values_list("id", flat=True)[:2]
        model.broken.add(first)
        chunk = take_chunk(model, start(new, alice), alice)
        stored, finish = threading.Event(), chunks.finish

        def slowly(*args: object) -> bool:
            stored.set()
            until_somebody_waits()
            return finish(*args)

        def trash() -> None:
            assert stored.wait(10)
            services.trash(alice, [first, second])

        monkeypatch.setattr(chunks, "finish", slowly)
        beside(lambda: filling._finish(chunk), trash)
        assert Outstanding.objects.get(photo=first, release=new).set_aside_reason

    def test_counts_that_shrink_beside_counts_that_only_grow(
        self, new: Release, alice: User, monkeypatch: pytest.MonkeyPatch
    ):
        """One takes from a tag and adds another one, the other adds to both, in the order of the keys."""
        one, other = Photo.objects.owned_by(alice).order_by("id")[:2]
        low, high = sorted(("dog", "car"), key=lambda slug: Tag.objects.get(slug=slug).pk)
        filling.begin(part(start(new, alice), alice).pk)
        store_annotations(alice.pk, new.pk, Stream.BULK, [annotation(one, {high: 0.5})])
        settle, locked = counts._settle, threading.Event()

        def slowly(owner_id: int, moves: dict[object, object], *args: object, **more: bool) -> None:
            if moves:
                locked.set()
                until_somebody_waits()
            settle(owner_id, moves, *args, **more)

        def grow() -> None:
            assert locked.wait(10)
            said = annotation(other, {low: 0.5, high: 0.5})
            store_annotations(alice.pk, new.pk, Stream.BULK, [said])

        monkeypatch.setattr(counts, "_settle", slowly)
        changed = annotation(one, {low: 0.5})
        beside(lambda: store_annotations(alice.pk, new.pk, Stream.REALTIME, [changed]), grow)
        assert differences(alice.pk) == []

    def test_notes_of_photos_that_are_deleted_meanwhile(
        self, new: Release, alice: User, monkeypatch: pytest.MonkeyPatch
    ):
        ids = list(Photo.objects.owned_by(alice).order_by("id").values_list("id", flat=True))
        services.trash(alice, ids[:1])
        Outstanding.objects.all().delete()
        noted = Outstanding.objects.bulk_create

        def slowly(*args: object, **more: object) -> object:
            until_somebody_waits()
            return noted(*args, **more)

        monkeypatch.setattr(Outstanding.objects, "bulk_create", slowly)
        beside(
            lambda: outstanding.note(alice.pk, new.pk, ids),
            lambda: (time.sleep(0.2), services.purge(alice, ids[:1])),
        )
        assert sorted(Outstanding.objects.values_list("photo_id", flat=True)) == ids[1:]


class Everybody:
    """All that writes to a corpus, each act as a thread of its own does it."""

    def __init__(self, user: User, releases: list[Release], model: Looking) -> None:
        self.user, self.releases, self.model = user, releases, model

    def photos(self, rng: random.Random, count: int = 1) -> list[Photo]:
        photos = list(Photo.objects.owned_by(self.user))
        return rng.sample(photos, min(count, len(photos)))

    def upload(self, rng: random.Random) -> None:
        if Photo.objects.owned_by(self.user).count() < PHOTOS:
            make_photo(self.user)

    def judge(self, rng: random.Random) -> None:
        for photo in self.photos(rng):
            tag = Tag.objects.get(owner=None, slug=rng.choice(SLUGS))
            if rng.random() < 0.4:
                add_tag(self.user, photo, tag.name)
            else:
                rng.choice((reject_tag, undo_verdict))(self.user, photo, tag.pk)

    def turn(self, rng: random.Random) -> None:
        for photo in self.photos(rng):
            turn(self.user, photo.id)

    def move(self, rng: random.Random) -> None:
        ids = [photo.id for photo in self.photos(rng, 5)]
        rng.choice((services.trash, services.restore, services.restore))(self.user, ids)

    def delete(self, rng: random.Random) -> None:
        if rng.random() < 0.2:
            services.empty_trash(self.user)

    def annotate(self, rng: random.Random) -> None:
        annotate_some(self.user.pk, 4)

    def fill(self, rng: random.Random) -> None:
        filling.fill_some()

    def lose(self, rng: random.Random) -> None:
        """Take a chunk, and lose it, hand it back, or finish it late."""
        for one in CorpusRefill.objects.filter(state=CorpusRefill.State.FILLING):
            held = chunks.lease(one.pk)
            if held is None:
                continue
            if rng.random() < 0.5:
                Chunk.objects.filter(pk=held.chunk.pk).update(claimed_until=timezone.now())
            look = self.model.look_at(None, held.corpus_refill.refill.release_id, held.work)
            chunk = filling._Chunk(held, look)
            rng.choice((filling._finish, filling._finish, filling._abandon, lambda _: None))(chunk)

    def reconcile(self, rng: random.Random) -> None:
        outstanding.reconcile(Corpus.objects.get(owner=self.user))
        expire_leases()

    def order(self, rng: random.Random) -> None:
        active = Corpus.objects.get(owner=self.user).active_id
        release = rng.choice([one for one in self.releases if one.pk != active])
        scope = rng.choice(Refill.Scope.values)
        if not Refill.objects.filter(state="running").exists():
            start(release, self.user, scope=scope, hold=rng.random() < 0.3)
        for whole in CorpusRefill.objects.filter(state=CorpusRefill.State.WHOLE):
            with suppress(orders.OrderRefused):
                rng.choice((orders.approve, orders.approve, orders.reject))(None, whole)

    def change_mind(self, rng: random.Random) -> None:
        for refill in Refill.objects.filter(state="running"):
            if rng.random() < 0.1:
                with suppress(orders.OrderRefused):
                    orders.cancel(None, refill)
        if rng.random() < 0.2:
            with suppress(orders.OrderRefused):
                orders.roll_back(None, self.user)
        filling.end_what_is_over()

    def clean(self, rng: random.Random) -> None:
        if rng.random() < 0.2:
            Corpus.objects.filter(previous__isnull=False).update(previous_until=timezone.now())
        cleaning.clean_some(float("inf"))


def test_writers_of_all_kinds_at_the_same_time_raise_no_error_and_lose_nothing(new: Release, model: Looking):
    user = make_person("carol", PHOTOS)
    model.broken.add(Photo.objects.owned_by(user).order_by("id")[3].id)
    everybody = Everybody(user, [make_release(), new], model)
    crew = Crew(SECONDS)
    for act in ("upload", "judge", "turn", "move", "delete", "annotate", "fill", "lose"):
        crew.hire(getattr(everybody, act), times=2 if act in ("judge", "annotate", "fill") else 1)
    for act in ("reconcile", "order", "change_mind", "clean"):
        crew.hire(getattr(everybody, act))
    crew.run()
    print(dict(crew.ran), Refill.objects.count())  # noqa: T201 - shown when it fails
    for refill in Refill.objects.filter(state="running"):
        orders.cancel(None, refill)
    cleaning.clean_some(float("inf"))
    finish_everything(user)
    assert all(crew.ran[act] for act in ("fill", "order", "clean", "judge"))
