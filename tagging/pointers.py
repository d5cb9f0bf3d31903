"""Moving what a corpus points at: begin to fill a release, switch to it, go back, leave one.

Each move is one transaction that takes the whole row of the corpus: it waits for whatever writes to the corpus
now, and what comes later finds the pointers moved. Readers never wait. None of them depends on the number of
photos: rows and counts of every release that a corpus points at are kept true by the writer all the time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from magicroll.models import Photo
from tagging import counts, outstanding, own_heads, rows
from tagging.combine import restrict
from tagging.models import (
    Annotation,
    Corpus,
    Embedding,
    Leftover,
    Outstanding,
    Stream,
    TagCount,
    Verdict,
)
from tagging.published import Published, published
from tagging.releases import release_tags
from tagging.writer import store_difference


class CannotMove(Exception):
    """The corpus is not in a state for this move; the message is for the administrator."""


def hold(owner_id: int) -> Corpus:
    """Take the whole row of a corpus until the caller's transaction ends: before any row of its refills.

    Raises Corpus.DoesNotExist.
    """
    return Corpus.objects.select_for_update().get(owner=owner_id)


_MOVED = ["active", "filling", "previous", "previous_until", "version", "automatic", "noting_below"]


@contextmanager
def _moving(owner_id: int) -> Iterator[Corpus]:
    with transaction.atomic():
        corpus = hold(owner_id)
        corpus.version += 1
        yield corpus
        corpus.save(update_fields=_MOVED)


def settled_version(owner_id: int) -> int:
    """Wait for whatever writes to a corpus now; rows that are committed later carry a later version.

    Raises Corpus.DoesNotExist.
    """
    with transaction.atomic():
        return hold(owner_id).version


def begin(owner_id: int, release_id: int) -> None:
    """Begin to fill a release, unseen. The previous release can be filled again where it stands.

    Raises Corpus.DoesNotExist, CannotMove.
    """
    with _moving(owner_id) as corpus:
        if corpus.automatic != Corpus.Automatic.ON:
            raise CannotMove("Automatic tags are turned off for this corpus.")
        if corpus.filling_id is not None:
            raise CannotMove("This corpus is being filled already.")
        if corpus.active_id == release_id:
            raise CannotMove("This corpus is on this release already.")
        if corpus.previous_id == release_id:
            corpus.previous, corpus.previous_until, corpus.filling_id = None, None, release_id
            return
        if Leftover.objects.filter(owner=owner_id, release=release_id).exists():
            raise CannotMove("What this release left here is not cleaned up yet.")
        corpus.filling_id = release_id
        # A person's tags show in every release, so photos with verdicts have rows before any annotation.
        judged = set(Verdict.objects.owned_by(owner_id).values_list("photo_id", flat=True))
        store_difference(corpus, Published(), published(corpus, judged, [release_id]))


def switch(owner_id: int, release_id: int) -> None:
    """Let readers see the filled release; the one that was active stays as the previous one.

    Photos that the release could not see keep what the active one says about them.
    Raises Corpus.DoesNotExist, CannotMove.
    """
    with _moving(owner_id) as corpus:
        if corpus.filling_id != release_id:
            raise CannotMove("This corpus is not being filled with this release any more.")
        if Outstanding.objects.filter(owner=owner_id, release=release_id, set_aside_reason="").exists():
            raise CannotMove("Photos that came meanwhile have to be tagged first.")
        encoders = release_tags(corpus.active_id).encoder_id, release_tags(release_id).encoder_id
        if not own_heads.are_ready(owner_id, *encoders):
            raise CannotMove("Own tags have to be brought along first.")
        _carry_over(corpus, release_id)
        counts.drop_empty(owner_id, release_id)
        if corpus.previous_id is not None:
            _leave(owner_id, corpus.previous_id)
        corpus.previous_id, corpus.active_id, corpus.filling_id = corpus.active_id, release_id, None
        corpus.previous_until = _keep_until()


def roll_back(owner_id: int) -> None:
    """Go back to the previous release; the one that was active becomes the previous one.

    Photos that came since and that the previous release has yet to see keep what they have until it does.
    Raises Corpus.DoesNotExist, CannotMove.
    """
    with _moving(owner_id) as corpus:
        if corpus.previous_id is None:
            raise CannotMove("There is no previous release any more.")
        _carry_over(corpus, corpus.previous_id)
        corpus.active_id, corpus.previous_id = corpus.previous_id, corpus.active_id
        corpus.previous_until = _keep_until()


def stop_filling(owner_id: int, release_id: int) -> bool:
    """Take the filling release away, if it is this one; tell whether it was."""
    with _moving(owner_id) as corpus:
        if corpus.filling_id != release_id:
            return False
        corpus.filling = None
        _leave(owner_id, release_id)
        return True


def drop_previous(owner_id: int, release_id: int) -> bool:
    """Give up the way back to a release whose time is over; tell whether it was so."""
    with _moving(owner_id) as corpus:
        if (
            corpus.previous_id != release_id
            or not corpus.previous_until
            or corpus.previous_until > timezone.now()
        ):
            return False
        corpus.previous, corpus.previous_until = None, None
        _leave(owner_id, release_id)
        return True


def turn_off(owner_id: int) -> None:
    """Keep no release but the active one, and no work for it; what it computed is still to be removed.

    Nothing that has begun for it is stored any more. A corpus that is off stays as it is.
    """
    with _moving(owner_id) as corpus:
        if not corpus.is_automatic:
            return
        for release_id in corpus.releases - {corpus.active_id}:
            _leave(owner_id, release_id)
        corpus.filling, corpus.previous, corpus.previous_until = None, None, None
        corpus.automatic, corpus.noting_below = Corpus.Automatic.ENDING, None
        Outstanding.objects.filter(owner=owner_id).delete()


def turned_off(owner_id: int) -> bool:
    """Note that nothing computed is left; False where something is, or the corpus was turned on again."""
    with transaction.atomic():
        corpus = Corpus.objects.select_for_update().filter(owner=owner_id).first()
        if corpus is None or corpus.automatic == Corpus.Automatic.OFF:
            return True
        mine = Annotation.objects.filter(owner=owner_id, release=corpus.active_id)
        if mine.exists() or Embedding.objects.filter(owner=owner_id).exists():
            return False
        if corpus.automatic == Corpus.Automatic.ENDING:
            corpus.automatic, corpus.version = Corpus.Automatic.OFF, corpus.version + 1
            corpus.save(update_fields=["automatic", "version"])
        return True


def turn_on(owner_id: int) -> None:
    """Begin to let the active release have work again, whatever of it is left. A corpus that is on stays so."""
    with _moving(owner_id) as corpus:
        if not corpus.is_automatic:
            corpus.automatic = Corpus.Automatic.BEGINNING
            corpus.noting_below = Photo.objects.owned_by(owner_id).beyond()


def turned_on(owner_id: int) -> None:
    """Note some of the work there is, newest photos first, and with the last of it that automatic tags are on.

    Noted later, photos could be missing from a release that meanwhile became the previous one.
    """
    with _moving(owner_id) as corpus:
        if corpus.automatic == Corpus.Automatic.BEGINNING:
            corpus.noting_below = outstanding.note_below(corpus, corpus.noting_below or 0)
            if corpus.noting_below is None:
                corpus.automatic = Corpus.Automatic.ON


def _keep_until() -> datetime:
    return timezone.now() + timedelta(days=settings.KEEP_PREVIOUS_DAYS)


def _leave(owner_id: int, release_id: int) -> None:
    """Note that nobody reaches these rows any more; counts go at once, the rest is the Cleaner's."""
    mine = {"owner": owner_id, "release": release_id}
    TagCount.objects.filter(**mine).delete()
    Outstanding.objects.filter(**mine).delete()
    Leftover.objects.bulk_create([Leftover(owner_id=owner_id, release_id=release_id)], ignore_conflicts=True)


