"""What own heads see embeddings through, without a network: some fixed directions."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from tagging.own_heads import _projection

PROJECTION = np.linalg.qr(np.random.default_rng(4).normal(size=(1280, 12)))[0].astype(np.float32)


@contextmanager
def few_dimensions() -> Iterator[None]:
    """Let no encoder have to be installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tagging.own_heads.installed_path", lambda spec, folder: folder)
        patch.setattr("tagging.own_heads.index_projection", lambda path: PROJECTION)
        _projection.cache_clear()
        yield
    _projection.cache_clear()
