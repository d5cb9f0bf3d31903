"""A corpus of made-up photos as large as one likes, written through the real writer. Import common first.

Photos come in some thousand outings over fifteen years; the photos of an outing lie minutes apart, share
one or two scenes, and scenes have their tags and their place among the embeddings. The pictures themselves
are a few real ones that all photos share, so N costs rows and vectors, not disk.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from common import percentile, real_photos, store
from numpy.typing import NDArray

if TYPE_CHECKING:
    from magicroll.models import Photo, User
    from tagging.models import Corpus
    from tagging.vocabulary import Vocabulary
    from tagging.writer import NewAnnotation

YEARS = 15
LAST = datetime(2025, 6, 30, 12, tzinfo=UTC)
SCENES = 400
BATCH = 1000
PEOPLE_SHARE = 0.3  # of the scenes have people in them
OWN_TAG, OWN_TAGGED = "Garden party", 200
RARE_NAME, RARE_EVERY = "grandma", 5000  # one photo in so many has this in its name
DIMENSIONS = 1280
_RNG = np.random.default_rng(2015)


@dataclass(frozen=True, slots=True)
class Scene:
    """What photos of one kind show: tags as vocabulary positions int32 [k], and a centre float32 [d]."""

    tags: NDArray[np.int32]
    centre: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Built:
    """The corpus's owner, and what writing it took."""

    user: "User"
    seconds: float
    batch_ms: float  # median of a batch of annotations


def build(n: int) -> Built:
    """Make an account with n photos, annotated by the default release and compacted into its index."""
    from magicroll.models import User
    from tagging import sweeping
    from tagging.models import Corpus
    from tagging.services import open_corpus

    user = User.objects.create_user("bench")
    open_corpus(user)
    pictures = [store(user, path) for path in dict.fromkeys(real_photos(40))]
    corpus = Corpus.objects.get(owner=user)
    began = time.perf_counter()
    batches_ms = [_write_batch(corpus, numbers, pictures) for numbers in _batches(n)]
    _own_tags(user)
    sweeping.compact(user.pk)
    seconds = time.perf_counter() - began
    _settle()
    return Built(user, seconds, percentile(batches_ms, 0.5))


def _batches(n: int) -> Iterator[range]:
    for start in range(0, n, BATCH):
        print(f"\r{start:,} of {n:,} photos", end="", file=sys.stderr, flush=True)
        yield range(start, min(n, start + BATCH))
    print(f"\r{n:,} photos written   ", file=sys.stderr)


def _write_batch(corpus: "Corpus", numbers: range, pictures: "list[Photo]") -> float:
    """Write some photos, then their annotations as the bulk stream does; return the latter's milliseconds."""
    from magicroll.models import Photo
    from tagging.models import Stream
    from tagging.writer import corpus_change, store_annotations

    scenes = _SCENES or _make_scenes()
    taken, shown = _outings(len(numbers))
    with corpus_change(corpus.owner_id) as change:
        photos = Photo.objects.bulk_create(
            [
                _photo(corpus.owner_id, number, at, pictures[number % len(pictures)])
                for number, at in zip(numbers, taken, strict=True)
            ],
            batch_size=500,
        )
        change.born([photo.id for photo in photos])
    items = [_annotation(photo, scenes[scene]) for photo, scene in zip(photos, shown, strict=True)]
    began = time.perf_counter()
    store_annotations(corpus.owner_id, corpus.active_id, Stream.BULK, items)
    return (time.perf_counter() - began) * 1000


def _outings(n: int) -> tuple[list[datetime], list[int]]:
    """Draw when each of n photos was taken, and which scene it shows."""
    taken, shown = [], []
    while len(taken) < n:
        # More photos in later years, as people take more of them.
        start = LAST - timedelta(days=float(YEARS * 365 * _RNG.beta(1, 1.6)))
        scenes = _RNG.choice(SCENES, size=2, p=_SCENE_SHARES)
        for shot in range(int(_RNG.integers(5, 60))):
            taken.append(start + timedelta(seconds=shot * 90 + int(_RNG.integers(0, 60))))
            shown.append(int(scenes[int(_RNG.random() < 0.4)]))
    return taken[:n], shown[:n]


_ranks = 1 / np.arange(1, SCENES + 1) ** 0.7
_SCENE_SHARES = _ranks / _ranks.sum()
_SCENES: list[Scene] = []


def _make_scenes() -> list[Scene]:
    from tagging.vocabulary import load_builtin

    vocabulary = load_builtin()
    shares = 1 / np.arange(1, len(vocabulary.tags) + 1) ** 0.9
    order = _RNG.permutation(len(vocabulary.tags))
    popular = shares[np.argsort(order)] / shares.sum()
    slugs = [tag.slug for tag in vocabulary.tags]
    for _ in range(SCENES):
        tags = set(_RNG.choice(len(slugs), size=int(_RNG.integers(1, 4)), replace=False, p=popular).tolist())
        if _RNG.random() < PEOPLE_SHARE:
            tags.add(slugs.index("person"))
        centre = np.maximum(0, _RNG.normal(0.1, 0.5, DIMENSIONS)).astype(np.float32)
        _SCENES.append(Scene(_with_parents(vocabulary, tags), centre))
    return _SCENES


def _with_parents(vocabulary: "Vocabulary", tags: set[int]) -> NDArray[np.int32]:
    """Add parents, as a tagger does that rolls classes up."""
    place = {tag.slug: number for number, tag in enumerate(vocabulary.tags)}
    todo = list(tags)
    while todo:
        parent = vocabulary.tags[todo.pop()].parent
        if parent is not None and place[parent] not in tags:
            tags.add(place[parent])
            todo.append(place[parent])
    return np.array(sorted(tags), np.int32)


def _photo(owner_id: int, number: int, taken_at: datetime, picture: "Photo") -> "Photo":
    from magicroll.models import Photo

    kind = "IMG" if number % 3 else "PXL"
    name = f"{kind}_{taken_at:%Y%m%d_%H%M%S}_{number:06}.jpg"
    if number % RARE_EVERY == 7:
        name = f"{RARE_NAME} {number}.jpg"
    return Photo(
        owner_id=owner_id,
        key=picture.key,
        sha256=number.to_bytes(32, "big"),
        name=name,
        name_folded=name.casefold(),
        byte_size=picture.byte_size,
        kind=picture.kind,
        width=picture.width,
        height=picture.height,
        dominant_colour=picture.dominant_colour,
        taken_at=taken_at,
        taken_from="exif",
        camera=picture.camera,
        favourite=number % 50 == 0,
        trashed_at=LAST if number % 100 == 99 else None,
    )


def _annotation(photo: "Photo", scene: Scene) -> "NewAnnotation":
    from tagging.writer import NewAnnotation

    said = scene.tags[_RNG.random(len(scene.tags)) < 0.85]
    embedding = np.maximum(0, scene.centre + _RNG.standard_normal(DIMENSIONS, np.float32) * 0.25)
    scores = _RNG.uniform(0.25, 1, len(said)).astype(np.float32)
    return NewAnnotation(photo.id, photo.revision, embedding.astype(np.float16), said, scores)


def _own_tags(user: "User") -> None:
    from magicroll.models import Photo
    from tagging.services import add_tag

    for photo in Photo.objects.owned_by(user).live().order_by("-id")[:OWN_TAGGED]:
        add_tag(user, photo, OWN_TAG)


def _settle() -> None:
    """Give PostgreSQL the statistics that its autovacuum gathers within a minute anyway."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
