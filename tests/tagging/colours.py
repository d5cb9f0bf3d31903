"""A tagger that sees colours: quick, and truthful about the pixels that it was given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from types import SimpleNamespace

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from numpy.typing import NDArray
from PIL import Image

from magicroll.models import Photo
from tagging.ml.registry import ENCODERS, EncoderSpec
from tagging.ml.tagger import Seen
from tagging.vocabulary import load_builtin

MEANING = ("dog", "plant", "boat")  # what it calls a red, a green and a blue picture


@dataclass
class ColourEncoder:
    """Embeds a picture as its mean colour; `watch` runs before each answer, as what goes on then."""

    watch: Callable[[], None] = lambda: None
    spec: EncoderSpec = ENCODERS["efficientnet-lite2"]
    session: object = field(
        default_factory=lambda: SimpleNamespace(get_providers=lambda: ["CPUExecutionProvider"])
    )

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        embeddings = np.zeros((len(images), self.spec.dimensions), np.float32)
        embeddings[:, :3] = images.mean(axis=(1, 2)) / 255
        return embeddings


@dataclass
class ColourTagger:
    encoder: ColourEncoder = field(default_factory=ColourEncoder)

    def score(self, embeddings: NDArray[np.float16]) -> list[Seen]:
        self.encoder.watch()
        slugs = [tag.slug for tag in load_builtin().tags]
        return [
            Seen(
                embedding,
                np.array([slugs.index(MEANING[int(embedding[:3].argmax())])], np.int32),
                np.array([embedding[:3].max()], np.float32),
            )
            for embedding in embeddings
        ]


def picture(colour: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def store_pictures(photo: Photo, colour: str) -> None:
    """Put a photo's working pictures into the storage, as an upload does."""
    for name in (photo.preview_file, photo.thumbnail_file):
        default_storage.save(name, ContentFile(picture(colour)))


def delete_pictures(photo: Photo) -> None:
    for name in (photo.preview_file, photo.thumbnail_file):
        default_storage.delete(name)
