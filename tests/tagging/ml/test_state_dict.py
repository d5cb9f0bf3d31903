import io
import os
import pickle
import struct
import sys
from collections import OrderedDict
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging.ml.state_dict import StateDictError, read_state_dict

MAGIC, PROTOCOL, SYSTEM = 0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}


class FloatStorage: ...


class HalfStorage: ...


def _rebuild_tensor_v2(*_args): ...


@dataclass(frozen=True)
class Storage:
    key: str
    elements: int
    kind: type = FloatStorage


@dataclass(frozen=True)
class Tensor:
    storage: Storage
    shape: tuple = (2, 3)
    strides: tuple = (3, 1)
    offset: int = 0

    def __reduce__(self):
        return _rebuild_tensor_v2, (self.storage, self.offset, self.shape, self.strides, False, OrderedDict())


class Call:
    """An object that pickles as a call of `function`."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return ("storage", obj.kind, obj.key, "cpu", obj.elements, None)
        return None


@pytest.fixture(autouse=True)
def _names_of_torch(monkeypatch):
    """Let what is above pickle under PyTorch's names."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for module, thing in ((torch, FloatStorage), (torch, HalfStorage), (utils, _rebuild_tensor_v2)):
        monkeypatch.setattr(thing, "__module__", module.__name__)
        setattr(module, thing.__name__, thing)
        monkeypatch.setitem(sys.modules, module.__name__, module)


def pickled(value):
    file = io.BytesIO()
    Pickler(file, protocol=2).dump(value)
    return file.getvalue()


def legacy(tensors, storages=None, *, magic=MAGIC, system=SYSTEM):
    """The bytes of a state-dict file; `storages` by key."""
    storages = {"a": np.arange(6, dtype="<f4")} if storages is None else storages
    head = b"".join(pickled(part) for part in (magic, PROTOCOL, system, tensors, list(storages)))
    return head + b"".join(struct.pack("<q", s.size) + s.tobytes() for s in storages.values())


GOOD = Tensor(Storage("a", 6))


def test_it_reads_tensors():
    weights = read_state_dict(legacy(OrderedDict(w=GOOD)))
    assert list(weights) == ["w"]
    assert weights["w"].dtype == np.float32
    assert weights["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_it_reads_transposed_tensors_and_offsets():
    tensors = {"t": Tensor(Storage("a", 6), (3, 2), (1, 3)), "o": Tensor(Storage("a", 6), (2,), (1,), 4)}
    weights = read_state_dict(legacy(tensors))
    assert weights["t"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert weights["o"].tolist() == [4, 5]


def test_a_pickle_that_runs_a_command_is_refused_and_nothing_runs(tmp_path):
    sign = tmp_path / "it ran"
    evil = Call(os.system, f"touch '{sign}'")
    for data in (legacy({"w": evil}), legacy({}, magic=evil), legacy({}, system=evil)):
        with pytest.raises(StateDictError, match=r"asks for \w+\.system. Only tensors"):
            read_state_dict(data)
    assert not sign.exists()


@pytest.mark.parametrize("function", [eval, getattr, __import__, pickle.loads, np.fromfile, HalfStorage])
def test_anything_but_tensors_is_refused(function):
    with pytest.raises(StateDictError, match="Only tensors may be read"):
        read_state_dict(legacy({"w": Call(function, "1")}))


def test_an_allowed_name_can_not_be_called_in_another_way():
    with pytest.raises(StateDictError):
        read_state_dict(legacy({"w": Call(_rebuild_tensor_v2, "a", 0, (1,), (1,))}))
    with pytest.raises(StateDictError):
        read_state_dict(legacy({"w": Call(FloatStorage)}))


def changed(thing, state):
    """A pickle of `thing` that then sets `state` on it."""
    return pickled(thing)[:-1] + pickled(state)[2:-1] + b"b."


@pytest.mark.parametrize(
    ("thing", "state"),
    [
        (_rebuild_tensor_v2, {"poison": 1}),
        (FloatStorage, ["O"]),
        (FloatStorage, (None, {"dtype": "O"})),
        (GOOD, [Storage("a", 6), 0, (2, 3), (-300, 1)]),
        (GOOD, (None, {"strides": (-300, 1)})),
    ],
    ids=range(5),
)
def test_a_pickle_can_not_change_what_it_may_name_or_make(thing, state):
    head = b"".join(pickled(part) for part in (MAGIC, PROTOCOL, SYSTEM))
    with pytest.raises(StateDictError, match="can't be read"):
        read_state_dict(head + changed(thing, state) + pickled(["a"]))
    assert read_state_dict(legacy({"w": GOOD}))["w"].shape == (2, 3)


def test_a_pickle_can_not_replace_the_methods_of_the_dict():
    shadowed = changed(
        OrderedDict(w=GOOD), {"items": OrderedDict, "values": OrderedDict, "keys": OrderedDict}
    )
    parts = (pickled(MAGIC), pickled(PROTOCOL), pickled(SYSTEM), shadowed, pickled(["a"]))
    data = b"".join(parts) + struct.pack("<q", 6) + np.arange(6, dtype="<f4").tobytes()
    assert read_state_dict(data)["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(Storage("a", 6), (3, 3)),
        Tensor(Storage("a", 6), (2, 3), (300, 1)),
        Tensor(Storage("a", 6), (2, 3), (-3, 1)),
        Tensor(Storage("a", 6), (2, 3), (3,)),
        Tensor(Storage("a", 6), offset=1),
        Tensor(Storage("a", 6), offset=-1),
        Tensor(Storage("a", 6), (10**6, 10**6), (0, 0)),
        Tensor(Storage("a", 5)),
        Tensor(Storage("a", 10**15)),
        Tensor(Storage("b", 6)),
    ],
    ids=repr,
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tensor):
    with pytest.raises(StateDictError):
        read_state_dict(legacy({"w": tensor}))


@pytest.mark.parametrize("value", [[], {"w": 1}, {1: GOOD}, "text"], ids=repr)
def test_another_object_than_a_dict_of_tensors_is_refused(value):
    with pytest.raises(StateDictError):
        read_state_dict(legacy(value))


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"PK\x03\x04 a zip", legacy({}, magic=1)], ids=range(4))
def test_another_file_is_refused(data):
    with pytest.raises(StateDictError):
        read_state_dict(data)


@given(st.data())
def test_a_file_that_was_cut_short_is_refused(data):
    whole = legacy({"w": GOOD})
    with pytest.raises(StateDictError):
        read_state_dict(whole[: data.draw(st.integers(0, len(whole) - 1))])
