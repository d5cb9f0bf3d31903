"""Handing out the photos of a refill, chunk by chunk.

So a lost worker loses little: it holds two at most, the one that it commits and the one that it looks at, and
two are about half a second of work.

A chunk is a range of photo ids. It is leased before the work and removed with the commit of its annotations, in
one transaction. A lease that ran out is not tried again as it was: its photos become outstanding ones that were
tried once, which go alone from there, so that a photo that kills workers is found and set aside.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from magicroll.models import Photo
from magicroll.querysets import PhotoQuerySet
from tagging.models import Annotation, Chunk, Corpus, CorpusRefill, Embedding, Refill, Stream
from tagging.outstanding import OF_WORK, Work, note
from tagging.writer import fence

LEASE = timedelta(seconds=120)  # far beyond a chunk's half second, on the slowest machine
# Of a chunk, about a quarter of a second of work with Lite2 on two cores: no upload waits for more than two, and two
# are what a killed worker loses.
ENCODED_PHOTOS = 24
RESCORED_PHOTOS = 2000


@dataclass(frozen=True, slots=True)
class Lease:
    """Photos to annotate for a refill. The chunk's row, if it is still there, says that the lease holds."""

    chunk: Chunk
    corpus_refill: CorpusRefill
    reuse: bool  # embeddings that are there suffice
    work: list[Work]


def to_do(corpus_refill: CorpusRefill, after: int = 0, up_to: int | None = None) -> PhotoQuerySet:
    """Return the photos that a refill of this scope has to annotate, as things stand: of ids (after, up_to]."""
    refill, owner_id = corpus_refill.refill, corpus_refill.owner_id
    photos = Photo.objects.owned_by(owner_id).filter(state=Photo.State.READY, id__gt=after)
    # The range twice, or the database begins with the first annotation for every chunk.
    said = Annotation.objects.filter(owner=owner_id, release=refill.release_id, photo__gt=after)
    if up_to is not None:
        photos, said = photos.filter(id__lte=up_to), said.filter(photo__lte=up_to)
    if refill.scope == Refill.Scope.EVERYTHING:
        return photos
    said = said.filter(photo=OuterRef("id"))
    said = said.exclude(stream=Stream.CARRIED)  # not the release's own
    if refill.scope == Refill.Scope.STALE:
        said = said.filter(revision=OuterRef("revision"))
    return photos.filter(~Exists(said))


def lease(corpus_refill_id: int, *, wait: bool = False) -> Lease | None:
    """Lease the next photos of a corpus; None if nothing is left to hand out.

    wait: for another worker that leases from this corpus now, else None then too.
    """
    _redo_lost(corpus_refill_id)
    return _lease(corpus_refill_id, wait=wait)


@transaction.atomic
def _lease(corpus_refill_id: int, *, wait: bool) -> Lease | None:
    corpus_refill = (
        CorpusRefill.objects.select_related("refill__release__encoder")
        .defer("refill__release__vocabulary_json")
        .select_for_update(skip_locked=not wait, of=("self",))
        .filter(pk=corpus_refill_id, state=CorpusRefill.State.FILLING, refill__state=Refill.State.RUNNING)
        .first()
    )
    if corpus_refill is None:
        return None
    reuse = _may_reuse(corpus_refill)
    photos = to_do(corpus_refill, corpus_refill.handed_out_to, corpus_refill.up_to).values_list(*OF_WORK)
    chosen = [Work(*row) for row in photos.order_by("id")[: RESCORED_PHOTOS if reuse else ENCODED_PHOTOS]]
    corpus_refill.handed_out_to = chosen[-1].photo_id if chosen else corpus_refill.up_to
    corpus_refill.served_at = timezone.now()
    corpus_refill.save(update_fields=["handed_out_to", "served_at"])
    if not chosen:
        return None
    chunk = corpus_refill.chunks.create(
        first=chosen[0].photo_id, last=chosen[-1].photo_id, claimed_until=timezone.now() + LEASE
    )
    return Lease(chunk, corpus_refill, reuse, chosen)


def _may_reuse(corpus_refill: CorpusRefill) -> bool:
    """Tell whether embeddings of the release's encoder are there, so that no image need be opened."""
    refill = corpus_refill.refill
    if refill.scope == Refill.Scope.EVERYTHING:
        return False
    mine = Embedding.objects.filter(owner=corpus_refill.owner_id, encoder=refill.release.encoder_id)
    encoder_id = refill.release.encoder_id
    others = Q(active__encoder=encoder_id) | Q(previous__encoder=encoder_id)
    return Corpus.objects.filter(others, owner=corpus_refill.owner_id).exists() and mine.exists()


