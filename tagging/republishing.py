"""Another wish about tags: it is noted at once, and the photos that it concerns are published anew in pieces.

The move in the corpus's row is the ledger: whoever is killed, the next one goes on where the last piece ended. A
wish that comes while another one is carried out waits for it, and is carried out next.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db.models import QuerySet

from magicroll.models import Photo
from tagging import days
from tagging.concerned import concerned
from tagging.models import Corpus, Tag
from tagging.published import published
from tagging.querysets import among
from tagging.releases import release_tags
from tagging.standing import Standing, move_of
from tagging.wishes import Wishes, wishes_of
from tagging.writer import Change, corpus_change, store_difference

PHOTOS_PER_CHANGE = 500  # bounds how long it holds the corpus
AT_ONCE_S = 0.25  # of carrying out, before whoever wished is answered


@contextmanager
def new_wishes(owner_id: int) -> Iterator[Change]:
    """Open the change in which a person's wishes change; some of their photos follow before it returns.

    The rest is `carry_out`'s, which the caller hints at where `is_at_work`.
    """
    with corpus_change(owner_id, whole=True) as change:
        before = wishes_of(owner_id)
        yield change
        _begin(change.corpus, before, wishes_of(owner_id))
    carry_out(owner_id, time.monotonic() + AT_ONCE_S)


def _begin(corpus: Corpus, before: Wishes, after: Wishes) -> None:
    move = move_of(corpus)
    if move is None:
        if _same(before, after):
            return
        move = Standing(before, after, _beyond(corpus), frozenset())
    _note(corpus, replace(move, aside=_everywhere(corpus, after.muted)))


def carry_out(owner_id: int, until: float = 0.0) -> bool:
    """Let photos follow their owner's wishes; tell whether nothing is left to do.

    until: of the monotonic clock, in seconds; one piece is made in any case.
    """
    while _one_piece(owner_id):
        if time.monotonic() > until:
            return not is_at_work(owner_id)
    return True


def is_at_work(owner_id: int) -> bool:
    """Tell whether photos have yet to follow their owner's wishes."""
    return _moving().filter(owner=owner_id).exists()


def owners_with_work() -> list[int]:
    """Return the owners of photos that have yet to follow their wishes."""
    return list(_moving().values_list("owner", flat=True))


def left_to_follow(corpus: Corpus) -> int:
    """Count the photos that have yet to follow their owner's wishes."""
    move = move_of(corpus)
    return Photo.objects.owned_by(corpus.owner_id).filter(id__lt=move.down_to).count() if move else 0


def _moving() -> QuerySet[Corpus]:
    return Corpus.objects.filter(wishes_move__isnull=False)


def _one_piece(owner_id: int) -> bool:
    """Publish some photos anew; False where there is nothing to do."""
    if not is_at_work(owner_id):
        return False
    try:
        with corpus_change(owner_id, whole=True) as change:
            move = move_of(change.corpus)
            if move is None:
                return False
            found = concerned(change.corpus, move, PHOTOS_PER_CHANGE)
            _republish(change, found.photo_ids, move.old, move.new)
            _note(
                change.corpus, replace(move, down_to=found.down_to) if found.down_to else _next(change, move)
            )
    except Corpus.DoesNotExist:  # the account was deleted meanwhile
        return False
    return True


def _next(change: Change, done: Standing) -> Standing | None:
    """Return what is to be done once all photos have followed: wishes that came meanwhile, if they are others."""
    wanted = wishes_of(change.corpus.owner_id)
    if _same(done.new, wanted):
        return None
    return Standing(done.new, wanted, _beyond(change.corpus), _everywhere(change.corpus, wanted.muted))


def _note(corpus: Corpus, move: Standing | None) -> None:
    corpus.wishes_move = move.written() if move else None
    corpus.save(update_fields=["wishes_move"])


def _same(one: Wishes, other: Wishes) -> bool:
    """Tell whether photos are published alike with both; what is hidden is left out by readers alone."""
    return one.muted == other.muted and one.offsets == other.offsets


def _beyond(corpus: Corpus) -> int:
    """Return an id above all photos that are there: what comes later follows the new wishes from the start."""
    return Photo.objects.owned_by(corpus.owner_id).beyond()


def _everywhere(corpus: Corpus, muted: Collection[int]) -> frozenset[int]:
    """Return what is muted with all that it takes along, in any release that readers may come to."""
    found: set[int] = set()
    for release_id in corpus.releases:
        hierarchy = release_tags(release_id).hierarchy
        found |= hierarchy.within(muted)
        if hierarchy.other_category in muted:
            found |= set(Tag.objects.filter(owner=corpus.owner_id).values_list("id", flat=True))
    return frozenset(found)


def _republish(change: Change, photo_ids: list[int], before: Wishes, after: Wishes) -> None:
    """Store what photos contribute with the one wishes instead of the others.

    Photos that the wishes do not concern are no mistake, and change nothing.
    """
    if not photo_ids:
        return
    corpus = change.corpus
    photos = Photo.objects.owned_by(corpus.owner_id).filter(id__in=among(photo_ids))
    list(photos.order_by("id").select_for_update().values_list("id"))
    was, is_now = (published(corpus, photo_ids, wishes=wishes) for wishes in (before, after))
    store_difference(corpus, was, is_now)
    days.update_days(corpus.owner_id, before=was, after=is_now, version=corpus.version)
    photos.update(version=corpus.version)
