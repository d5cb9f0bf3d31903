"""The Cleaner: removes what no reader can reach any more, a little at a time."""

import logging
import time
from contextlib import suppress

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tagging import index, pointers, snapshots
from tagging.models import Annotation, Corpus, Embedding, Leftover, OwnAnnotation, OwnHead, PhotoTag, Release
from tagging.refill import audit

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 5000  # a short transaction each, so that nobody waits for the Cleaner


def clean_some(until: float = 0.0) -> bool:
    """Give up ways back whose time is over, then remove leftovers; tell whether anything is left to remove.

    until: of the monotonic clock, in seconds.
    """
    _give_up_ways_back()
    for leftover in Leftover.objects.order_by("owner", "release"):
        while _remove_some(leftover):
            if time.monotonic() > until:
                return True
        _remove_the_rest(leftover)
    return Leftover.objects.exists()


def is_due() -> bool:
    """Tell whether there is something to give up or to remove."""
    return Leftover.objects.exists() or Corpus.objects.filter(previous_until__lt=timezone.now()).exists()


def _give_up_ways_back() -> None:
    over = Corpus.objects.filter(previous_until__lt=timezone.now()).select_related("previous", "owner")
    for corpus in over:
        with transaction.atomic():
            if pointers.drop_previous(corpus.owner_id, corpus.previous_id or 0):
                audit.record(None, "cleaned", release=corpus.previous, owner=corpus.owner)


def _remove_some(leftover: Leftover) -> bool:
    """Remove some rows; tell whether there were any."""
    mine = {"owner": leftover.owner_id, "release": leftover.release_id}
    return (
        _first_tag(PhotoTag.objects.filter(**mine))
        or _first_photos(Annotation.objects.filter(**mine))
        or _first_photos(OwnAnnotation.objects.filter(**mine))
    )


def _first_tag(rows: QuerySet[PhotoTag]) -> bool:
    """Remove the oldest rows of the first tag, which the primary key finds without a search."""
    first = rows.order_by("tag").values_list("tag", flat=True).first()
    if first is None:
        return False
    of_tag = rows.filter(tag=first)
    bound = (
        of_tag.order_by("taken_at")
        .values_list("taken_at", flat=True)[ROWS_AT_ONCE : ROWS_AT_ONCE + 1]
        .first()
    )
    (of_tag if bound is None else of_tag.filter(taken_at__lte=bound)).delete()
    return True


def _first_photos(rows: "QuerySet[Annotation] | QuerySet[Embedding] | QuerySet[OwnAnnotation]") -> bool:
    ids = list(rows.order_by("photo").values_list("photo", flat=True)[:ROWS_AT_ONCE])
    if ids:
        rows.filter(photo__lte=ids[-1]).delete()
    return bool(ids)


def _remove_the_rest(leftover: Leftover) -> None:
    """Remove embeddings of a network that the corpus has no release of, their index, and the note itself."""
    owner_id, encoder_id = leftover.owner_id, leftover.release.encoder_id
    while _remove_embeddings(owner_id, encoder_id):
        continue
    leftover.delete()
    logger.info("cleaned", extra={"owner": owner_id, "release": leftover.release_id})


@transaction.atomic
def _remove_embeddings(owner_id: int, encoder_id: int) -> bool:
    """Remove some embeddings unless a release of the corpus has their network; tell whether there were any.

    The corpus's row is held, so that no release can begin to use them in between.
    """
    corpus = Corpus.objects.select_for_update().filter(owner=owner_id).first()
    if corpus is None or Release.objects.filter(pk__in=corpus.releases, encoder=encoder_id).exists():
        return False
    if _first_photos(Embedding.objects.filter(owner=owner_id, encoder=encoder_id)):
        return True
    OwnHead.objects.filter(owner=owner_id, encoder=encoder_id).delete()
    with suppress(index.BusyError):
        index.remove(snapshots.folder(owner_id), snapshots.key_of(encoder_id))
    return False