def _redo_lost(corpus_refill_id: int) -> None:
    """Turn the photos of leases that ran out into outstanding ones that were tried once.

    Not those of a worker that commits them after all, and holds their chunk.
    """
    filling = {
        "corpus_refill__state": CorpusRefill.State.FILLING,
        "corpus_refill__refill__state": Refill.State.RUNNING,
    }
    lost = Chunk.objects.filter(corpus_refill=corpus_refill_id, claimed_until__lt=timezone.now(), **filling)
    for chunk_id in lost.order_by("first").values_list("id", flat=True):
        _hand_over(chunk_id, attempts=1, lost=True)


@transaction.atomic
def _hand_over(chunk_id: int, *, attempts: int, lost: bool = False) -> None:
    """Make a chunk's photos outstanding ones and remove it, in the order of locks that its commit takes.

    lost: it is somebody else's, whose lease ran out; one that is being committed now is left alone.
    """
    related = Chunk.objects.select_related("corpus_refill__refill__release__encoder")
    chunk = related.filter(pk=chunk_id).first()
    if chunk is None:
        return
    corpus_refill = chunk.corpus_refill
    try:
        fence(corpus_refill.owner_id)
    except Corpus.DoesNotExist:  # the account was deleted meanwhile, with its part of the refill
        return
    if Chunk.objects.select_for_update(skip_locked=lost).filter(pk=chunk_id).first() is None:
        return
    photos = to_do(corpus_refill, chunk.first - 1, chunk.last)
    ids = list(photos.values_list("id", flat=True))
    noted = note(corpus_refill.owner_id, corpus_refill.refill.release_id, ids, attempts=attempts)
    CorpusRefill.objects.filter(pk=corpus_refill.pk).update(
        done=F("done") + noted, redone=F("redone") + (noted if lost else 0)
    )
    chunk.delete()


def take(held: Lease, failures: Collection[int]) -> Corpus:
    """Lock a chunk for its commit, before the photos, as its corpus was before: nobody turns it over now.

    Where photos are to be set aside, all of them are locked here: photos are locked in the order of their ids.
    Raises Corpus.DoesNotExist.
    """
    corpus = fence(held.corpus_refill.owner_id)
    list(Chunk.objects.select_for_update().filter(pk=held.chunk.pk).values_list("id"))
    if failures:
        ids = [item.photo_id for item in held.work]
        mine = Photo.objects.owned_by(held.corpus_refill.owner_id).filter(id__in=ids).order_by("id")
        list(mine.select_for_update().values_list("id"))
    return corpus


def finish(held: Lease, failures: dict[int, str]) -> bool:
    """Count a chunk as done, with photos that could not be seen; tell whether its lease still held.

    Inside the transaction that took it and stored its annotations.
    """
    gone, _ = Chunk.objects.filter(pk=held.chunk.pk).delete()
    if not gone:
        return False
    set_aside(held, failures)
    CorpusRefill.objects.filter(pk=held.corpus_refill.pk).update(done=F("done") + len(held.work))
    return True


def set_aside(held: Lease, failures: dict[int, str]) -> None:
    """Note photos that the release can't see, for their owner and the administrator to read."""
    owner_id, release_id = held.corpus_refill.owner_id, held.corpus_refill.refill.release_id
    revisions = {item.photo_id: item.revision for item in held.work}
    there = Photo.objects.owned_by(owner_id).filter(id__in=failures).values_list("id", "revision")
    for photo_id, revision in there:
        if revision == revisions[photo_id]:  # new pixels are outstanding already
            note(owner_id, release_id, [photo_id], attempts=1, reason=failures[photo_id])


def hand_back(held: Lease, *, counted: bool) -> None:
    """Give up a chunk after an error: its photos are outstanding, as tried ones if a photo may be to blame."""
    _hand_over(held.chunk.pk, attempts=1 if counted else 0)


def is_handed_out(corpus_refill: CorpusRefill) -> bool:
    """Tell whether nothing of a corpus is left to hand out, and nothing is on its way."""
    return corpus_refill.handed_out_to >= corpus_refill.up_to and not corpus_refill.chunks.exists()
