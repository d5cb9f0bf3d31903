"""Widen float16 to float32, several times faster than NumPy's own conversion on machines without a fast one."""

import numpy as np
from numpy.typing import NDArray

_SIGN, _REST, _INFINITE = np.uint32(0x80000000), np.uint32(0x0FFFE000), np.uint16(0x7C00)
_REBIAS = np.float32(2.0**112)  # the exponents' biases differ by 127 - 15; right for subnormal numbers too


def widen(values: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return the same numbers as float32, bit for bit."""
    bits = np.ascontiguousarray(values).view(np.uint16)
    if bits.size == 0 or (bits & np.uint16(0x7FFF)).max() >= _INFINITE:
        return values.astype(np.float32)
    wide = bits.astype(np.uint32)
    wide <<= 13
    sign = wide << 3
    sign &= _SIGN
    wide &= _REST
    wide |= sign
    result: NDArray[np.float32] = wide.view(np.float32)
    result *= _REBIAS
    return result
