"""Photos on which readers may find anything else with other wishes: some at a time, newest first."""

from dataclasses import dataclass

from django.db.models import Q

from magicroll.models import Photo
from tagging.models import Corpus, OwnAnnotation, Verdict
from tagging.releases import release_tags
from tagging.scores import tag_scores
from tagging.standing import Standing
from tagging.thresholds import moved
from tagging.wishes import Wishes

SPAN = 2000  # photos looked at for one answer
_ROUNDING = 1e-3  # a score just below a threshold may be stored, in float16, as one just above


@dataclass(frozen=True, slots=True)
class Concerned:
    """Photo ids, newest first; down_to: no other photo from this id on is concerned. 0: none at all is left."""

    photo_ids: list[int]
    down_to: int


def concerned(corpus: Corpus, move: Standing, most: int) -> Concerned:
    """Look through the newest photos that a move has not reached; the caller has the whole corpus."""
    left = Photo.objects.owned_by(corpus.owner_id).filter(id__lt=move.down_to).order_by("-id")
    ids = list(left.values_list("id", flat=True)[:SPAN])
    if not ids:
        return Concerned([], 0)
    span = range(ids[-1], move.down_to)
    muted = move.old.muted ^ move.new.muted
    found = _muted(corpus, muted, span) if muted else set()
    found |= _rethresholded(corpus, move.old, move.new, span)
    chosen = sorted(found, reverse=True)[:most]
    if len(chosen) < len(found):
        return Concerned(chosen, chosen[-1])
    return Concerned(chosen, span.start if len(ids) == SPAN else 0)


def _muted(corpus: Corpus, tag_ids: frozenset[int], span: range) -> set[int]:
    """Return photos on which a release, an own head or their owner finds these tags, narrower ones, or any in these."""
    found: set[int] = set()
    near = Q(photo__gte=span.start, photo__lt=span.stop)
    for release_id in corpus.releases:
        hierarchy = release_tags(release_id).hierarchy
        wide = hierarchy.within(tag_ids)
        found |= set(tag_scores(corpus.owner_id, release_id, wide, span).photo_ids.tolist())
        these = Q(tag__in=wide)
        if hierarchy.other_category in tag_ids:
            these |= ~Q(tag__in=hierarchy.categories)
        said = OwnAnnotation.objects.filter(near, these, owner=corpus.owner_id, release=release_id)
        added = Verdict.objects.owned_by(corpus.owner_id).filter(near, these, kind=Verdict.Kind.ADDED)
        for rows in (said, added):
            found |= set(rows.values_list("photo_id", flat=True))
    return found


def _rethresholded(corpus: Corpus, old: Wishes, new: Wishes, span: range) -> set[int]:
    """Return photos on which a tag may come or go, or its parents be brought by another one, in any release.

    Where a threshold is raised these are all with a lower score: some carry the tag as another one's parent.
    """
    moves = {
        tag for tag in old.offsets.keys() | new.offsets.keys() if old.offsets.get(tag) != new.offsets.get(tag)
    }
    photos: set[int] = set()
    for release_id in corpus.releases if moves else ():
        thresholds = release_tags(release_id).thresholds
        known = [tag_id for tag_id in moves if tag_id in thresholds]
        found = tag_scores(corpus.owner_id, release_id, known, span)
        for tag_id in known:
            offsets = [wishes.offsets.get(tag_id, 0.0) for wishes in (old, new)]
            low, high = (moved(thresholds[tag_id], offset) for offset in (min(offsets), max(offsets)))
            between = found.of(tag_id).between(0.0 if max(offsets) > 0 else low, high + _ROUNDING)
            photos |= set(between.photo_ids.tolist())
    return photos
