"""A corpus of made-up photos as large as one likes, written through the real writer. Import common first.

Photos come in some thousand outings over fifteen years; the photos of an outing lie minutes apart, share
one or two scenes, and scenes have their tags and their place among the embeddings. The pictures themselves
are a few real ones that all photos share, so N costs rows and vectors, not disk.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from common import percentile, real_photos, store
from numpy.typing import NDArray

if TYPE_CHECKING:
    from magicroll.models import Photo, User
    from tagging.vocabulary import Vocabulary
    from tagging.writer import NewAnnotation

YEARS = 15
LAST = datetime(2025, 6, 30, 12, tzinfo=UTC)
CROWDED = datetime(2021, 7, 1, 9, tzinfo=UTC)
SCENES = 400
BATCH = 1000
ANALYSED = 20_000  # photos, before the planner is told of them
PEOPLE_SHARE = 0.3  # of the scenes have people in them
OWN_TAG, OWN_TAGGED = "Garden party", 200
RARE_NAME, RARE_EVERY = "grandma", 5000  # one photo in so many has this in its name
DIMENSIONS = 1280
NOISE = 0.25  # of embeddings around a scene's centre
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


class Unfinished(Exception):
    """The time given was too short; the next run goes on."""


def build(
    n: int, centres: NDArray[np.float32] | None = None, crowd: int = 0, seconds: float = float("inf")
) -> Built:
    """Make an account with n photos, annotated by the default release and compacted into its index.

    centres: what embeddings lie around, float32 [m, d]; made up unless given. crowd: so many of the photos are of
    one month. The release's annotations are written unseen, as a refill writes them, and switched to. A kept
    installation is filled up to n, and left alone where it has them. seconds: begin nothing after that time, and
    raise Unfinished.
    """
    from magicroll.models import Photo, User
    from tagging import pointers, sweeping
    from tagging.models import Corpus
    from tagging.refill.cleaning import clean_some

    began = time.perf_counter()
    user = User.objects.filter(username="bench").first() or _open_account()
    pictures = list(Photo.objects.owned_by(user).order_by("id")[: len(set(real_photos(40)))])
    written = Photo.objects.owned_by(user).count() - len(pictures)
    corpus = Corpus.objects.get(owner=user)
    batches_ms: list[float] = []
    _make_scenes(centres)
    if corpus.filling_id is None:
        assert written >= n, f"the kept installation has {written} photos"
        return Built(user, 0.0, 0.0)
    with ThreadPoolExecutor(1) as beside:  # annotations of one batch beside the photos of the next
        writing: list[Future[float]] = []
        for numbers in _batches(written, n):
            if time.perf_counter() - began > seconds:
                raise Unfinished
            if numbers.start % ANALYSED == 0:
                settle("ANALYZE")
            items = _write_batch(user.pk, numbers, pictures, crowd)
            batches_ms += [one.result() for one in writing]
            writing = [beside.submit(_store_bulk, user.pk, corpus.filling_id, items)]
        batches_ms += [one.result() for one in writing]
    write_annotations(user.pk, corpus.filling_id, [photo.id for photo in pictures], [0] * len(pictures))
    pointers.switch(user.pk, corpus.filling_id)
    Corpus.objects.filter(owner=user).update(previous_until=LAST)
    clean_some(float("inf"))
    _own_tags(user)
    sweeping.compact(user.pk)
    settle()
    return Built(user, time.perf_counter() - began, percentile(batches_ms or [0.0], 0.5))


def _open_account() -> "User":
    """Make the account with its real pictures, and begin to fill the default release."""
    from magicroll.models import User
    from tagging import pointers
    from tagging.models import Corpus, Release
    from tagging.services import open_corpus

    user = User.objects.create_user("bench")
    open_corpus(user)
    for path in dict.fromkeys(real_photos(40)):
        store(user, path)
    release = Corpus.objects.get(owner=user).active
    Corpus.objects.filter(owner=user).update(active=Release.objects.exclude(pk=release.pk).first())
    pointers.begin(user.pk, release.pk)
    return user


def _batches(start: int, n: int) -> Iterator[range]:
    for first in range(start, n, BATCH):
        print(f"\r{first:,} of {n:,} photos", end="", file=sys.stderr, flush=True)
        yield range(first, min(n, first + BATCH))
    print(f"\r{n:,} photos written   ", file=sys.stderr)


def _write_batch(owner_id: int, numbers: range, pictures: "list[Photo]", crowd: int) -> "list[NewAnnotation]":
    """Write some photos; return what the release says about them."""
    from magicroll.models import Photo
    from tagging.writer import corpus_change

    global _RNG
    _RNG = np.random.default_rng((2015, numbers.start))  # whoever goes on later draws the same
    taken, shown = _outings(len(numbers), crowded=numbers.start < crowd)
    with corpus_change(owner_id) as change:
        photos = Photo.objects.bulk_create(
            [
                _photo(owner_id, number, at, pictures[number % len(pictures)])
                for number, at in zip(numbers, taken, strict=True)
            ],
            batch_size=500,
        )
        change.born([photo.id for photo in photos])
    return annotations([photo.id for photo in photos], shown)


def write_annotations(
    owner_id: int, release_id: int, photo_ids: Sequence[int], scenes: Sequence[int]
) -> float:
    """Write made-up annotations as the bulk stream does; return the milliseconds of the writing."""
    return _store_bulk(owner_id, release_id, annotations(photo_ids, scenes))


def _store_bulk(owner_id: int, release_id: int, items: "list[NewAnnotation]") -> float:
    from tagging.models import Stream
    from tagging.writer import store_annotations

    began = time.perf_counter()
    store_annotations(owner_id, release_id, Stream.BULK, items)
    return (time.perf_counter() - began) * 1000


def _outings(n: int, *, crowded: bool) -> tuple[list[datetime], list[int]]:
    """Draw when each of n photos was taken, and which scene it shows; crowded: all within one month."""
    taken, shown = [], []
    while len(taken) < n:
        # More photos in later years, as people take more of them.
        start = LAST - timedelta(days=float(YEARS * 365 * _RNG.beta(1, 1.6)))
        if crowded:
            start = CROWDED + timedelta(days=float(_RNG.uniform(0, 28)))
        scenes = _RNG.choice(SCENES, size=2, p=_SCENE_SHARES)
        for shot in range(int(_RNG.integers(5, 60))):
            taken.append(start + timedelta(seconds=shot * 90 + int(_RNG.integers(0, 60))))
            shown.append(int(scenes[int(_RNG.random() < 0.4)]))
    return taken[:n], shown[:n]


_ranks = 1 / np.arange(1, SCENES + 1) ** 0.7
_SCENE_SHARES = _ranks / _ranks.sum()
_SCENES: list[Scene] = []


def _make_scenes(centres: NDArray[np.float32] | None) -> None:
    from tagging.releases import default_release, release_tags

    vocabulary = release_tags(default_release().pk).vocabulary
    shares = 1 / np.arange(1, len(vocabulary.tags) + 1) ** 0.9
    order = _RNG.permutation(len(vocabulary.tags))
    popular = shares[np.argsort(order)] / shares.sum()
    slugs = [tag.slug for tag in vocabulary.tags]
    for number in range(SCENES):
        tags = set(_RNG.choice(len(slugs), size=int(_RNG.integers(1, 4)), replace=False, p=popular).tolist())
        if _RNG.random() < PEOPLE_SHARE:
            tags.add(slugs.index("person"))
        made_up = np.maximum(0, _RNG.normal(0.1, 0.5, DIMENSIONS)).astype(np.float32)
        centre = made_up if centres is None else centres[number % len(centres)]
        _SCENES.append(Scene(_with_parents(vocabulary, tags), centre))


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


def annotations(photo_ids: Sequence[int], scenes: Sequence[int]) -> "list[NewAnnotation]":
    """Make up what a release says about photos that show these scenes."""
    from tagging.writer import NewAnnotation

    noise = _RNG.standard_normal((len(scenes), DIMENSIONS), np.float32) * NOISE
    vectors = np.maximum(0, np.stack([_SCENES[scene].centre for scene in scenes]) + noise).astype(np.float16)
    made = []
    for photo_id, scene, vector in zip(photo_ids, scenes, vectors, strict=True):
        tags = _SCENES[scene].tags
        said = tags[_RNG.random(len(tags)) < 0.85]
        scores = _RNG.uniform(0.25, 1, len(said)).astype(np.float32)
        made.append(NewAnnotation(photo_id, 1, vector, said, scores))
    return made


def _own_tags(user: "User") -> None:
    from magicroll.models import Photo
    from tagging.services import add_tag

    for photo in Photo.objects.owned_by(user).live().order_by("-id")[:OWN_TAGGED]:
        add_tag(user, photo, OWN_TAG)


def settle(how: str = "VACUUM ANALYZE") -> None:
    """Give PostgreSQL the statistics that its autovacuum, where it is on, gathers within a minute anyway."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(how)
