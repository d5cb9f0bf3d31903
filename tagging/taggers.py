"""The networks of this process: built when first used, after any fork, and kept."""

import logging
import threading
from functools import lru_cache

from django.conf import settings

from tagging.ml.encoder import ClassifierHead, open_encoder, read_head
from tagging.ml.encoder import Encoder as OpenEncoder
from tagging.ml.install import installed_path
from tagging.ml.registry import ENCODERS
from tagging.ml.session import provider_in_use
from tagging.ml.tagger import Tagger
from tagging.models import Release
from tagging.releases import release_tags

logger = logging.getLogger(__name__)
_building = threading.Lock()


class WrongEncoder(Exception):
    """This machine's encoder isn't the one that the release was made with."""


def tagger_for(release_id: int) -> Tagger:
    """Return this process's tagger of a release. Raises WrongEncoder, NotInstalled, ProviderError."""
    with _building:
        return _tagger(release_id)


def forget() -> None:
    """Close what is open, for tests that change the settings."""
    _tagger.cache_clear()
    _encoder.cache_clear()
    head_of.cache_clear()


@lru_cache(maxsize=2)
def head_of(encoder_name: str) -> ClassifierHead:
    """Return a network's last layer, which is all that scoring stored embeddings takes. Raises NotInstalled."""
    return read_head(installed_path(ENCODERS[encoder_name], settings.MODELS_DIR))


@lru_cache(maxsize=4)
def _tagger(release_id: int) -> Tagger:
    release = Release.objects.select_related("encoder").defer("vocabulary_json").get(pk=release_id)
    spec = ENCODERS.get(release.encoder.name)
    if spec is None or spec.onnx_sha256 != release.encoder.sha256:
        raise WrongEncoder(
            f"Release {release.name} needs an encoder {release.encoder} that isn't known here."
        )
    return Tagger(_encoder(spec.name), release_tags(release_id).vocabulary)


@lru_cache(maxsize=2)
def _encoder(name: str) -> OpenEncoder:
    """Open a network once for all releases that have it."""
    encoder = open_encoder(ENCODERS[name], settings.MODELS_DIR, settings.ONNX_PROVIDER)
    logger.info("encoder %s opened on %s", name, provider_in_use(encoder.session))
    return encoder
