"""The networks of this process: built when first used, after any fork, and kept."""

import threading
from functools import lru_cache

from django.conf import settings

from tagging.ml.encoder import Encoder
from tagging.ml.install import installed_path
from tagging.ml.registry import ENCODERS
from tagging.ml.session import open_session
from tagging.ml.tagger import Tagger
from tagging.models import Release
from tagging.releases import release_tags

_building = threading.Lock()


class WrongEncoder(RuntimeError):
    """The installed network isn't the one that the release was made with."""


def tagger_for(release_id: int) -> Tagger:
    """Return this process's tagger of a release. Raises WrongEncoder, ml.install.NotInstalled."""
    with _building:
        return _tagger(release_id)


@lru_cache(maxsize=2)  # the active and the filling release
def _tagger(release_id: int) -> Tagger:
    release = Release.objects.defer("vocabulary_json").get(pk=release_id)
    spec = ENCODERS.get(release.encoder)
    if spec is None or spec.onnx_sha256 != release.encoder_sha256:
        raise WrongEncoder(f"Release {release.name} needs encoder {release.encoder} {release.encoder_sha256[:12]}")
    session = open_session(
        installed_path(spec, settings.MODELS_DIR), provider=settings.ONNX_PROVIDER, threads=settings.ONNX_THREADS
    )
    return Tagger(Encoder(session, spec), release_tags(release_id).vocabulary)
