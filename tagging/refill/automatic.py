"""Automatic tags, off and on again, as a person wants it for their corpus.

Off: nothing is computed from then on, and what was computed is removed a little at a time, by the writer, so that
every page is true while it goes. What the person said stays.
"""

import time
from contextlib import suppress

from django.db import transaction

from magicroll.models import User
from tagging import index, pointers, snapshots
from tagging.models import Annotation, Corpus, CorpusRefill, Embedding, Encoder, OwnAnnotation
from tagging.refill import filling
from tagging.republishing import AT_ONCE_S
from tagging.writer import corpus_change

PHOTOS_AT_ONCE = 500  # a short change each, so that uploads and verdicts need not wait
SAYS_SO = "Automatic tags are turned off."

State = CorpusRefill.State


@transaction.atomic
def turn_off(user: User) -> None:
    """Stop all that is at work for a corpus, and begin to remove what was computed. Twice is once."""
    pointers.hold(user.pk)
    for mine in CorpusRefill.objects.filter(owner=user, state__in=CorpusRefill.AT_WORK):
        CorpusRefill.objects.filter(pk=mine.pk).update(note=SAYS_SO)
        filling.give_up(mine.pk, State.SKIPPED, *CorpusRefill.AT_WORK)
    pointers.turn_off(user.pk)


def turn_on(user: User) -> None:
    """Let the corpus's release look at all photos again; what is not noted as work soon is `note_some`'s."""
    pointers.turn_on(user.pk)
    note_some(user.pk, time.monotonic() + AT_ONCE_S)


def note_some(owner_id: int, until: float = 0.0) -> bool:
    """Note photos of a corpus that was turned on as work; tell whether there is more to note.

    until: of the monotonic clock, in seconds; one change is made in any case.
    """
    beginning = Corpus.objects.filter(owner=owner_id, automatic=Corpus.Automatic.BEGINNING)
    while beginning.exists():
        with suppress(Corpus.DoesNotExist):  # the account was deleted meanwhile
            pointers.turned_on(owner_id)
        if time.monotonic() > until:
            return beginning.exists()
    return False


def remove_some(owner_id: int, until: float = 0.0) -> bool:
    """Remove what was computed for a corpus that was turned off; tell whether anything is left to remove.

    until: of the monotonic clock, in seconds; one change is made in any case.
    """
    if not Corpus.objects.filter(owner=owner_id, automatic=Corpus.Automatic.ENDING).exists():
        return False
    _forget_indexes(owner_id)  # first, so that no search goes through what is going
    while _remove(owner_id):
        if time.monotonic() > until:
            return True
    if not _forget_indexes(owner_id):
        return True
    return not pointers.turned_off(owner_id)


def left_to_remove(corpus: Corpus) -> int:
    """Count photos whose annotations are still to be removed."""
    return Annotation.objects.seen_in(corpus).count()


def _remove(owner_id: int) -> bool:
    """Remove what was computed for some photos; False if nothing is left, or the corpus was turned on again."""
    try:
        with corpus_change(owner_id) as change:
            if change.corpus.automatic != Corpus.Automatic.ENDING:
                return False
            said = Annotation.objects.filter(owner=owner_id, release=change.corpus.active_id)
            photo_ids = list(said.order_by("photo").values_list("photo_id", flat=True)[:PHOTOS_AT_ONCE])
            change.touch(photo_ids)
            said.filter(photo__in=photo_ids).delete()
            OwnAnnotation.objects.filter(owner=owner_id, photo__in=photo_ids).delete()
            seen = Embedding.objects.filter(owner=owner_id).order_by("photo")
            vectors = photo_ids or list(seen.values_list("photo_id", flat=True)[:PHOTOS_AT_ONCE])
            Embedding.objects.filter(owner=owner_id, photo__in=vectors).delete()
    except Corpus.DoesNotExist:  # the account was deleted meanwhile, with all of it
        return False
    return bool(vectors)


def _forget_indexes(owner_id: int) -> bool:
    """Remove the similarity indexes of a corpus; False while one is being written."""
    forgotten = False
    with suppress(index.BusyError):
        for encoder_id in Encoder.objects.values_list("id", flat=True):
            index.remove(snapshots.folder(owner_id), snapshots.key_of(encoder_id))
        forgotten = True
    return forgotten
