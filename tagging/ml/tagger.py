"""What a release sees in photos: an encoder and a vocabulary together."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tagging.ml.encoder import ClassifierHead, Encoder

# Matrix products of one row take another path through BLAS and differ in the last bit.
_MIN_ROWS = 2


class ScoresTags(Protocol):
    """What the tagger needs of a vocabulary."""

    def score(self, logits: NDArray[np.float32], embeddings: NDArray[np.float16], /) -> NDArray[np.float32]:
        """float32 [n, classes] and float16 [n, d] to float32 [n, n_tags], in [0, 1]."""

    def check_fits(self, encoder_sha256: str, /) -> None:
        """Raise if it was trained for another encoder."""

    def present(self, scores: NDArray[np.float32], encoder_name: str, /) -> NDArray[np.bool_]:
        """Which tags are shown: bool [n, n_tags]."""

    def faint(
        self, scores: NDArray[np.float32], present: NDArray[np.bool_], encoder_name: str, /
    ) -> NDArray[np.bool_]:
        """Which other tags a person's own threshold may show: bool [n, n_tags]."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """Tags of one photo: int32 [k], indices into the vocabulary; scores float32 [k].

    Highest score first, equal ones in the vocabulary's order.
    """

    tags: NDArray[np.int32]
    scores: NDArray[np.float32]


NOTHING = Said(np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One photo: embedding float16 [d]; tags and scores that the vocabulary shows, as in `Said`.

    faint: tags that it does not show, and a person's own threshold may.
    """

    embedding: NDArray[np.float16]
    tags: NDArray[np.int32]
    scores: NDArray[np.float32]
    faint: Said = field(default=NOTHING)


@dataclass(frozen=True, slots=True)
class Tagger:
    """Annotates pixels, or stored embeddings without any pixels; both give the same tags.

    Raises what the vocabulary raises where it was trained for another encoder.
    """

    encoder: Encoder
    vocabulary: ScoresTags

    def __post_init__(self) -> None:
        self.vocabulary.check_fits(self.encoder.spec.onnx_sha256)

    def annotate(self, images: NDArray[np.uint8]) -> list[Seen]:
        """See what is in images: uint8 [n, px, px, 3], RGB."""
        return self.score(self.encoder.encode(images).astype(np.float16))

    def score(self, embeddings: NDArray[np.float16]) -> list[Seen]:
        """See what is in photos by their stored embeddings: float16 [n, d].

        A photo's tags and scores do not depend on what else is in the batch, but for rounding.
        Memory: about 12 kB a row.
        """
        if len(embeddings) == 0:
            return []
        scores = scores_of(self.encoder.head, self.vocabulary, embeddings)
        shown = self.vocabulary.present(scores, self.encoder.spec.name)
        faint = self.vocabulary.faint(scores, shown, self.encoder.spec.name)
        parts = zip(embeddings, _split(scores, shown), _split(scores, faint), strict=True)
        return [Seen(embedding, said.tags, said.scores, less) for embedding, said, less in parts]


def scores_of(
    head: ClassifierHead, vocabulary: ScoresTags, embeddings: NDArray[np.float16]
) -> NDArray[np.float32]:
    """Score stored embeddings, float16 [n, d], for all tags of a vocabulary: float32 [n, n_tags], in [0, 1].

    A row's scores do not depend on the other rows.
    """
    n = len(embeddings)
    rows = embeddings if n >= _MIN_ROWS else np.repeat(embeddings, _MIN_ROWS, axis=0)
    return vocabulary.score(head.logits(rows), rows)[:n]


def _split(scores: NDArray[np.float32], wanted: NDArray[np.bool_]) -> list[Said]:
    photos, tags = np.nonzero(wanted)
    values = scores[photos, tags]
    order = np.lexsort((tags, -values, photos))
    indices, values = tags[order].astype(np.int32), values[order]
    ends = np.cumsum(wanted.sum(axis=1))
    starts = np.concatenate(([0], ends[:-1]))
    return [Said(indices[start:end], values[start:end]) for start, end in zip(starts, ends, strict=True)]
