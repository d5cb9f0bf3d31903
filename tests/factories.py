"""Rows for tests that need no real pictures."""

import hashlib
from datetime import UTC, datetime
from itertools import count

import numpy as np

from magicroll.models import Photo, User, search_text
from tagging.ml.registry import ENCODERS
from tagging.models import Corpus, Release, Stream
from tagging.outstanding import needs
from tagging.releases import register_release
from tagging.services import open_corpus
from tagging.vocabulary import load_builtin
from tagging.writer import NewAnnotation, corpus_change, store_annotations

numbers = count(1)
JUNE = datetime(2024, 6, 15, 12, 30, tzinfo=UTC)


def make_release(encoder: str = "efficientnet-lite2") -> Release:
    """Register a release; the second person of a test finds it there."""
    spec = ENCODERS[encoder]
    known = Release.objects.filter(encoder__sha256=spec.onnx_sha256).first()
    return known or register_release(spec, load_builtin(), default=encoder == "efficientnet-lite2")


def make_user(username: str = "", **fields: object) -> User:
    make_release()
    user = User.objects.create_user(username or f"user{next(numbers)}", password="a long password", **fields)
    open_corpus(user)
    return user


def make_photo(user: User, taken_at: datetime = JUNE, **fields: object) -> Photo:
    """Make a photo as an upload does, without its files."""
    number = next(numbers)
    values = {
        "sha256": hashlib.sha256(str(number).encode()).digest(),
        "name": f"IMG_{number:04}.jpg",
        "byte_size": 1000 + number,
        "kind": "jpeg",
        "width": 400,
        "height": 300,
        "taken_from": "exif",
    } | fields
    with corpus_change(user.pk) as change:
        photo = Photo.objects.create(
            owner=user,
            taken_at=taken_at,
            name_folded=search_text(str(values["name"]), str(values.get("caption", ""))),
            **values,
        )
        change.born([photo.id])
        needs(change.corpus, [photo.id])
    return photo


def annotation(photo: Photo, said: dict[str, float], seed: int = 0) -> NewAnnotation:
    """What a release would say: tag slugs with scores, and an embedding that the seed determines."""
    slugs = [tag.slug for tag in load_builtin().tags]
    return NewAnnotation(
        photo_id=photo.id,
        revision=photo.revision,
        embedding=np.random.default_rng(seed).normal(size=1280).astype(np.float16),
        tags=np.array([slugs.index(slug) for slug in said], np.int32),
        scores=np.array(list(said.values()), np.float32),
    )


def annotate(photo: Photo, said: dict[str, float], seed: int = 0, stream: Stream = Stream.REALTIME) -> int:
    corpus = Corpus.objects.get(owner=photo.owner_id)
    return store_annotations(photo.owner_id, corpus.active_id, stream, [annotation(photo, said, seed)])
