import numpy as np

from tagging.ml.halves import widen

EVERY = np.arange(2**16, dtype=np.uint16).view(np.float16)


def test_every_finite_number_is_the_same_bit_for_bit() -> None:
    finite = EVERY[np.isfinite(EVERY)]
    assert np.array_equal(widen(finite).view(np.uint32), finite.astype(np.float32).view(np.uint32))


def test_infinities_and_nan_stay_what_they_are() -> None:
    np.testing.assert_array_equal(widen(EVERY), EVERY.astype(np.float32))


def test_any_shape_and_layout() -> None:
    rows = EVERY[:1200].reshape(30, 40)
    assert np.array_equal(widen(rows[:, ::3]), rows[:, ::3].astype(np.float32))
    assert widen(np.empty((0, 5), np.float16)).shape == (0, 5)