def _carry_over(corpus: Corpus, release_id: int) -> None:
    """Copy the active annotations of photos that a release has not seen, in words that it knows."""
    mine = {"owner": corpus.owner_id, "release": release_id}
    unseen = set(Outstanding.objects.filter(**mine).values_list("photo_id", flat=True))
    unseen -= set(Annotation.objects.filter(**mine, photo__in=unseen).values_list("photo_id", flat=True))
    if not unseen:
        return
    known = release_tags(release_id).ids
    old = Annotation.objects.filter(owner=corpus.owner_id, release=corpus.active_id, photo__in=unseen)
    before = published(corpus, unseen, [release_id])
    carried = [
        rows.AnnotationRow(
            owner_id=corpus.owner_id,
            release_id=release_id,
            photo_id=one.photo_id,
            stream=Stream.CARRIED.value,
            revision=0,  # of no pixels: whatever the release itself says replaces it
            **restrict(one.tag_ids, one.scores, known),
            **_faint(restrict(one.faint_ids, one.faint_scores, known)),
        )
        for one in old
    ]
    rows.store_annotation_rows(carried, new=True)
    own_heads.carry_over(corpus.owner_id, corpus.active_id, release_id, unseen)
    store_difference(corpus, before, published(corpus, unseen, [release_id]))


def _faint(packed: dict[str, bytes]) -> dict[str, bytes]:
    return {"faint_ids": packed["tag_ids"], "faint_scores": packed["scores"]}
