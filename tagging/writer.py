"""The one way in which anything that readers see gets changed.

    with corpus_change(owner_id) as change:
        change.touch(photo_ids)   # photos that are about to change, before they do
        ...                       # change photos, annotations, verdicts
        change.born(photo_ids)    # photos made inside

At the end the reverse index, its counts and covers and the months receive the difference between what
the touched photos contributed before and after; the photos carry the corpus's new version; all of it in
one transaction.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging import counts
from tagging.combine import pack_scores, pack_tags, supersedes
from tagging.models import Annotation, Corpus, Embedding, Outstanding, PhotoTag, Stream
from tagging.published import Published, TagRow, published
from tagging.releases import release_tags

ROWS_PER_STATEMENT = 500
TUPLES_PER_STATEMENT = 100  # SQLite turns them into nested ORs, of which it takes 1,000 at most


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
        locked = Photo.objects.owned_by(owner_id).filter(id__in=new).order_by("id").select_for_update()
        photos = {photo.id: photo for photo in locked}
        noted = published(self.corpus, new)
        self.before.rows.update(noted.rows)
        self.before.months.update(noted.months)
        self.touched |= new
        return photos

    def born(self, photo_ids: Iterable[int]) -> None:
        """Take in photos made inside this change."""
        self.touched |= set(photo_ids)


@contextmanager
def corpus_change(owner_id: int) -> Iterator[Change]:
    """Open the transaction, lock the corpus, add one to its version, publish the difference at the end.

    Raises Corpus.DoesNotExist.
    """
    with transaction.atomic():
        corpus = Corpus.objects.select_for_update(no_key=True).get(owner=owner_id)
        corpus.version += 1
        change = Change(corpus)
        yield change
        _publish(change)
        corpus.save(update_fields=["version"])


def _publish(change: Change) -> None:
    owner_id = change.corpus.owner_id
    if not change.touched:
        return
    Photo.objects.owned_by(owner_id).filter(id__in=change.touched).update(version=change.version)
    after = published(change.corpus, change.touched)
    gone = [row for row, score in change.before.rows.items() if after.rows.get(row) != score]
    come = {row: score for row, score in after.rows.items() if change.before.rows.get(row) != score}
    _delete_rows(owner_id, gone)
    _insert_rows(owner_id, come)
    # A filling release is unseen: the switch counts what it publishes.
    filling = change.corpus.filling_id
    counts.update_tags(
        owner_id,
        gone=[row for row in gone if row.release_id != filling],
        come={row: score for row, score in come.items() if row.release_id != filling},
    )
    counts.update_months(owner_id, before=change.before.months, after=after.months)


def _delete_rows(owner_id: int, rows: Sequence[TagRow]) -> None:
    for start in range(0, len(rows), TUPLES_PER_STATEMENT):
        keys = [(owner_id, *row) for row in rows[start : start + TUPLES_PER_STATEMENT]]
        PhotoTag.objects.filter(pk__in=keys).delete()


def _insert_rows(owner_id: int, rows: dict[TagRow, float]) -> None:
    PhotoTag.objects.bulk_create(
        [PhotoTag(owner_id=owner_id, score=score, **row._asdict()) for row, score in rows.items()],
        batch_size=ROWS_PER_STATEMENT,
    )


@dataclass(frozen=True, slots=True)
class NewAnnotation:
    """What a release said about the pixels `revision` of a photo.

    embedding: float16 [d]; tags: int32 [k], positions in the release's vocabulary; scores: float32 [k] in
    0..1.
    """

    photo_id: int
    revision: int
    embedding: NDArray[np.float16]
    tags: NDArray[np.int32]
    scores: NDArray[np.float32]


def store_annotations(owner_id: int, release_id: int, stream: Stream, items: Sequence[NewAnnotation]) -> int:
    """Store annotations with everything that follows from them; return how many counted.

    Annotations of photos that are gone, or of pixels that a photo no longer has, are dropped: that photo
    is still outstanding, or needs nothing any more. Storing the same ones twice changes nothing.
    """
    with corpus_change(owner_id) as change:
        if release_id not in change.corpus.releases:  # withdrawn meanwhile
            return 0
        photos = change.touch(item.photo_id for item in items)
        stored = dict(
            Annotation.objects.filter(owner=owner_id, release=release_id, photo__in=photos).values_list(
                "photo_id", "revision"
            )
        )
        fresh = [
            item
            for item in items
            if item.photo_id in photos
            and supersedes(item.revision, photos[item.photo_id].revision, stored.get(item.photo_id))
        ]
        _upsert_embeddings(owner_id, release_tags(release_id).encoder_id, fresh, change.version)
        _upsert_annotations(owner_id, release_id, stream, fresh)
        done = [item.photo_id for item in fresh]
        Outstanding.objects.filter(owner=owner_id, release=release_id, photo__in=done).delete()
    return len(fresh)


def _upsert_annotations(
    owner_id: int, release_id: int, stream: Stream, items: Sequence[NewAnnotation]
) -> None:
    ids = release_tags(release_id).ids
    Annotation.objects.bulk_create(
        [
            Annotation(
                owner_id=owner_id,
                release_id=release_id,
                photo_id=item.photo_id,
                stream=stream,
                revision=item.revision,
                tag_ids=pack_tags(ids[item.tags]),
                scores=pack_scores(item.scores),
            )
            for item in items
        ],
        batch_size=ROWS_PER_STATEMENT,
        update_conflicts=True,
        unique_fields=["owner", "release", "photo"],
        update_fields=["stream", "revision", "tag_ids", "scores"],
    )


def _upsert_embeddings(owner_id: int, encoder_id: int, items: Sequence[NewAnnotation], version: int) -> None:
    Embedding.objects.bulk_create(
        [
            Embedding(
                owner_id=owner_id,
                encoder_id=encoder_id,
                photo_id=item.photo_id,
                revision=item.revision,
                vector=item.embedding.astype("<f2").tobytes(),
                version=version,
            )
            for item in items
        ],
        batch_size=ROWS_PER_STATEMENT,
        update_conflicts=True,
        unique_fields=["owner", "encoder", "photo"],
        update_fields=["revision", "vector", "version"],
    )
