import numpy as np
import pytest

from tagging.ml.encoder import Encoder
from tests.tagging.ml.photos import pixels

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]  # others' warnings


@pytest.fixture
def reference(encoder: Encoder):
    why = "NOT RUN: the encoders were not held against PyTorch (install torch and efficientnet-lite-pytorch)"
    pytest.importorskip("torch", reason=why)
    pytest.importorskip("efficientnet_lite_pytorch", reason=why)
    from tests.tagging.ml.pytorch import Reference

    return Reference(encoder.spec)


def test_embeddings_and_logits_are_those_of_pytorch(encoder, reference):
    px = encoder.spec.input_px
    noise = np.random.default_rng(0).integers(0, 256, (2, px, px, 3), dtype=np.uint8)
    images = np.concatenate([pixels(px), noise])
    expected_embeddings, expected_logits = reference.run(images)
    embeddings, logits = encoder.session.run(["embedding", "logits"], {"images": images})
    assert np.abs(embeddings - expected_embeddings).max() < 1e-4
    assert np.abs(logits - expected_logits).max() < 1e-4
