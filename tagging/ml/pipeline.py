"""Encode many stored pictures with every core busy.

Each worker thread decodes a batch and runs it through the shared session on its own core, so that one decodes
while another infers and none waits: decoding and inference both let go of Python's lock.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tagging.ml.encoder import Encoder
from tagging.ml.preprocess import UnreadablePicture, load_rgb
from tagging.ml.session import provider_in_use, usable_cores

# On the CPU larger batches bring nothing and keep a core waiting at the end; a GPU needs them.
BATCH_SIZES = {"cpu": 4, "cuda": 32}
_BATCHES_AHEAD = 2  # per worker, so that a consumer that pauses to commit keeps nobody waiting

Key = TypeVar("Key")
Picture = bytes | Path


@dataclass(frozen=True, slots=True, eq=False)
class Failure(Generic[Key]):
    """A picture without an embedding, and why."""

    key: Key
    error: UnreadablePicture


@dataclass(frozen=True, slots=True, eq=False)
class EncodedBatch(Generic[Key]):
    """`embeddings`: float32 [len(keys), d], not normalised; `failures` are the others of the batch."""

    keys: list[Key]
    embeddings: NDArray[np.float32]
    failures: list[Failure[Key]]


def encode_pictures(
    encoder: Encoder, pictures: Iterable[tuple[Key, Picture]], batch_size: int = 0, workers: int = 0
) -> Iterator[EncodedBatch[Key]]:
    """Yield the embeddings of JPEGs batch by batch, in the order given.

    Open the encoder with one thread: `workers` threads (0: one per usable core) share it. batch_size: 0 for
    what suits the provider. `pictures` is read in the caller's thread, at most 2 x `workers` + 1 batches
    ahead. An unreadable picture becomes a Failure and the others go on; any other error ends the iteration.
    """
    workers = workers or usable_cores()
    batch_size = batch_size or BATCH_SIZES[provider_in_use(encoder.session)]
    running: deque[Future[EncodedBatch[Key]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="encode") as pool:
        try:
            for batch in _batches(pictures, batch_size):
                running.append(pool.submit(_encode, encoder, batch))
                if len(running) > workers * _BATCHES_AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def _batches(pictures: Iterable[tuple[Key, Picture]], size: int) -> Iterator[list[tuple[Key, Picture]]]:
    source = iter(pictures)
    while batch := list(islice(source, size)):
        yield batch


def _encode(encoder: Encoder, batch: list[tuple[Key, Picture]]) -> EncodedBatch[Key]:
    px = encoder.spec.input_px
    images = np.empty((len(batch), px, px, 3), np.uint8)
    keys: list[Key] = []
    failures: list[Failure[Key]] = []
    for key, picture in batch:
        try:
            images[len(keys)] = load_rgb(picture, px)
        except UnreadablePicture as error:
            failures.append(Failure(key, error))
        else:
            keys.append(key)
    return EncodedBatch(keys, encoder.encode(images[: len(keys)]), failures)
