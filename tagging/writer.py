"""The one way in which anything that readers see gets changed.

    with corpus_change(owner_id) as change:
        change.touch(photo_ids)   # photos that are about to change, before they do
        ...                       # change photos, annotations, verdicts
        change.born(photo_ids)    # photos made inside

At the end the reverse index, its counts and covers, the months and the days receive the difference between what
the touched photos contributed before and after; the photos carry the corpus's new version; all of it in
one transaction.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging import counts, days, own_heads, rows
from tagging.columns import Live, TagColumns, tag_columns
from tagging.combine import supersedes
from tagging.ml.tagger import NOTHING, Said
from tagging.models import Annotation, Corpus, Embedding, Outstanding, Stream
from tagging.published import Published, published, verdicts_on
from tagging.querysets import among, near
from tagging.releases import release_tags
from tagging.standing import standing_of


@dataclass(slots=True)
class Change:
    """One change of one corpus, under its row lock."""

    corpus: Corpus
    before: Published = field(default_factory=Published)
    touched: set[int] = field(default_factory=set)

    @property
    def version(self) -> int:
        return self.corpus.version

    def touch(self, photo_ids: Iterable[int]) -> dict[int, Photo]:
        """Lock photos that are about to change and note what they contribute; returns those that exist.

        One call for all photos of a change: they are locked in order of their ids.
        """
        new = set(photo_ids) - self.touched
        owner_id = self.corpus.owner_id
        photos = _locked(owner_id, new)
        noted = published(self.corpus, new)
        self.before.add(noted)
        self.touched |= new
        return photos

    def born(self, photo_ids: Iterable[int]) -> None:
        """Take in photos made inside this change."""
        self.touched |= set(photo_ids)


@contextmanager
def corpus_change(owner_id: int, *, whole: bool = False) -> Iterator[Change]:
    """Open the transaction, lock the corpus, add one to its version, publish the difference at the end.

    whole: take the whole row, as `pointers` does, so that nobody writes to a release that is filling meanwhile.
    Raises Corpus.DoesNotExist.
    """
    with transaction.atomic():
        corpus = Corpus.objects.select_for_update(no_key=not whole).get(owner=owner_id)
        corpus.version += 1
        change = Change(corpus)
        yield change
        _publish(change)
        corpus.save(update_fields=["version"])


def _publish(change: Change) -> None:
    if not change.touched:
        return
    corpus = change.corpus
    Photo.objects.owned_by(corpus.owner_id).filter(id__in=change.touched).update(version=change.version)
    after = published(corpus, change.touched)
    store_difference(corpus, change.before, after)
    counts.update_months(corpus.owner_id, before=change.before.months, after=after.months)
    days.update_days(corpus.owner_id, before=change.before, after=after, version=change.version)


def store_difference(
    corpus: Corpus, before: Published, after: Published, more: TagColumns | None = None
) -> None:
    """Store rows of the reverse index, counts and covers; the photos and the corpus are locked.

    more: rows that come beside those of `after`.
    """
    gone = [row for row, score in before.rows.items() if after.rows.get(row) != score]
    come = {row: score for row, score in after.rows.items() if before.rows.get(row) != score}
    rows.delete_tag_rows(corpus.owner_id, gone)
    rows.insert_tag_rows(corpus.owner_id, come)
    if more:
        rows.insert_tag_columns(corpus.owner_id, more)
    # Last, and in the order of their keys: other transactions add to the counts of a release that is filling.
    gains = more.gains() if more else ()
    counts.update_tags(
        corpus.owner_id,
        gone=gone,
        come=come,
        gains=gains,
        shared=corpus.filling_id,
        version=corpus.version + 1,  # later than all that was there before, unseen writes too
    )


@dataclass(frozen=True, slots=True)
class NewAnnotation:
    """What a release said about the pixels `revision` of a photo.

    embedding: float16 [d]; tags: int32 [k], positions in the release's vocabulary; scores: float32 [k] in
    0..1. is_stored: the embedding was read from the store, of the same revision. faint: tags that fell short of
    their threshold, and may reach one of the photo's owner.
    """

    photo_id: int
    revision: int
    embedding: NDArray[np.float16]
    tags: NDArray[np.int32]
    scores: NDArray[np.float32]
    is_stored: bool = False
    faint: Said = NOTHING


def store_annotations(
    owner_id: int,
    release_id: int,
    stream: Stream,
    items: Sequence[NewAnnotation],
    *,
    fenced: Corpus | None = None,
) -> int:
    """Store annotations with everything that follows from them; return how many counted.

    Annotations of photos that are gone, or of pixels that a photo no longer has, are dropped: that photo
    is still outstanding, or needs nothing any more. Storing the same ones twice changes nothing. What is
    written to a release that is filling is unseen, and does not wait for other writers of the corpus.
    fenced: what `fence` gave, where the caller's transaction holds it. Raises Corpus.DoesNotExist.
    """
    if fenced is not None and fenced.filling_id == release_id:
        return _store_unseen(fenced, release_id, stream, items)
    if fenced is None and Corpus.objects.filter(owner=owner_id, filling=release_id).exists():
        with transaction.atomic():
            corpus = fence(owner_id)
            if corpus.filling_id == release_id:
                return _store_unseen(corpus, release_id, stream, items)
    with corpus_change(owner_id) as change:
        if release_id not in change.corpus.releases or change.corpus.automatic != Corpus.Automatic.ON:
            return 0  # withdrawn, or turned off meanwhile
        photos = change.touch(item.photo_id for item in items)
        known = _revisions(owner_id, release_id, photos)
        return len(_store(change.corpus, release_id, stream, items, photos, known, change.version))


def _store_unseen(corpus: Corpus, release_id: int, stream: Stream, items: Sequence[NewAnnotation]) -> int:
    """Store annotations of the release that is filling.

    Photos that nobody has judged, that no own head speaks of, that no wish of their owner concerns and that the
    release sees for the first time, nearly all of a refill, go to the reverse index as columns.
    """
    photos = _facts(corpus.owner_id, [item.photo_id for item in items])
    known = _revisions(corpus.owner_id, release_id, photos)
    others = known.keys() | verdicts_on(corpus.owner_id, photos).keys() | _wished(corpus, release_id, items)
    before = published(corpus, others, [release_id]) if others else Published()
    fresh = _store(corpus, release_id, stream, items, photos, known, corpus.version + 1)
    others |= own_heads.spoken_of(corpus.owner_id, release_id, [item.photo_id for item in fresh])
    after = published(corpus, others, [release_id]) if others else Published()
    plain = {
        Live(photos[item.photo_id].taken_at, item.photo_id): item
        for item in fresh
        if item.photo_id not in others and photos[item.photo_id].is_live
    }
    in_order = sorted(plain)
    tags, scores = [plain[one].tags for one in in_order], [plain[one].scores for one in in_order]
    store_difference(corpus, before, after, tag_columns(release_id, in_order, tags, scores))
    return len(fresh)


def _wished(corpus: Corpus, release_id: int, items: Sequence[NewAnnotation]) -> set[int]:
    """Return the photos on which this owner's mutes and thresholds may show anything else than the release does."""
    touched = standing_of(corpus).rules(release_id).touched
    if not touched:
        return set()
    tags = release_tags(release_id)
    lines = np.split(np.isin(tags.brought.ids, list(touched)), tags.brought.starts[1:-1])
    concerned = np.array([line.any() for line in lines], np.bool_)
    return {item.photo_id for item in items if concerned[item.tags].any() or concerned[item.faint.tags].any()}


