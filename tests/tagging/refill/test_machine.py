"""Refills, switches and ways back in every order with everything that people and workers do meanwhile."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from magicroll import services
from magicroll.models import Photo
from tagging import own_tags, search
from tagging.models import (
    Annotation,
    Chunk,
    Corpus,
    CorpusRefill,
    Embedding,
    Leftover,
    Outstanding,
    OwnHead,
    Refill,
    Stream,
    Tag,
    TagChoice,
    Verdict,
)
from tagging.muting import choose
from tagging.own_tags.learning import evidence_of
from tagging.refill import automatic, chunks, cleaning, filling, orders
from tagging.services import TagRefused, add_tag, annotate_some, reject_tag, undo_verdict
from tagging.sweeping import sweep_changed
from tagging.verify import differences
from tests.factories import make_photo, make_user
from tests.tagging.own_tags.eyes import few_dimensions
from tests.tagging.refill.model import (
    SLUGS,
    covered,
    expire_chunks,
    expire_leases,
    looking,
    make_releases,
    wrong_annotations,
)
from tests.tagging.test_outstanding import rotate

pytestmark = pytest.mark.django_db

DATES = st.integers(0, 3).map(lambda n: datetime(2024, 5, 30, tzinfo=UTC) + timedelta(days=n))
State = CorpusRefill.State


class RefillMachine(RuleBasedStateMachine):
    """One person's corpus; workers that are slow, fail or are lost; an administrator who changes their mind."""

    def __init__(self) -> None:
        super().__init__()
        self.releases = make_releases()
        self.user = make_user()
        self.model = looking(chunk=2)
        self.looking = self.model.__enter__()
        self.eyes = few_dimensions()
        self.eyes.__enter__()
        self.own_tag = own_tags.make(self.user, "garden party")
        self.slow: list[tuple[chunks.Lease, object]] = []  # chunks whose workers take their time
        self.seen_before: set[int] = set()  # photos that had an annotation before the step
        self.unswept = False  # since automatic tags were turned on again

    def teardown(self) -> None:
        try:
            self.finish_everything()
        finally:
            self.model.__exit__(None, None, None)
            self.eyes.__exit__(None, None, None)

    @initialize(photos=st.integers(1, 6), broken=st.sets(st.integers(0, 5), max_size=2))
    def begin_with(self, photos: int, broken: set[int]) -> None:
        made = [make_photo(self.user).id for _ in range(photos)]
        self.looking.broken.update(made[number] for number in broken if number < photos)
        while annotate_some(self.user.pk):
            pass

    @property
    def corpus(self) -> Corpus:
        return Corpus.objects.get(owner=self.user)

    def photos(self) -> list[Photo]:
        return list(Photo.objects.owned_by(self.user).order_by("id"))

    def pick(self, data: st.DataObject) -> Photo:
        return data.draw(st.sampled_from(self.photos()))

    # What people do

    @rule(taken_at=DATES)
    def upload(self, taken_at: datetime) -> None:
        make_photo(self.user, taken_at)

    @precondition(lambda self: self.photos())
    @rule(data=st.data())
    def rotate(self, data: st.DataObject) -> None:
        rotate(self.pick(data))

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), word=st.sampled_from([*SLUGS, "own word"]))
    def add(self, data: st.DataObject, word: str) -> None:
        with suppress(TagRefused):  # it was muted
            add_tag(self.user, self.pick(data), word)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), slug=st.sampled_from(SLUGS), undo=st.booleans())
    def reject_or_undo(self, data: st.DataObject, slug: str, undo: bool) -> None:
        (undo_verdict if undo else reject_tag)(
            self.user, self.pick(data), Tag.objects.get(owner=None, slug=slug).pk
        )

    @rule(
        slug=st.sampled_from([*SLUGS, "animals", "my-tags"]), kind=st.sampled_from(["muted", "hidden", None])
    )
    def choose(self, slug: str, kind: TagChoice.Kind | None) -> None:
        choose(self.user, Tag.objects.get(owner=None, slug=slug), kind)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), act=st.sampled_from([services.trash, services.restore, services.purge]))
    def move(self, data: st.DataObject, act: object) -> None:
        photo = self.pick(data)
        act(self.user, [photo.id])
        if not Photo.objects.filter(pk=photo.pk).exists():
            self.seen_before.discard(photo.id)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), kind=st.sampled_from([*Verdict.Kind, None]))
    def judge(self, data: st.DataObject, kind: Verdict.Kind | None) -> None:
        own_tags.judge(self.user, self.own_tag, [self.pick(data).id], kind)

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), percent=st.sampled_from([5, 40, 60]), at_once=st.booleans())
    def teach(self, data: st.DataObject, percent: int, at_once: bool) -> None:
        own_tags.judge(self.user, self.own_tag, [self.pick(data).id], Verdict.Kind.ADDED)
        try:
            own_tags.teach(self.user, self.own_tag, percent / 100, until=float("inf") if at_once else 0.0)
        except own_tags.OwnTagRefused:
            evidence = evidence_of(self.user.pk, self.own_tag)
            mine = Annotation.objects.filter(owner=self.user, release=self.corpus.active_id)
            seen = mine.exclude(
                stream=Stream.CARRIED
            )  # what was carried over, this network has not looked at
            assert not set(seen.values_list("photo_id", flat=True)) & set(evidence.confirmed.tolist())

    @rule()
    def stop_or_forget(self) -> None:
        own_tags.forget(self.user, self.own_tag)
        self.own_tag = own_tags.make(self.user, "garden party")

    @rule(on=st.booleans(), removed=st.integers(0, 2))
    def turn_automatic_tags(self, on: bool, removed: int) -> None:
        (automatic.turn_on if on else automatic.turn_off)(self.user)
        for _ in range(removed):
            automatic._remove(self.user.pk)
        self.unswept |= on
        if not on:
            self.seen_before = set()  # its owner wants it to go

    @rule()
    def remove_what_was_turned_off(self) -> None:
        was_ending = self.corpus.automatic == Corpus.Automatic.ENDING
        assert not automatic.remove_some(self.user.pk, float("inf"))
        if was_ending:
            self.seen_before = set()
            assert self.corpus.automatic == Corpus.Automatic.OFF

    @rule()
    def sweep(self) -> None:
        sweep_changed()
        self.unswept = False

    # What workers do

    @rule()
    def settle_own_tags(self) -> None:
        assert own_tags.settle(self.user.pk, float("inf"))

    @rule(limit=st.integers(1, 3))
    def drain(self, limit: int) -> None:
        annotate_some(self.user.pk, limit)

    @rule()
    def fill(self) -> None:
        filling.fill_some()

    @rule()
    def work_it_all_off(self) -> None:
        while annotate_some(self.user.pk) + filling.fill_some():
            pass

    @rule()
    def take_a_chunk_and_be_slow(self) -> None:
        filling._in_line()
        for one in CorpusRefill.objects.filter(owner=self.user, state=State.FILLING):
            held = chunks.lease(one.pk)
            if held:
                look = self.looking.look_at(
                    None,
                    held.corpus_refill.refill.release_id,
                    held.work,
                    stored_of=self.user.pk if held.reuse else None,
                )
                self.slow.append((held, look))

    @precondition(lambda self: self.slow)
    @rule(data=st.data())
    def finish_a_slow_chunk(self, data: st.DataObject) -> None:
        held, look = self.slow.pop(data.draw(st.integers(0, len(self.slow) - 1)))
        filling._finish(filling._Chunk(held, look))

    @rule(release=st.integers(0, 2))
    def edit_what_is_in_hand_and_finish_it(self, release: int) -> None:
        orders.start(None, self.releases[release], [self.user], priority=3)
        self.take_a_chunk_and_be_slow()
        if not self.slow:
            return
        held, look = self.slow.pop()
        for photo in Photo.objects.owned_by(self.user).filter(id__in=[item.photo_id for item in held.work]):
            rotate(photo)
        while annotate_some(self.user.pk):
            pass
        filling._finish(filling._Chunk(held, look))

    @precondition(lambda self: self.slow)
    @rule()
    def give_up_and_clean_what_is_in_hand_and_finish_it(self) -> None:
        held, look = self.slow.pop()
        filling.give_up(held.corpus_refill.pk, State.CANCELLED, *CorpusRefill.AT_WORK)
        cleaning.clean_some(float("inf"))
        filling._finish(filling._Chunk(held, look))

    @rule()
    def lose_workers(self) -> None:
        expire_chunks()
        expire_leases()

    @precondition(lambda self: self.photos())
    @rule(data=st.data(), mended=st.booleans())
    def break_a_picture(self, data: st.DataObject, mended: bool) -> None:
        (self.looking.broken.discard if mended else self.looking.broken.add)(self.pick(data).id)

    # What an administrator does

    @rule(
        release=st.integers(0, 2),
        scope=st.sampled_from(Refill.Scope.values),
        hold=st.sampled_from([False, False, True]),
        priority=st.integers(0, 1),
    )
    def start(self, release: int, scope: str, hold: bool, priority: int) -> None:
        orders.start(None, self.releases[release], [self.user], scope=scope, hold=hold, priority=priority)

    @rule(release=st.integers(0, 2))
    def start_and_fill(self, release: int) -> None:
        orders.start(None, self.releases[release], [self.user], priority=2)
        self.work_it_all_off()

    @precondition(lambda self: Refill.objects.filter(state__in=["running", "paused"]).exists())
    @rule(act=st.sampled_from(["pause", "resume", "cancel"]), data=st.data())
    def change_the_order(self, act: str, data: st.DataObject) -> None:
        refills = list(Refill.objects.filter(state__in=["running", "paused"]).order_by("id"))
        refill = data.draw(st.sampled_from(refills))
        if act == "cancel":
            orders.cancel(None, refill)
        elif (act == "pause") == (refill.state == "running"):
            getattr(orders, act)(None, refill)

    @precondition(lambda self: CorpusRefill.objects.filter(owner=self.user, state=State.WHOLE).exists())
    @rule(yes=st.booleans())
    def decide(self, yes: bool) -> None:
        one = CorpusRefill.objects.get(owner=self.user, state=State.WHOLE)
        try:
            (orders.approve if yes else orders.reject)(None, one)
        except orders.OrderRefused:
            assert Outstanding.objects.filter(
                owner=self.user, release=one.refill.release, set_aside_reason=""
            )

    @precondition(lambda self: self.corpus.previous_id)
    @rule()
    def roll_back(self) -> None:
        previous = self.corpus.previous_id
        orders.roll_back(None, self.user)
        assert self.corpus.active_id == previous

    @precondition(lambda self: self.corpus.previous_id)
    @rule(uploads=st.integers(1, 3))
    def roll_back_before_uploads_are_through(self, uploads: int) -> None:
        made = {make_photo(self.user).id for _ in range(uploads)}
        while (
            annotate_some(self.user.pk, limit=1) and not made <= covered(self.user.pk) | self.looking.broken
        ):
            continue
        self.seen_before = covered(self.user.pk)
        self.roll_back()

    @precondition(lambda self: self.corpus.previous_id)
    @rule()
    def let_the_way_back_end(self) -> None:
        Corpus.objects.filter(owner=self.user).update(previous_until=timezone.now() - timedelta(seconds=1))
        cleaning.clean_some(float("inf"))
        assert self.corpus.previous_id is None

    @rule()
    def clean(self) -> None:
        cleaning.clean_some(float("inf"))
        assert not Leftover.objects.exists()

    # What must hold

    @invariant()
    def nothing_is_computed_where_it_is_turned_off(self) -> None:
        if self.corpus.automatic == Corpus.Automatic.ON:
            return
        assert not Outstanding.objects.filter(owner=self.user).exists()
        if self.corpus.automatic == Corpus.Automatic.OFF:
            left = Annotation.objects.filter(owner=self.user, release=self.corpus.active_id)
            assert not left.exists()
            assert not Embedding.objects.filter(owner=self.user).exists()

    @invariant()
    def readers_find_what_a_recompute_finds(self) -> None:
        assert differences(self.user.pk) == []

    @invariant()
    def nothing_that_was_seen_goes_missing(self) -> None:
        now = covered(self.user.pk)
        there = {photo.id for photo in self.photos()}
        assert self.seen_before & there <= now
        self.seen_before = now

    @invariant()
    def counts_are_the_lengths_of_their_lists(self) -> None:
        corpus = search.corpus_of(self.user)
        for tile in search.rail_counts(corpus):
            assert len(search.tag_page(corpus, tile.slug, limit=500).page.photos) == tile.count
        assert len(search.roll_page(corpus, limit=500).photos) == sum(m.count for m in search.months(corpus))

    @invariant()
    def choices_are_what_their_tags_have(self) -> None:
        """What is kept in memory from earlier steps is never out of date."""
        corpus = search.corpus_of(self.user)
        dogs = {photo.id for photo in search.tag_page(corpus, "dog", limit=500).page.photos}
        for tile in search.rail_counts(corpus):
            mine = [photo.id for photo in search.tag_page(corpus, tile.slug, limit=500).page.photos]
            for choice, wanted in (
                (search.Choice(tile.slug, ("dog",)), [photo for photo in mine if photo in dogs]),
                (search.Choice(tile.slug, without=("dog",)), [photo for photo in mine if photo not in dogs]),
            ):
                found = search.chosen_page(corpus, choice, limit=500).tag
                assert [photo.id for photo in found.page.photos] == wanted
                assert found.count == len(wanted)

    @invariant()
    def what_no_note_excuses_is_annotated(self) -> None:
        carried = Annotation.objects.filter(owner=self.user, stream="carried", revision__gt=0)
        assert not carried.exists()
        if self.corpus.automatic != Corpus.Automatic.ON or self.unswept:
            return
        assert wrong_annotations(self.user.pk, self.corpus.active_id) == []

    @invariant()
    def rows_that_nobody_reaches_are_known_to_the_cleaner(self) -> None:
        left = Leftover.objects.filter(owner=self.user).values_list("release_id", flat=True)
        known = self.corpus.releases | set(left)
        assert not Annotation.objects.filter(owner=self.user).exclude(release__in=known).exists()

    def finish_everything(self) -> None:
        """Left alone, all of it comes to its end without an operator."""
        self.slow.clear()
        automatic.remove_some(self.user.pk, float("inf"))
        automatic.turn_on(self.user)
        sweep_changed()
        Refill.objects.filter(state="paused").update(state="running")
        for _ in range(300):
            expire_chunks()
            expire_leases()
            for whole in CorpusRefill.objects.filter(owner=self.user, state=State.WHOLE):
                if not Outstanding.objects.filter(
                    owner=self.user, release=whole.refill.release, set_aside_reason=""
                ).exists():
                    orders.approve(None, whole)
            worked = annotate_some(self.user.pk) + filling.fill_some()
            own_tags.settle(self.user.pk)
            cleaning.clean_some(float("inf"))
            if not worked and not CorpusRefill.objects.filter(state__in=CorpusRefill.OPEN).exists():
                break
        assert not CorpusRefill.objects.filter(state__in=CorpusRefill.OPEN).exists()
        assert not Chunk.objects.exists()
        assert not Outstanding.objects.filter(set_aside_reason="").exists()
        assert self.corpus.filling_id is None
        assert own_tags.settle(self.user.pk, float("inf"))
        assert differences(self.user.pk) == []
        assert_own_tags_follow(self.user.pk)
        for release_id in self.corpus.releases:
            assert wrong_annotations(self.user.pk, release_id) == []


def assert_own_tags_follow(owner_id: int) -> None:
    """The network that tags now has had the same lessons as the one on the way back."""
    corpus = Corpus.objects.get(owner=owner_id)
    mine = OwnHead.objects.filter(owner=owner_id, encoder=corpus.active.encoder_id)
    assert not mine.filter(settled=False).exists()
    if corpus.previous is not None:
        before = OwnHead.objects.filter(owner=owner_id, encoder=corpus.previous.encoder_id)
        assert set(before.values_list("tag", "lesson")) == set(mine.values_list("tag", "lesson"))


def test_any_interleaving_keeps_what_readers_see_whole_and_of_one_release(
    settings_of_machine: settings,
) -> None:
    run_state_machine_as_test(RefillMachine, settings=settings_of_machine)


@pytest.fixture
def settings_of_machine() -> settings:
    return settings(max_examples=12, stateful_step_count=25, suppress_health_check=list(HealthCheck))
