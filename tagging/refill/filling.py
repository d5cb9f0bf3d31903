"""The bulk stream: chunk after chunk, fair to all corpora, behind fresh uploads; then the switch."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from magicroll.models import Photo
from tagging import outstanding, own_tags, pointers, seeing, snapshots
from tagging.models import Corpus, CorpusRefill, Encoder, Leftover, Outstanding, Refill, Stream
from tagging.overlap import run_overlapped
from tagging.refill import audit, chunks
from tagging.services import FAULTS_OF_THE_MACHINE
from tagging.writer import store_annotations

logger = logging.getLogger(__name__)

AT_ONCE = 8  # corpora that are filled at a time; while one is, its uploads are tagged twice
State = CorpusRefill.State


def fill_some(until: float = 0.0) -> int:
    """Annotate chunks of refills; return how many photos were handed out, 0 = nothing to do now.

    until: of the monotonic clock, in seconds; one chunk is begun in any case, and none after it while fresh
    uploads wait. Whoever waited longest comes next, so a huge corpus starves no small one.
    """
    began = time.monotonic()
    encoded: dict[int, int] = {}
    begun = count()
    with seeing.open_pool() as pool:
        done = run_overlapped(
            begin=lambda _: None if next(begun) and uploads_wait() else _begin(pool, encoded),
            finish=_finish,
            abandon=_abandon,
            until=until,
        )
    _measure(encoded, done, time.monotonic() - began)
    return done


def uploads_wait() -> bool:
    """Tell whether anybody's fresh photos wait for their corpus's own release."""
    fresh = Outstanding.objects.filter(outstanding.free(), attempts=0)
    return fresh.filter(owner__corpus__active=F("release")).exists()


@dataclass(frozen=True, slots=True)
class _Chunk:
    lease: chunks.Lease
    look: seeing.Look
    alone: bool = False

    @property
    def size(self) -> int:
        return len(self.lease.work)

    def near_end(self) -> None:
        self.look.near_end()


def _begin(pool: Executor, encoded: dict[int, int]) -> _Chunk | None:
    """Begin the next chunk; None if there is none. Where a corpus is through, another one has room to begin."""
    is_settled = True
    while is_settled:
        is_settled = False
        line = _in_line()
        for corpus_refill_id in line:
            if held := chunks.lease(corpus_refill_id, wait=len(line) == 1):
                return _look_at(pool, held, encoded)
            is_settled |= _settled(corpus_refill_id)
    return None


def _look_at(pool: Executor, held: chunks.Lease, encoded: dict[int, int]) -> _Chunk:
    release = held.corpus_refill.refill.release
    try:
        look = seeing.look_at(
            pool, release.pk, held.work, stored_of=held.corpus_refill.owner_id if held.reuse else None
        )
    except FAULTS_OF_THE_MACHINE:
        chunks.hand_back(held, counted=False)
        raise
    encoded[release.encoder_id] = encoded.get(release.encoder_id, 0) + len(held.work) - len(look.stored)
    return _Chunk(held, look)


def _settled(corpus_refill_id: int) -> bool:
    try:
        return settle(corpus_refill_id)
    except FAULTS_OF_THE_MACHINE:  # its index, say; it must not stop the others, and its turn comes again
        logger.exception("a corpus that is whole can't switch", extra={"corpus_refill": corpus_refill_id})
        return False


def _in_line() -> list[int]:
    """Begin waiting corpora where there is room, and name those at work: by priority, then the longest unserved."""
    open_ = CorpusRefill.objects.filter(refill__state=Refill.State.RUNNING)
    line = open_.filter(state=State.FILLING).values_list("id", flat=True)
    line = line.order_by("-refill__priority", F("served_at").asc(nulls_first=True), "id")
    at_work = list(line)
    room = AT_ONCE - len(at_work)
    waiting = open_.filter(state=State.WAITING).filter(~_blocked()).order_by("-refill__priority", "id")
    begun = 0
    for one in waiting[: room * 4].values_list("id", flat=True) if room > 0 else ():
        begun += begin(one)
        if begun == room:
            break
    return list(line.all()) if begun else at_work


def _blocked() -> Q:
    """Match corpora that another refill is at, or where rows of the release are still to be cleaned up."""
    at_work = CorpusRefill.objects.filter(owner=OuterRef("owner"), state__in=CorpusRefill.AT_WORK)
    leftover = Leftover.objects.filter(owner=OuterRef("owner"), release=OuterRef("refill__release"))
    return Q(Exists(at_work)) | Q(Exists(leftover))


def begin(corpus_refill_id: int) -> bool:
    """Begin a waiting corpus; False if its turn has not come: another refill is at it, or rows are in the way.

    Looking through all photos is done outside of the transaction that holds the corpus.
    """
    waiting = CorpusRefill.objects.select_related("refill").filter(pk=corpus_refill_id).first()
    nothing_to_do = waiting is not None and not chunks.to_do(waiting).exists()
    with _held(corpus_refill_id, State.WAITING) as mine:
        if mine is None or _is_taken(mine.owner_id):
            return False
        corpus = Corpus.objects.get(owner=mine.owner_id)
        if corpus.automatic != Corpus.Automatic.ON:
            return _skip(mine, gettext_noop("Automatic tags are turned off."))
        if corpus.active_id == mine.refill.release_id:
            if nothing_to_do:
                return _skip(mine, gettext_noop("On this release already, and no photo is missing."))
        elif not _point_at(mine):
            return False
        _open(mine)
    CorpusRefill.objects.filter(pk=mine.pk).update(total=chunks.to_do(mine).count())
    return True


def _skip(mine: CorpusRefill, why: str) -> bool:
    mine.note = why
    mine.save(update_fields=["note"])
    close(mine, State.SKIPPED)
    return False


def _is_taken(owner_id: int) -> bool:
    return CorpusRefill.objects.filter(owner=owner_id, state__in=CorpusRefill.AT_WORK).exists()


def _point_at(mine: CorpusRefill) -> bool:
    try:
        pointers.begin(mine.owner_id, mine.refill.release_id)
    except pointers.CannotMove as error:
        logger.info("%s", error, extra={"corpus_refill": mine.pk})
        return False
    return True


@contextmanager
def _held(corpus_refill_id: int, *states: str) -> Iterator[CorpusRefill | None]:
    """Lock a corpus and its part of a refill, in this order; None if it is in another state by now."""
    with transaction.atomic():
        owner_id = CorpusRefill.objects.filter(pk=corpus_refill_id).values_list("owner", flat=True).first()
        if owner_id is None:
            yield None
            return
        if Corpus.objects.select_for_update().filter(owner=owner_id).first() is None:
            yield None  # the account was deleted
            return
        related = CorpusRefill.objects.select_related("refill__release__encoder", "owner")
        rows = related.defer("refill__release__vocabulary_json")
        yield rows.select_for_update(of=("self",)).filter(pk=corpus_refill_id, state__in=states).first()


def _open(mine: CorpusRefill) -> None:
    newest = Photo.objects.owned_by(mine.owner_id).order_by("-id").values_list("id", flat=True).first()
    mine.state, mine.began_at, mine.up_to = State.FILLING, timezone.now(), newest or 0
    mine.save(update_fields=["up_to", "state", "began_at"])
    # What the release could not see before gets another try: in a chunk, or by itself.
    aside = Outstanding.objects.filter(owner=mine.owner_id, release=mine.refill.release_id)
    aside = aside.exclude(set_aside_reason="")
    tried = chunks.to_do(mine).filter(id__in=list(aside.values_list("photo_id", flat=True)))
    aside.filter(photo__in=list(tried.values_list("id", flat=True))).delete()
    aside.update(set_aside_reason="", attempts=0, claimed_until=None)


def _finish(batch: _Chunk) -> None:
    """Commit a chunk: annotations, and that it is done."""
    held = batch.lease
    owner_id, release_id = held.corpus_refill.owner_id, held.corpus_refill.refill.release_id
    try:
        seen = batch.look.seen()
        with transaction.atomic():
            corpus = chunks.take(held, seen.failures)
            store_annotations(owner_id, release_id, Stream.BULK, seen.annotations, fenced=corpus)
            chunks.finish(held, seen.failures)
    except Corpus.DoesNotExist:  # the account was deleted meanwhile, with its part of the refill
        return
    except FAULTS_OF_THE_MACHINE:
        chunks.hand_back(held, counted=False)
        raise
    except Exception:  # unforeseen: a photo may be to blame, so each is tried alone from here
        chunks.hand_back(held, counted=True)
        raise


def _abandon(batch: _Chunk) -> None:
    batch.look.cancel()
    chunks.hand_back(batch.lease, counted=False)


def settle(corpus_refill_id: int) -> bool:
    """See whether a corpus is whole, and if so let it switch, or wait for approval; tell whether it was."""
    mine = (
        CorpusRefill.objects.select_related("refill__release__encoder")
        .filter(pk=corpus_refill_id, state=State.FILLING)
        .first()
    )
    if mine is None or not chunks.is_handed_out(mine) or _has_open_notes(mine):
        return False
    release = mine.refill.release
    corpus = Corpus.objects.select_related("active__encoder").filter(owner=mine.owner_id).first()
    if corpus is None:
        return False
    in_place = corpus.active_id == release.pk
    # While it is unseen, so that the switch finds the index ready.
    if not in_place and snapshots.is_due(corpus, release.encoder):
        snapshots.compact(corpus, release.encoder)
    if not in_place:
        own_tags.bring_along(mine.owner_id, release.pk)
    if mine.refill.hold and not in_place:
        CorpusRefill.objects.filter(pk=mine.pk, state=State.FILLING).update(state=State.WHOLE)
        return True
    return switch(corpus_refill_id, State.FILLING)


def _has_open_notes(mine: CorpusRefill) -> bool:
    return Outstanding.objects.filter(
        owner=mine.owner_id, release=mine.refill.release_id, set_aside_reason=""
    ).exists()


def switch(corpus_refill_id: int, from_state: str) -> bool:
    """Let a whole corpus's readers see the new release; False if photos came in just now."""
    owned = CorpusRefill.objects.filter(pk=corpus_refill_id).values_list("owner", "refill__release").first()
    if owned is not None:  # what its owner has taught while it waited for approval
        own_tags.bring_along(*owned)
    with _held(corpus_refill_id, from_state) as mine:
        if mine is None:
            return False
        if Corpus.objects.get(owner=mine.owner_id).active_id != mine.refill.release_id:
            try:
                pointers.switch(mine.owner_id, mine.refill.release_id)
            except pointers.CannotMove as error:
                logger.info("%s", error, extra={"corpus_refill": mine.pk})
                return False
            audit.record(None, "switched", refill=mine.refill, owner=mine.owner)
        close(mine, State.DONE)
        return True


