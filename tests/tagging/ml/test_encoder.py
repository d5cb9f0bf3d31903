import numpy as np
import pytest

from tagging.ml.encoder import ShapeError
from tests.tagging.ml.photos import NAMES, pixels
from tests.tagging.ml.pytorch import CANONICAL, EVERY


def stored(embeddings):
    return embeddings.astype(np.float16)


def test_real_photos_give_the_canonical_vectors(encoder):
    embeddings = encoder.encode(pixels(encoder.spec.input_px))
    with np.load(CANONICAL) as canonical:
        expected = canonical[f"{encoder.spec.name}.embedding"]
    assert embeddings.shape == (len(NAMES), encoder.spec.dimensions)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings[:, ::EVERY], expected, atol=1e-4)


def test_real_photos_give_the_canonical_classes_from_stored_embeddings(encoder):
    logits = encoder.head.logits(stored(encoder.encode(pixels(encoder.spec.input_px))))
    with np.load(CANONICAL) as canonical:
        expected = canonical[f"{encoder.spec.name}.top5"]
    assert (np.argmax(logits, axis=1) == expected[:, 0]).all()
    for row, top5 in zip(np.argsort(-logits, axis=1)[:, :5], expected, strict=True):
        assert len(set(row) & set(top5)) >= 4  # the fifth may be a near tie


def test_a_cat_is_a_cat_and_a_coffee_an_espresso(encoder):
    logits = encoder.head.logits(stored(encoder.encode(pixels(encoder.spec.input_px, ("chelsea", "coffee")))))
    cat, coffee = np.argmax(logits, axis=1)
    assert cat in {281, 282, 285}  # tabby, tiger cat, Egyptian cat
    assert coffee == 967


def test_a_batch_gives_what_single_pictures_give(encoder):
    images = pixels(encoder.spec.input_px)
    together = encoder.encode(images)
    alone = np.concatenate([encoder.encode(image[None]) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_logits_of_stored_embeddings_are_close_to_those_of_the_graph(encoder):
    images = pixels(encoder.spec.input_px)
    embeddings, logits = encoder.session.run(["embedding", "logits"], {"images": images})
    assert np.abs(encoder.head.logits(stored(embeddings)) - logits).max() < 0.02


def test_an_empty_batch_has_no_embeddings(lite0):
    assert lite0.encode(np.empty((0, 224, 224, 3), np.uint8)).shape == (0, 1280)


@pytest.mark.parametrize(
    "images",
    [np.zeros((1, 200, 224, 3), np.uint8), np.zeros((1, 224, 224, 3), np.float32)],
    ids=["size", "dtype"],
)
def test_images_that_do_not_fit_are_refused(lite0, images):
    with pytest.raises(ShapeError, match=r"Images must be uint8 \[n, 224, 224, 3\]"):
        lite0.encode(images)


def test_embeddings_that_were_not_stored_are_refused(lite0):
    with pytest.raises(ShapeError, match="float16"):
        lite0.head.logits(np.zeros((1, 1280), np.float32))
