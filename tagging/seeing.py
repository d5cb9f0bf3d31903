"""From photos in storage to what a release sees in them."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from magicroll.imaging.wording import N_
from tagging.ml.pipeline import Encoding, start_encoding
from tagging.ml.preprocess import UnreadablePicture, WorkingPicture, working_picture
from tagging.ml.session import usable_cores
from tagging.ml.tagger import Tagger
from tagging.models import Embedding
from tagging.outstanding import Work
from tagging.querysets import near
from tagging.releases import release_tags
from tagging.taggers import tagger_for
from tagging.writer import NewAnnotation


@dataclass(frozen=True, slots=True)
class Seen:
    """Annotations, and why other photos have none (by photo id, for their owner to read)."""

    annotations: list[NewAnnotation] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """Photos that a release is looking at, in other threads, and embeddings that were there already."""

    tagger: Tagger
    encoding: Encoding[Work]
    stored: list[Work]
    vectors: NDArray[np.float16]

    def seen(self) -> Seen:
        """Wait for it, and return what was seen.

        Raises OSError when the storage is away; no photo is to blame then.
        """
        encoded = self.encoding.wait()
        said = self.tagger.score(np.concatenate([self.vectors, encoded.embeddings.astype(np.float16)]))
        is_stored = [True] * len(self.stored) + [False] * len(encoded.keys)
        return Seen(
            [
                NewAnnotation(
                    item.photo_id, item.revision, one.embedding, one.tags, one.scores, stored, one.faint
                )
                for item, one, stored in zip([*self.stored, *encoded.keys], said, is_stored, strict=True)
            ],
            {failure.key.photo_id: str(failure.error) for failure in encoded.failures},
        )

    def near_end(self) -> None:
        """Wait until the last pictures are being encoded."""
        self.encoding.near_end()

    def cancel(self) -> None:
        """Give up what has not begun."""
        self.encoding.cancel()


def open_pool() -> ThreadPoolExecutor:
    """Return the threads that pictures are read, decoded and encoded in."""
    return ThreadPoolExecutor(settings.ONNX_THREADS or usable_cores(), thread_name_prefix="encode")


def look_at(pool: Executor, release_id: int, work: Sequence[Work], *, stored_of: int | None = None) -> Look:
    """Begin to run a release over photos. Raises what `tagger_for` raises.

    stored_of: the owner, where embeddings that are there may be taken instead of opening images.
    """
    tagger = tagger_for(release_id)
    known = {} if stored_of is None else _stored_vectors(stored_of, release_id, work)
    stored = [item for item in work if item.photo_id in known]
    nothing = np.empty((0, tagger.encoder.spec.dimensions), np.float16)
    read = partial(_read, size_px=tagger.encoder.spec.input_px)
    images = [item for item in work if item.photo_id not in known]
    return Look(
        tagger,
        start_encoding(pool, tagger.encoder, images, read),
        stored,
        np.stack([known[item.photo_id] for item in stored]) if stored else nothing,
    )


def _stored_vectors(owner_id: int, release_id: int, work: Sequence[Work]) -> dict[int, NDArray[np.float16]]:
    """Return embeddings of the very pixels, by photo id."""
    revisions = {item.photo_id: item.revision for item in work}
    rows = Embedding.objects.filter(
        near(revisions), owner=owner_id, encoder=release_tags(release_id).encoder_id
    )
    return {
        photo_id: np.frombuffer(vector, "<f2")
        for photo_id, revision, vector in rows.values_list("photo_id", "revision", "vector")
        if revision == revisions.get(photo_id)
    }


def _read(item: Work, *, size_px: int) -> bytes:
    small = working_picture(item.width, item.height, size_px) == WorkingPicture.THUMBNAIL
    try:
        with default_storage.open(item.thumbnail_file if small else item.preview_file) as file:
            data: bytes = file.read()
            return data
    except FileNotFoundError as error:
        raise UnreadablePicture(N_("The preview of this photo is missing from the storage.")) from error
