"""From photos in storage to what a release sees in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage

from tagging.ml.pipeline import encode_pictures
from tagging.ml.preprocess import WorkingPicture, working_picture
from tagging.outstanding import Work
from tagging.taggers import tagger_for
from tagging.writer import NewAnnotation


@dataclass(frozen=True, slots=True)
class Seen:
    """Annotations, and why other photos have none (by photo id, for their owner to read)."""

    annotations: list[NewAnnotation] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)


def see(release_id: int, work: Sequence[Work]) -> Seen:
    """Run a release over photos; the order of the answers is that of the work.

    Raises OSError when the storage is away, and what `tagger_for` raises; no photo is to blame then.
    """
    tagger = tagger_for(release_id)
    seen = Seen()
    pictures = _read(work, tagger.encoder.spec.input_px, seen.failures)
    for batch in encode_pictures(tagger.encoder, pictures, workers=settings.ONNX_THREADS):
        said = tagger.score(batch.embeddings.astype(np.float16))
        seen.annotations.extend(
            NewAnnotation(item.photo_id, item.revision, one.embedding, one.tags, one.scores)
            for item, one in zip(batch.keys, said, strict=True)
        )
        seen.failures.update({failure.key.photo_id: str(failure.error) for failure in batch.failures})
    return seen


def _read(work: Sequence[Work], size_px: int, failures: dict[int, str]) -> Iterator[tuple[Work, bytes]]:
    for item in work:
        small = working_picture(item.width, item.height, size_px) == WorkingPicture.THUMBNAIL
        try:
            with default_storage.open(item.thumbnail_file if small else item.preview_file) as file:
                yield item, file.read()
        except FileNotFoundError:
            failures[item.photo_id] = "The preview of this photo is missing from the storage."
