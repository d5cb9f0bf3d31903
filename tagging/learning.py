"""Verdicts teach: one person's thresholds, learnt from what they said about their own photos."""

from dataclasses import dataclass

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from magicroll.models import Photo, User
from tagging.local_names import called
from tagging.models import Corpus, LearnedThreshold, Tag, Verdict
from tagging.releases import release_tags
from tagging.republishing import new_wishes
from tagging.scores import TagScores, tag_scores
from tagging.thresholds import ENOUGH, Evidence, floors, learned_offset, moved
from tagging.words import fold

ANEW = 0.1  # of the verdicts more or fewer than last time, before a threshold is learnt anew
ANEW_AT_LEAST = 4


def learn(owner_id: int) -> int:
    """Learn the thresholds of tags about which enough was said since last time; return how many were looked at.

    What is read is this person's alone: their verdicts, and what their corpus's release says of their photos. The
    offset is learnt on the active release, and goes for every other one until it is learnt anew, after a switch.
    """
    corpus = Corpus.objects.filter(owner=owner_id, automatic=Corpus.Automatic.ON).first()
    due = _due(corpus) if corpus else {}
    if corpus is None or not due:
        return 0
    learned = _learn(corpus, due)
    with new_wishes(owner_id) as change:
        if change.corpus.active_id != corpus.active_id:  # it switched just now; its turn comes again
            return 0
        _store(change.corpus, learned)
    return len(due)


def is_due(corpus: Corpus) -> bool:
    """Tell whether there is something to learn."""
    return corpus.automatic == Corpus.Automatic.ON and bool(_due(corpus))


def _due(corpus: Corpus) -> dict[int, int]:
    """Return the tags whose verdicts have become more, or fewer, by enough: tag id -> verdicts."""
    said = Verdict.objects.owned_by(corpus.owner_id).filter(tag__in=release_tags(corpus.active_id).thresholds)
    now = dict(said.values_list("tag").annotate(n=Count("*")).order_by())
    known = {row.tag_id: row for row in LearnedThreshold.objects.filter(owner=corpus.owner_id)}
    due = {}
    for tag_id in now.keys() | known.keys():
        count, row = now.get(tag_id, 0), known.get(tag_id)
        if row is None:
            is_due = count >= ENOUGH
        else:
            news = abs(count - row.verdicts)
            is_due = row.release_id != corpus.active_id or news >= max(ANEW_AT_LEAST, ANEW * row.verdicts)
        if is_due:
            due[tag_id] = count
    return due


@dataclass(frozen=True, slots=True)
class _Learned:
    """added, rejected: verdicts within reach of the threshold; verdicts: all of them."""

    offset: float
    verdicts: int
    added: int
    rejected: int


def _learn(corpus: Corpus, due: dict[int, int]) -> dict[int, _Learned]:
    thresholds = release_tags(corpus.active_id).thresholds
    found = tag_scores(corpus.owner_id, corpus.active_id, due)
    live = Photo.objects.owned_by(corpus.owner_id).live().values_list("id", flat=True)
    live_ids = np.fromiter(live.iterator(), np.int64)
    learned = {}
    for tag_id, verdicts in due.items():
        threshold = thresholds.get(tag_id)
        if threshold is None:  # this release does not show it
            learned[tag_id] = _Learned(0.0, verdicts, 0, 0)
            continue
        evidence = _evidence(corpus.owner_id, tag_id, found.of(tag_id), threshold, live_ids)
        learned[tag_id] = _Learned(
            learned_offset(evidence, threshold),
            verdicts,
            int(evidence.added.sum()),
            int(evidence.rejected.sum()),
        )
    return learned


def _evidence(
    owner_id: int, tag_id: int, found: TagScores, threshold: float, live_ids: NDArray[np.int64]
) -> Evidence:
    """Gather a tag's photos within reach: below, no threshold that may be learnt would show them."""
    floor = float(floors(np.array([threshold], np.float32))[0])
    mine = (found.scores >= floor) & np.isin(found.photo_ids, live_ids)
    said = Verdict.objects.owned_by(owner_id).filter(tag=tag_id)
    kinds: dict[str, list[int]] = {kind: [] for kind in Verdict.Kind.values}
    for photo_id, kind in said.values_list("photo_id", "kind"):
        kinds[kind].append(photo_id)
    photos = found.photo_ids[mine]
    added, rejected = (
        np.isin(photos, np.array(kinds[kind], np.int64))
        for kind in (Verdict.Kind.ADDED, Verdict.Kind.REJECTED)
    )
    return Evidence(found.scores[mine], added, rejected)


def _store(corpus: Corpus, learned: dict[int, _Learned]) -> None:
    """Store what was learnt, inside a change of wishes."""
    owner_id, release_id = corpus.owner_id, corpus.active_id
    for tag_id, one in learned.items():
        mine = LearnedThreshold.objects.filter(owner=owner_id, tag=tag_id)
        if one.verdicts < ENOUGH and not mine.filter(ignored=True).exists():
            mine.delete()
            continue
        facts = {
            "release_id": release_id,
            "offset": one.offset,
            "verdicts": one.verdicts,
            "added": one.added,
            "rejected": one.rejected,
        }
        LearnedThreshold.objects.update_or_create(owner_id=owner_id, tag_id=tag_id, defaults=facts)


def ignore(user: User, tag_id: int, *, ignored: bool) -> bool:
    """Use the release's own threshold for a tag, or the learnt one again; False if nothing was learnt for it."""
    with new_wishes(user.pk):
        rows = LearnedThreshold.objects.filter(owner=user, tag=tag_id).update(ignored=ignored)
    return rows == 1


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A tag whose threshold a person's verdicts moved: the release's, theirs, and what it was learnt from."""

    tag: Tag
    shipped: float
    own: float
    added: int
    rejected: int
    ignored: bool

    @property
    def surer(self) -> bool:
        return self.own > self.shipped


def adjusted(corpus: Corpus) -> list[Adjusted]:
    """Return a person's own thresholds for tags that their release shows, by name."""
    thresholds = release_tags(corpus.active_id).thresholds
    mine = LearnedThreshold.objects.filter(owner=corpus.owner_id, tag__in=thresholds).exclude(offset=0.0)
    rows = sorted(mine.select_related("tag"), key=lambda row: fold(called(row.tag)))
    return [
        Adjusted(
            row.tag,
            thresholds[row.tag_id],
            moved(thresholds[row.tag_id], row.offset),
            row.added,
            row.rejected,
            row.ignored,
        )
        for row in rows
    ]
