"""Encode stored pictures with every core busy.

Each thread of a pool reads and decodes a batch and runs it through the shared session on its own core, so that
one decodes while another infers and none waits: decoding and inference both let go of Python's lock.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tagging.ml.encoder import Encoder
from tagging.ml.preprocess import UnreadablePicture, load_rgb
from tagging.ml.session import provider_in_use, usable_cores

# On the CPU larger batches bring nothing and keep a core waiting at the end; a GPU needs them.
BATCH_SIZES = {"cpu": 4, "cuda": 32}

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, eq=False)
class Failure(Generic[Key]):
    """A picture without an embedding, and why."""

    key: Key
    error: UnreadablePicture


@dataclass(frozen=True, slots=True, eq=False)
class Encoded(Generic[Key]):
    """`embeddings`: float32 [len(keys), d], not normalised; `failures` are the other pictures."""

    keys: list[Key]
    embeddings: NDArray[np.float32]
    failures: list[Failure[Key]]


@dataclass(frozen=True, slots=True, eq=False)
class Encoding(Generic[Key]):
    """Pictures on their way through a pool of threads."""

    batches: list[Future[Encoded[Key]]]
    dimensions: int

    def wait(self) -> Encoded[Key]:
        """Return all of them in the order given; raises what `read` raised but UnreadablePicture."""
        done = [batch.result() for batch in self.batches]
        nothing = np.empty((0, self.dimensions), np.float32)
        return Encoded(
            [key for one in done for key in one.keys],
            np.concatenate([nothing, *(one.embeddings for one in done)]),
            [failure for one in done for failure in one.failures],
        )

    def near_end(self) -> None:
        """Wait until no more than a batch for each core is left."""
        wait(self.batches[: -usable_cores()])

    def cancel(self) -> None:
        """Give up what has not begun."""
        for batch in self.batches:
            batch.cancel()


def start_encoding(
    pool: Executor, encoder: Encoder, keys: Sequence[Key], read: Callable[[Key], bytes], batch_size: int = 0
) -> Encoding[Key]:
    """Begin to encode the JPEGs that `read` gives for `keys`, in the pool's threads.

    Open the encoder with one thread: the pool's threads share it. batch_size: 0 for what suits the provider.
    A picture that can't be decoded, or for which `read` raises UnreadablePicture, becomes a Failure and the
    others go on.
    """
    size = batch_size or BATCH_SIZES[provider_in_use(encoder.session)]
    return Encoding(
        [
            pool.submit(_encode, encoder, keys[start : start + size], read)
            for start in range(0, len(keys), size)
        ],
        encoder.spec.dimensions,
    )


def _encode(encoder: Encoder, wanted: Sequence[Key], read: Callable[[Key], bytes]) -> Encoded[Key]:
    px = encoder.spec.input_px
    images = np.empty((len(wanted), px, px, 3), np.uint8)
    keys: list[Key] = []
    failures: list[Failure[Key]] = []
    for key in wanted:
        try:
            images[len(keys)] = load_rgb(read(key), px)
        except UnreadablePicture as error:
            failures.append(Failure(key, error))
        else:
            keys.append(key)
    return Encoded(keys, encoder.encode(images[: len(keys)]), failures)
