"""Embed photo files as the product does: previews from a decoder child, then the encoder."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magicroll.imaging.decoder import DecoderFailed, DecoderPool
from magicroll.imaging.picture import PREVIEW_NAME, THUMB_NAME, ImageRefused
from tagging.ml.encoder import Encoder
from tagging.ml.pipeline import start_encoding
from tagging.ml.preprocess import UnreadablePicture, WorkingPicture, working_picture
from tagging.ml.session import usable_cores

Alter = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedFiles:
    """`embeddings`: float16 [len(paths), d], as a corpus stores them; `failures`: why a file has none."""

    paths: list[Path]
    embeddings: NDArray[np.float16]
    failures: dict[Path, str]


def embed_files(encoder: Encoder, paths: Sequence[Path], alter: Alter | None = None) -> EmbeddedFiles:
    """Embed photos of any format that an upload may have, on every usable core, in the order given.

    alter: turns the JPEG that the encoder would read into another one. Raises InferenceError.
    """
    threads = usable_cores()
    with (
        tempfile.TemporaryDirectory(prefix="embed-") as scratch,
        DecoderPool(threads) as decoders,
        ThreadPoolExecutor(threads) as pool,
    ):
        read = partial(
            _working_jpeg, decoders=decoders, scratch=Path(scratch), px=encoder.spec.input_px, alter=alter
        )
        encoded = start_encoding(pool, encoder, paths, read).wait()
    failures = {failure.key: str(failure.error) for failure in encoded.failures}
    return EmbeddedFiles(encoded.keys, encoded.embeddings.astype(np.float16), failures)


def _working_jpeg(path: Path, decoders: DecoderPool, scratch: Path, px: int, alter: Alter | None) -> bytes:
    """Return the stored picture that a worker would read for an encoder of `px` pixels."""
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        try:
            picture = decoders.process(path, Path(out))
            size = working_picture(picture.width, picture.height, px)
            name = THUMB_NAME if size == WorkingPicture.THUMBNAIL else PREVIEW_NAME
            jpeg = (Path(out) / name).read_bytes()
        except (ImageRefused, DecoderFailed, OSError) as error:
            raise UnreadablePicture(str(error)) from error
    return jpeg if alter is None else alter(jpeg)
