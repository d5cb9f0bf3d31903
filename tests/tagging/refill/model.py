"""A model whose answer for given pixels is known, in place of the networks; everything around it is real."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from django.utils import timezone
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging import seeing
from tagging.ml.registry import ENCODERS
from tagging.models import Annotation, Chunk, Corpus, Embedding, Outstanding, Release
from tagging.outstanding import Work
from tagging.releases import register_release, release_tags
from tagging.vocabulary import Vocabulary, load_builtin
from tagging.writer import NewAnnotation
from tests.factories import make_release

SLUGS = ("dog", "cat", "animal", "car", "boat", "flower")


def make_vocabulary_change() -> Release:
    """A release with the default network and other words: it knows no dogs and no boats."""
    whole = load_builtin()
    tags = tuple(tag for tag in whole.tags if tag.slug not in ("dog", "boat"))
    kept = {tag.slug for tag in tags}
    tags = tuple(tag for tag in tags if tag.parent is None or tag.parent in kept)
    fewer = Vocabulary(name="fewer", source="a test", categories=whole.categories, tags=tags)
    return register_release(ENCODERS["efficientnet-lite2"], fewer, default=False)


def make_releases() -> list[Release]:
    """The default one, one with another network, one with other words."""
    return [make_release(), make_release("efficientnet-lite0"), make_vocabulary_change()]


def answer(release_id: int, photo_id: int, revision: int) -> dict[str, float]:
    """What a release says about pixels: slug -> score; some photos have no tag at all."""
    rng = random.Random(f"{release_id}-{photo_id}-{revision}")
    known = [slug for slug in SLUGS if slug in release_tags(release_id).vocabulary.slugs]
    return {slug: rng.choice((0.25, 0.5, 0.75, 1.0)) for slug in rng.sample(known, rng.randint(0, 3))}


def vector(encoder_id: int, photo_id: int, revision: int) -> NDArray[np.float16]:
    rng = np.random.default_rng([encoder_id, photo_id, revision])
    return rng.normal(size=1280).astype(np.float16)


def annotation_of(release_id: int, photo_id: int, revision: int, *, is_stored: bool = False) -> NewAnnotation:
    tags = release_tags(release_id)
    said = answer(release_id, photo_id, revision)
    slugs = [tag.slug for tag in tags.vocabulary.tags]
    return NewAnnotation(
        photo_id,
        revision,
        vector(tags.encoder_id, photo_id, revision),
        np.array([slugs.index(slug) for slug in said], np.int32),
        np.array(list(said.values()), np.float32),
        is_stored,
    )


@dataclass
class Looking:
    """Stands where `seeing.look_at` stands; `broken` photos can't be read, by any release but the default."""

    broken: set[int] = field(default_factory=set)
    opened: list[int] = field(default_factory=list)  # photos whose image was opened
    watch: Callable[[], None] = lambda: None  # runs before each answer

    def look_at(
        self, pool: object, release_id: int, work: Sequence[Work], *, stored_of: int | None = None
    ) -> "KnownLook":
        known = set() if stored_of is None else set(seeing._stored_vectors(stored_of, release_id, work))
        return KnownLook(self, release_id, list(work), known)


@dataclass
class KnownLook:
    looking: Looking
    release_id: int
    work: list[Work]
    stored: set[int]

    def seen(self) -> seeing.Seen:
        self.looking.watch()
        release = Release.objects.get(pk=self.release_id)
        broken = set() if release.is_default else self.looking.broken - self.stored
        self.looking.opened += [item.photo_id for item in self.work if item.photo_id not in self.stored]
        return seeing.Seen(
            [
                annotation_of(
                    self.release_id, item.photo_id, item.revision, is_stored=item.photo_id in self.stored
                )
                for item in self.work
                if item.photo_id not in broken
            ],
            {item.photo_id: "It can't be read." for item in self.work if item.photo_id in broken},
        )

    def near_end(self) -> None:
        pass

    def cancel(self) -> None:
        pass


@contextmanager
def looking(chunk: int = 3) -> Iterator[Looking]:
    """Let workers see by the known model, in chunks of so many photos."""
    model = Looking()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tagging.seeing.look_at", model.look_at)
        patch.setattr("tagging.refill.chunks.ENCODED_PHOTOS", chunk)
        patch.setattr("tagging.refill.chunks.RESCORED_PHOTOS", chunk)
        yield model


def expire_chunks() -> None:
    """Let the leases of lost workers run out."""
    Chunk.objects.update(claimed_until=timezone.now() - timezone.timedelta(seconds=1))


def expire_leases() -> None:
    Outstanding.objects.exclude(claimed_until=None).update(
        claimed_until=timezone.now() - timezone.timedelta(seconds=1)
    )


def wrong_annotations(owner_id: int, release_id: int) -> list[str]:
    """Say where stored annotations and embeddings of a release aren't what it says about today's pixels.

    Photos that are outstanding for it may be behind.
    """
    behind = set(
        Outstanding.objects.filter(owner=owner_id, release=release_id).values_list("photo_id", flat=True)
    )
    tags = release_tags(release_id)
    photos = Photo.objects.owned_by(owner_id).filter(state=Photo.State.READY).exclude(id__in=behind)
    found = []
    for photo in photos:
        mine = {"owner": owner_id, "photo": photo.id}
        said = Annotation.objects.filter(**mine, release=release_id).first()
        stored = Embedding.objects.filter(**mine, encoder=tags.encoder_id).first()
        wanted = annotation_of(release_id, photo.id, photo.revision)
        if said is None or said.revision != photo.revision:
            found.append(f"no annotation of photo {photo.id}")
        elif bytes(said.tag_ids) != tags.ids[wanted.tags].astype("<i4").tobytes():
            found.append(f"other tags on photo {photo.id}")
        if stored is None or bytes(stored.vector) != wanted.embedding.astype("<f2").tobytes():
            found.append(f"no embedding, or another one, of photo {photo.id}")
    return found


def covered(owner_id: int) -> set[int]:
    """Return photos that the active release says something about, whether that shows tags or not."""
    corpus = Corpus.objects.get(owner=owner_id)
    rows = Annotation.objects.filter(owner=owner_id, release=corpus.active_id)
    return set(rows.values_list("photo_id", flat=True))
