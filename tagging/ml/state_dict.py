"""Read weights from PyTorch's old, non-zip state-dict format without PyTorch and without running its pickle.

The file is five pickles in a row (magic number, protocol, byte order, the dict, the list of storage
keys), then each storage as an int64 element count and its raw values. Source: `_legacy_save` in
torch/serialization.py. A pickle can call anything it names; here it can name four things, and none of
them does more than note a tensor.
"""

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_BAD_PICKLE = (
    pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError, MemoryError,
    OverflowError, RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip


class StateDictError(Exception):
    """The file is not a state dict of plain tensors, or it asks for more than tensors."""


# Named tuples, because a pickle may set the attributes of what it has in hand, even on frozen dataclasses.
class _StorageType(NamedTuple):
    dtype: str


class _Storage(NamedTuple):
    key: str
    dtype: str
    elements: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _NoteTensor:
    """Stands in for torch._utils._rebuild_tensor_v2; without attributes that a pickle could set."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_rest: object) -> _Tensor:
        fits = (
            _is_count(offset) and _are_counts(shape) and _are_counts(strides) and len(shape) == len(strides)
        )
        if not (isinstance(storage, _Storage) and fits):
            raise StateDictError("A tensor in the state dict has no proper storage or shape.")
        return _Tensor(storage, offset, shape, strides)


_ALLOWED: dict[tuple[str, str], Callable[..., Any] | _StorageType] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _NoteTensor(),
    ("torch", "FloatStorage"): _StorageType("<f4"),
    ("torch", "LongStorage"): _StorageType("<i8"),
}


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise StateDictError(
                f"The state dict asks for {module}.{name}. Only tensors may be read, so nothing was."
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", _StorageType(dtype), str(key), "cpu", int(elements), None) if elements >= 0:
                return _Storage(key, dtype, elements)
        raise StateDictError("The state dict refers to something that is not a plain tensor storage.")


def read_state_dict(data: bytes) -> dict[str, NDArray[np.float32]]:
    """Read the float32 tensors of a legacy PyTorch state dict; integer counters are left out.

    Raises StateDictError when the data is anything else, asks for anything but tensors, or is cut short.
    """
    stream = io.BytesIO(data)
    try:
        _check_header(stream)
        tensors = _tensors(_load(stream))
        keys = _load(stream)
    except _BAD_PICKLE as error:
        raise StateDictError(f"The state dict can't be read: {error}") from error
    used = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if not isinstance(keys, list) or sorted(used) != sorted(map(str, keys)):
        raise StateDictError("The storages that the state dict lists are not those that its tensors use.")
    storages = {key: _read_storage(stream, used[key]) for key in map(str, keys)}
    return {
        name: _view(name, tensor, storages)
        for name, tensor in tensors.items()
        if tensor.storage.dtype == "<f4"
    }


def _load(stream: io.BytesIO) -> Any:
    return _RestrictedUnpickler(stream).load()


def _check_header(stream: io.BytesIO) -> None:
    if _load(stream) != _MAGIC_NUMBER or _load(stream) != _PROTOCOL_VERSION:
        raise StateDictError("This is not a state dict in PyTorch's old format.")
    system = _load(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise StateDictError("The state dict was written in an unknown byte order.")


def _tensors(loaded: object) -> dict[str, _Tensor]:
    if not isinstance(loaded, dict):
        raise StateDictError("The file holds something other than a state dict.")
    tensors = dict(dict.items(loaded))  # not loaded.items(), which a pickle can replace
    if not all(isinstance(key, str) and isinstance(value, _Tensor) for key, value in tensors.items()):
        raise StateDictError("The state dict holds something other than tensors.")
    return tensors


def _read_storage(stream: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    header = stream.read(8)
    if len(header) < 8 or struct.unpack("<q", header)[0] != storage.elements:
        raise StateDictError(f"Storage {storage.key} of the state dict is torn.")
    dtype = np.dtype(storage.dtype)
    raw = stream.read(storage.elements * dtype.itemsize)
    if len(raw) < storage.elements * dtype.itemsize:
        raise StateDictError(f"Storage {storage.key} of the state dict is torn.")
    return np.frombuffer(raw, dtype)


def _view(name: str, tensor: _Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    values = storages[tensor.storage.key]
    reach = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    # Checked first: as_strided itself would read beyond the end.
    if (
        min(tensor.shape, default=1) < 1
        or tensor.offset + reach >= values.size
        or prod(tensor.shape) > values.size
    ):
        raise StateDictError(f"Tensor {name} of the state dict does not fit its storage.")
    strides = [stride * values.itemsize for stride in tensor.strides]
    return np.ascontiguousarray(as_strided(values[tensor.offset :], tensor.shape, strides, writeable=False))


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _are_counts(values: object) -> bool:
    return isinstance(values, tuple) and all(_is_count(value) for value in values)