def fence(owner_id: int) -> Corpus:
    """Read a corpus and keep its pointers where they are until the transaction ends.

    FOR KEY SHARE stands beside the lock of `corpus_change` and waits only for `pointers`, which takes the
    whole row; SQLite has one writer at a time anyway. Raises Corpus.DoesNotExist.
    """
    if connection.vendor != "postgresql":
        return Corpus.objects.get(owner=owner_id)
    held = list(
        Corpus.objects.raw("SELECT * FROM tagging_corpus WHERE owner_id = %s FOR KEY SHARE", [owner_id])
    )
    if not held:
        raise Corpus.DoesNotExist
    return held[0]


def _locked(owner_id: int, photo_ids: Iterable[int]) -> dict[int, Photo]:
    wanted = Photo.objects.owned_by(owner_id).filter(id__in=set(photo_ids)).order_by("id")
    return {photo.id: photo for photo in wanted.select_for_update()}


class _Facts(NamedTuple):
    """What of a locked photo decides about its annotations."""

    revision: int
    taken_at: datetime
    is_live: bool


def _facts(owner_id: int, photo_ids: Collection[int]) -> dict[int, _Facts]:
    """Lock photos; like `_locked`, for many at a time."""
    wanted = Photo.objects.owned_by(owner_id).filter(id__in=among(photo_ids)).order_by("id")
    return {
        photo_id: _Facts(revision, taken_at, state == Photo.State.READY and trashed_at is None)
        for photo_id, revision, taken_at, state, trashed_at in wanted.select_for_update().values_list(
            "id", "revision", "taken_at", "state", "trashed_at"
        )
    }