def give_up(corpus_refill_id: int, state: str, *from_states: str) -> bool:
    """End a corpus's part without a switch; tell whether it was in one of those states."""
    with _held(corpus_refill_id, *from_states) as mine:
        if mine is None:
            return False
        if mine.state in CorpusRefill.AT_WORK:
            pointers.stop_filling(mine.owner_id, mine.refill.release_id)
        close(mine, state)
        return True


def close(mine: CorpusRefill, state: str) -> None:
    """End a corpus's part, and the refill with its last one. Inside the caller's transaction."""
    mine.state, mine.ended_at = state, timezone.now()
    mine.save(update_fields=["state", "ended_at"])
    mine.chunks.all().delete()
    _end(Refill.objects.filter(pk=mine.refill_id))


def _end(refills: QuerySet[Refill]) -> None:
    """Note that refills are done, those without a corpus that is still open."""
    open_ = CorpusRefill.objects.filter(refill=OuterRef("pk"), state__in=CorpusRefill.OPEN)
    refills.filter(~Exists(open_), state__in=(Refill.State.RUNNING, Refill.State.PAUSED)).update(
        state=Refill.State.DONE, ended_at=timezone.now()
    )


def end_what_is_over() -> None:
    """Finish what a killed process left: a refill that was cancelled in part, or whose last account is gone."""
    cancelled = CorpusRefill.objects.filter(state__in=CorpusRefill.OPEN, refill__state=Refill.State.CANCELLED)
    for corpus_refill_id in cancelled.values_list("id", flat=True):
        give_up(corpus_refill_id, State.CANCELLED, *CorpusRefill.OPEN)
    _end(Refill.objects.all())


def _measure(encoded: dict[int, int], done: int, seconds: float) -> None:
    """Remember how fast this installation is, for the estimates of later refills."""
    total = sum(encoded.values())
    for encoder_id, photos in encoded.items():
        encoder = Encoder.objects.filter(pk=encoder_id)
        if photos:
            encoder.update(
                measured_photos=F("measured_photos") + photos,
                measured_ms=F("measured_ms") + round(seconds * 1000 * photos / total),
            )
        elif len(encoded) == 1:  # stored embeddings alone
            encoder.update(
                rescored_photos=F("rescored_photos") + done,
                rescored_ms=F("rescored_ms") + round(seconds * 1000),
            )
