from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import numpy as np
import pytest

from tagging.ml.pipeline import start_encoding
from tagging.ml.preprocess import UnreadablePicture, load_rgb
from tests.tagging.ml.photos import NAMES, jpeg, picture

JPEGS = {name: jpeg(picture(name)) for name in NAMES}


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads


def test_each_picture_gets_the_embedding_it_has_alone_in_the_order_given(lite0, pool):
    keys = [(name, n) for n in range(3) for name in JPEGS]
    encoding = start_encoding(pool, lite0, keys, lambda key: JPEGS[key[0]], batch_size=5)
    encoded = encoding.wait()
    assert [len(batch.result().keys) for batch in encoding.batches] == [5, 5, 2]
    assert encoded.keys == keys
    alone = np.concatenate([lite0.encode(load_rgb(data, 224)[None]) for data in JPEGS.values()])
    np.testing.assert_allclose(encoded.embeddings, np.tile(alone, (3, 1)), atol=1e-5)


def test_an_unreadable_picture_fails_alone(lite0, pool):
    pictures = {"a": JPEGS["coffee"], "torn": JPEGS["coffee"][:999], "b": JPEGS["rocket"]}

    def read(key):
        if key == "gone":
            raise UnreadablePicture("It is missing.")
        return pictures[key]

    encoded = start_encoding(pool, lite0, ["a", "torn", "gone", "b"], read).wait()
    assert encoded.keys == ["a", "b"]
    assert encoded.embeddings.shape == (2, 1280)
    assert [failure.key for failure in encoded.failures] == ["torn", "gone"]
    assert str(encoded.failures[1].error) == "It is missing."


def test_a_batch_of_unreadable_pictures_has_no_embeddings(lite0, pool):
    encoded = start_encoding(pool, lite0, [b"", b"x"], lambda key: key).wait()
    assert (encoded.keys, encoded.embeddings.shape, len(encoded.failures)) == ([], (0, 1280), 2)


def test_nothing_gives_nothing(lite0, pool):
    encoded = start_encoding(pool, lite0, [], lambda key: key).wait()
    assert (encoded.keys, encoded.embeddings.shape) == ([], (0, 1280))


def test_what_has_not_begun_can_be_cancelled(lite0):
    opened, read = Event(), []

    def wait_then_read(key):
        read.append(key)
        opened.wait(10)
        return JPEGS["chelsea"]

    with ThreadPoolExecutor(1) as one:
        encoding = start_encoding(one, lite0, list(range(5)), wait_then_read, batch_size=1)
        encoding.cancel()
        opened.set()
    assert read in ([], [0])


def test_another_error_is_raised(lite0, pool):
    def away(key):
        raise ConnectionError("storage is away")

    with pytest.raises(ConnectionError):
        start_encoding(pool, lite0, [1, 2], partial(away), batch_size=1).wait()
