"""What a release sees in photos: an encoder and a vocabulary together."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tagging.ml.encoder import Encoder

# Matrix products of one row take another path through BLAS and differ in the last bit.
_MIN_ROWS = 2


class ScoresTags(Protocol):
    """What the tagger needs of a vocabulary."""

    def score(self, logits: NDArray[np.float32], /) -> NDArray[np.float32]:
        """float32 [n, classes] to float32 [n, n_tags], in [0, 1]."""

    def present(self, scores: NDArray[np.float32], encoder_name: str, /) -> NDArray[np.bool_]:
        """Which tags are shown: bool [n, n_tags]."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One photo: embedding float16 [d]; tags int32 [k], indices into the vocabulary; scores float32 [k].

    Tags are those that the vocabulary shows, highest score first, equal ones in the vocabulary's order.
    """

    embedding: NDArray[np.float16]
    tags: NDArray[np.int32]
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tagger:
    """Annotates pixels, or stored embeddings without any pixels; both give the same tags."""

    encoder: Encoder
    vocabulary: ScoresTags

    def annotate(self, images: NDArray[np.uint8]) -> list[Seen]:
        """See what is in images: uint8 [n, px, px, 3], RGB."""
        return self.score(self.encoder.encode(images).astype(np.float16))

    def score(self, embeddings: NDArray[np.float16]) -> list[Seen]:
        """See what is in photos by their stored embeddings: float16 [n, d].

        A photo's tags and scores do not depend on what else is in the batch. Memory: about 12 kB a row.
        """
        n = len(embeddings)
        if n == 0:
            return []
        rows = embeddings if n >= _MIN_ROWS else np.repeat(embeddings, _MIN_ROWS, axis=0)
        scores = self.vocabulary.score(self.encoder.head.logits(rows))[:n]
        shown = self.vocabulary.present(scores, self.encoder.spec.name)
        return _split(embeddings, scores, shown)


def _split(
    embeddings: NDArray[np.float16], scores: NDArray[np.float32], shown: NDArray[np.bool_]
) -> list[Seen]:
    photos, tags = np.nonzero(shown)
    values = scores[photos, tags]
    order = np.lexsort((tags, -values, photos))
    indices, values = tags[order].astype(np.int32), values[order]
    ends = np.cumsum(shown.sum(axis=1))
    starts = np.concatenate(([0], ends[:-1]))
    return [
        Seen(embedding, indices[start:end], values[start:end])
        for embedding, start, end in zip(embeddings, starts, ends, strict=True)
    ]
