"""The networks of this process: built when first used, after any fork, and kept."""

import logging
import threading
from functools import lru_cache

from django.conf import settings

from tagging.ml.encoder import open_encoder
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


@lru_cache(maxsize=2)  # the active and the filling release
def _tagger(release_id: int) -> Tagger:
    release = Release.objects.select_related("encoder").defer("vocabulary_json").get(pk=release_id)
    spec = ENCODERS.get(release.encoder.name)
    if spec is None or spec.onnx_sha256 != release.encoder.sha256:
        raise WrongEncoder(
            f"Release {release.name} needs an encoder {release.encoder} that isn't known here."
        )
    encoder = open_encoder(spec, settings.MODELS_DIR, settings.ONNX_PROVIDER)
    logger.info("encoder opened on %s", provider_in_use(encoder.session), extra={"release": release_id})
    return Tagger(encoder, release_tags(release_id).vocabulary)