def _revisions(owner_id: int, release_id: int, photo_ids: Collection[int]) -> dict[int, int]:
    """Return the pixels that a release's annotations were computed from, by photo."""
    known = Annotation.objects.filter(near(photo_ids), owner=owner_id, release=release_id)
    found = known.values_list("photo_id", "revision")
    return {photo_id: revision for photo_id, revision in found if photo_id in photo_ids}


def _store(
    corpus: Corpus,
    release_id: int,
    stream: Stream,
    items: Sequence[NewAnnotation],
    photos: Mapping[int, Photo | _Facts],
    known: Mapping[int, int],
    version: int,
) -> list[NewAnnotation]:
    """Store and return what counts of `items`; `photos` are locked, `known` are the revisions that are stored."""
    owner_id, tags = corpus.owner_id, release_tags(release_id)
    fresh = [
        item
        for item in items
        if item.photo_id in photos
        and supersedes(item.revision, photos[item.photo_id].revision, known.get(item.photo_id))
    ]
    done = [item.photo_id for item in fresh]
    _store_embeddings(owner_id, tags.encoder_id, [item for item in fresh if not item.is_stored], version)
    said = [Said(item.tags, item.scores) for item in fresh]
    packed = rows.packed(tags.ids, said, [item.faint for item in fresh])
    rows.store_annotation_rows(
        [
            rows.AnnotationRow(owner_id, release_id, item.photo_id, stream.value, item.revision, *columns)
            for item, columns in zip(fresh, packed, strict=True)
        ],
        new=known.keys().isdisjoint(done),
    )
    own_heads.store_said(
        owner_id, release_id, tags.encoder_id, {item.photo_id: item.embedding for item in fresh}
    )
    Outstanding.objects.filter(owner=owner_id, release=release_id, photo__in=among(done)).delete()
    return fresh


def _store_embeddings(owner_id: int, encoder_id: int, items: Sequence[NewAnnotation], version: int) -> None:
    known = Embedding.objects.filter(
        owner=owner_id, encoder=encoder_id, photo__in=among(item.photo_id for item in items)
    )
    rows.store_embedding_rows(
        [
            rows.EmbeddingRow(
                owner_id=owner_id,
                encoder_id=encoder_id,
                photo_id=item.photo_id,
                revision=item.revision,
                vector=item.embedding.astype("<f2").tobytes(),
                version=version,
            )
            for item in items
        ],
        new=bool(items) and not known.exists(),
    )
