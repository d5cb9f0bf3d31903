"""Holding photos against own heads that are new: the difference alone is written, a little at a time.

A head that is not settled is outstanding work, as a photo without its annotation is: whoever is killed in
between, the next one goes on. Photos that are annotated meanwhile meet the new head there.
"""

import time
from collections.abc import Iterator

import numpy as np
from django.db import transaction

from tagging import index
from tagging.ml.own_head import probabilities
from tagging.models import Corpus, OwnAnnotation, OwnHead
from tagging.own_heads import comparable, projection_of, replace_said, say
from tagging.own_tags.space import Space, open_space
from tagging.pointers import hold
from tagging.releases import release_tags
from tagging.writer import corpus_change

PHOTOS_PER_CHANGE = 500  # bounds how long it holds the corpus


def owners_with_work() -> list[int]:
    """Return the owners of heads that photos have yet to be held against."""
    return list(OwnHead.objects.filter(settled=False).order_by().values_list("owner", flat=True).distinct())


def settle(owner_id: int, until: float = 0.0) -> bool:
    """Write what unsettled heads change; tell whether nothing is left to do.

    until: of the monotonic clock, in seconds; one change is made in any case.
    Raises NotInstalled.
    """
    for head in OwnHead.objects.filter(owner=owner_id, settled=False).select_related("encoder"):
        corpus = Corpus.objects.filter(owner=owner_id).first()
        if corpus is None:
            return True
        space = open_space(corpus, head.encoder, patient=True)
        for release_id in sorted(corpus.releases):
            if release_tags(release_id).encoder_id != head.encoder_id:
                continue
            for ids in _in_chunks(_differing(space, head, release_id)):
                _hold_against(owner_id, release_id, head, ids)
                if time.monotonic() > until:
                    return False
        _note_settled(head, corpus.releases)
    return not OwnHead.objects.filter(owner=owner_id, settled=False).exists()


def _differing(space: Space, head: OwnHead, release_id: int) -> list[int]:
    """Return photos of which a head says something else than what is stored."""
    weights = np.frombuffer(head.weights, "<f4")
    wanted: dict[int, float] = {}
    if not head.ending and len(weights) == space.dimensions:
        scores = probabilities(space.products(weights), head.bias)
        taken = scores >= head.cut
        wanted = dict(zip(space.ids[taken].tolist(), scores[taken].tolist(), strict=True))
    rows = OwnAnnotation.objects.filter(owner=head.owner_id, release=release_id, tag=head.tag_id)
    stored = dict(rows.values_list("photo_id", "score"))
    return sorted(photo for photo in wanted.keys() | stored.keys() if wanted.get(photo) != stored.get(photo))


def _in_chunks(photo_ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(photo_ids), PHOTOS_PER_CHANGE):
        yield photo_ids[start : start + PHOTOS_PER_CHANGE]


def _hold_against(owner_id: int, release_id: int, head: OwnHead, photo_ids: list[int]) -> None:
    """Hold some photos against a head as things stand now.

    Photos that the release has seen with other pixels than the embedding's keep what they have until it sees them.
    """
    with corpus_change(owner_id) as change:
        now = OwnHead.objects.filter(pk=head.pk).first()
        if now is None or release_id not in change.corpus.releases:
            return
        change.touch(photo_ids)
        if now.ending:
            replace_said(owner_id, release_id, {photo_id: {} for photo_id in photo_ids}, head.tag_id)
            return
        seen = comparable(owner_id, release_id, head.encoder_id, photo_ids)
        if seen:
            batch = index.Batch(np.array(list(seen), np.int64), np.stack(list(seen.values())))
            codes = index.part_of(batch, projection_of(head.encoder)).codes
            replace_said(owner_id, release_id, dict(zip(seen, say([now], codes), strict=True)), head.tag_id)


def _note_settled(head: OwnHead, releases: set[int]) -> None:
    """Note that a head is through, if it and the releases are still those that photos were held against."""
    with transaction.atomic():
        corpus = hold(head.owner_id)
        same = OwnHead.objects.filter(pk=head.pk, lesson=head.lesson, ending=head.ending)
        if corpus.releases != releases:
            return
        if head.ending:
            same.delete()
        else:
            same.update(settled=True)
