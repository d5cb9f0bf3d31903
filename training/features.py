"""Embeddings of the labelled photos, computed once per encoder and kept in .cache/training/."""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tagging.evaluation.embedding import embed_files
from tagging.ml.encoder import Encoder, open_encoder
from tagging.ml.install import install
from tagging.ml.registry import ENCODERS

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "training"
MODELS = ROOT / ".cache" / "models"


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """`paths` relative to their folder; `embeddings` float16 [n, d], as a corpus stores them."""

    paths: list[str]
    embeddings: NDArray[np.float16]

    def rows(self, wanted: list[str]) -> NDArray[np.float16]:
        """Pick the embeddings of these paths, in this order."""
        row = {path: i for i, path in enumerate(self.paths)}
        return self.embeddings[[row[path] for path in wanted]]


def features(encoder_name: str, folder: Path, paths: list[str], variant: str = "plain") -> Features:
    """Embed the photos of a folder, or read what an earlier run embedded.

    variant: "plain", or "grey" for copies without colour. Raises ValueError when a photo can't be read.
    """
    spec = ENCODERS[encoder_name]
    file = CACHE / f"{folder.name}-{variant}-{spec.name}-{spec.onnx_sha256[:8]}.npz"
    if file.exists():
        with np.load(file) as archive:
            kept = Features(archive["paths"].tolist(), archive["embeddings"])
        if set(paths) <= set(kept.paths):
            return kept
    found = embed_files(
        encoder(encoder_name), [folder / path for path in paths], _grey if variant == "grey" else None
    )
    if found.failures:
        raise ValueError(f"photos that can't be read: {found.failures}")
    CACHE.mkdir(parents=True, exist_ok=True)
    np.savez(file, paths=np.array(paths), embeddings=found.embeddings)
    return Features(paths, found.embeddings)


@cache
def encoder(name: str) -> Encoder:
    """Open an encoder, installing it first where it is missing."""
    install(ENCODERS[name], MODELS)
    return open_encoder(ENCODERS[name], MODELS, "cpu")


def _grey(jpeg: bytes) -> bytes:
    """Take the colour out of a JPEG, keeping its three channels."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.convert("L").convert("RGB").save(out, "JPEG", quality=85, subsampling=0)
    return out.getvalue()
