import numpy as np
import pytest

from tagging.ml.pipeline import encode_pictures
from tagging.ml.preprocess import UnreadablePicture, load_rgb
from tests.tagging.ml.photos import NAMES, jpeg, picture

JPEGS = {name: jpeg(picture(name)) for name in NAMES}


def test_each_picture_gets_the_embedding_it_has_alone_in_the_order_given(lite0):
    pictures = [(f"{name} {n}", data) for n in range(3) for name, data in JPEGS.items()]
    batches = list(encode_pictures(lite0, pictures, batch_size=5, workers=2))
    assert [key for batch in batches for key in batch.keys] == [key for key, _ in pictures]
    assert [len(batch.keys) for batch in batches] == [5, 5, 2]
    embeddings = np.concatenate([batch.embeddings for batch in batches])
    alone = np.concatenate([lite0.encode(load_rgb(data, 224)[None]) for data in JPEGS.values()])
    np.testing.assert_allclose(embeddings, np.tile(alone, (3, 1)), atol=1e-5)


def test_an_unreadable_picture_fails_alone(lite0, tmp_path):
    pictures = [
        ("a", JPEGS["coffee"]),
        ("torn", JPEGS["coffee"][:999]),
        ("gone", tmp_path / "x"),
        ("b", JPEGS["rocket"]),
    ]
    [batch] = encode_pictures(lite0, pictures)
    assert batch.keys == ["a", "b"]
    assert batch.embeddings.shape == (2, 1280)
    assert [failure.key for failure in batch.failures] == ["torn", "gone"]
    assert all(isinstance(failure.error, UnreadablePicture) for failure in batch.failures)


def test_a_batch_of_unreadable_pictures_has_no_embeddings(lite0):
    [batch] = encode_pictures(lite0, [(1, b""), (2, b"")])
    assert (batch.keys, batch.embeddings.shape, len(batch.failures)) == ([], (0, 1280), 2)


def test_nothing_gives_nothing(lite0):
    assert list(encode_pictures(lite0, [])) == []


def test_it_reads_only_a_few_batches_ahead_and_stops_when_asked(lite0):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield len(taken), JPEGS["chelsea"]

    batches = encode_pictures(lite0, endless(), batch_size=1, workers=2)
    next(batches)
    assert len(taken) == 5
    batches.close()
    assert len(taken) == 5


def test_another_error_ends_the_iteration(lite0):
    def storage_away():
        yield 1, JPEGS["chelsea"]
        raise ConnectionError("storage is away")

    with pytest.raises(ConnectionError):
        list(encode_pictures(lite0, storage_away(), batch_size=1))
