"""Examine an installation: each check answers with what it found, or raises Fault."""

import hashlib
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from packaging.requirements import Requirement

from magicroll import reach
from magicroll.models import UnclaimedFile
from tagging.ml.encoder import open_encoder
from tagging.ml.install import NotInstalled, installed_path
from tagging.ml.registry import ENCODERS
from tagging.ml.session import ProviderError, provider_in_use
from tagging.releases import NoRelease, default_release

PYTHON = (3, 11)
LITTLE_SPACE_BYTES = 1_000_000_000


class Fault(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    name: str
    ok: bool
    detail: str
    advice: str
    ms: float


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    run: Callable[[], str]


def examine(checks: tuple[Check, ...]) -> Iterator[Finding]:
    """Run the checks one after the other; a failed one does not keep the others from running."""
    for check in checks:
        began = time.perf_counter()
        ok, advice = True, ""
        try:
            detail = check.run()
        except Fault as fault:
            ok, detail, advice = False, str(fault), fault.advice
        except Exception as error:  # noqa: BLE001  a doctor who faints is no help: say what it was
            ok, detail, advice = (
                False,
                f"{type(error).__name__}: {error}",
                "This was not foreseen; please report it.",
            )
        yield Finding(check.name, ok, detail, advice, (time.perf_counter() - began) * 1000)


def python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        raise Fault(f"Python {version} is too old.", "Install Python 3.11 or newer.")
    return f"Python {version} on {sys.platform}"


def packages() -> str:
    """Compare what is installed with requirements.txt."""
    pinned = [Requirement(line) for line in _lines(settings.BASE_DIR / "requirements.txt")]
    wanted = [
        requirement for requirement in pinned if requirement.marker is None or requirement.marker.evaluate()
    ]
    wrong = [text for requirement in wanted if (text := _difference(requirement))]
    if wrong:
        raise Fault(
            "; ".join(wrong), "Run `make setup` after `rm .venv/.run-ready`, or build the image anew."
        )
    return f"all {len(wanted)} as pinned"


def models() -> str:
    """Compare every encoder's file with the hash in the registry."""
    sizes = []
    for spec in ENCODERS.values():
        try:
            path = installed_path(spec, settings.MODELS_DIR)
        except NotInstalled as error:
            raise Fault(str(error), "Run `manage.py install_encoders`.") from error
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != spec.onnx_sha256:
                raise Fault(
                    f"{path} is not what was installed.", "Delete it and run `manage.py install_encoders`."
                )
        sizes.append(f"{spec.name} {path.stat().st_size / 1e6:.0f} MB")
    return ", ".join(sizes)


def network() -> str:
    """Run the default release's encoder once on a black picture, and name the provider that really ran it."""
    try:
        release = default_release()
        spec = ENCODERS[release.encoder.name]
        encoder = open_encoder(spec, settings.MODELS_DIR, settings.ONNX_PROVIDER)
    except (NoRelease, NotInstalled) as error:
        raise Fault(str(error), "Run `manage.py install_encoders`.") from error
    except ProviderError as error:
        raise Fault(str(error), "MAGICROLL_ONNX_PROVIDER chooses.") from error
    began = time.perf_counter()
    encoder.encode(np.zeros((1, spec.input_px, spec.input_px, 3), np.uint8))
    ms = (time.perf_counter() - began) * 1000
    return f"{release.name} on {provider_in_use(encoder.session)}, first picture {ms:.0f} ms"


def database() -> str:
    """Ask for its version, for migrations that are missing, and whether it can be written."""
    _within_reach(reach.database, "Is DATABASE_URL right, and the server running?")
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Fault(f"{len(missing)} migrations are not applied.", "Run `manage.py migrate`.")
    try:
        with transaction.atomic():
            UnclaimedFile.objects.create(name=f"doctor/{uuid.uuid4().hex}")
            transaction.set_rollback(True)
    except DatabaseError as error:
        raise Fault(
            f"It can't be written: {error}", "Look at the disk, and at the rights of the user."
        ) from error
    version = ".".join(map(str, connection.get_database_version()))
    return f"{connection.display_name} {version}, migrations applied, writable"


def storage() -> str:
    """Write, read and delete a small file."""
    _within_reach(reach.storage, "Does the folder or bucket exist, and may this user write to it?")
    content = os.urandom(1024)
    try:
        name = default_storage.save(f"doctor/{uuid.uuid4().hex}", ContentFile(content))
        try:
            with default_storage.open(name) as file:
                if file.read() != content:
                    raise Fault(
                        "A file came back other than it was written.", "Check the disk or the bucket."
                    )
        finally:
            default_storage.delete(name)
    except OSError as error:
        raise Fault(f"It can't be used: {error}", "May this user write there, and is there space?") from error
    return _space()


def broker() -> str:
    _within_reach(reach.broker, "Is MAGICROLL_BROKER_URL right, and the server running?")
    scheme = str(settings.BROKER_URL).split(":", 1)[0]
    return "a folder in the data folder" if scheme == "filesystem" else f"{scheme} server"


BEFORE_ROUND_TRIP = (
    Check("python", python),
    Check("packages", packages),
    Check("models", models),
    Check("network", network),
    Check("database", database),
    Check("storage", storage),
    Check("broker", broker),
)


def _lines(path: Path) -> list[str]:
    lines = (line.split("#", 1)[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def _difference(requirement: Requirement) -> str:
    try:
        installed = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    return "" if installed in requirement.specifier else f"{requirement} wanted, {installed} found"


def _within_reach(probe: Callable[[], None], advice: str) -> None:
    try:
        probe()
    except reach.Unreachable as error:
        raise Fault(str(error), advice) from error


def _space() -> str:
    try:
        free = shutil.disk_usage(default_storage.path("")).free
    except NotImplementedError:
        return "remote, written, read and deleted"
    if free < LITTLE_SPACE_BYTES:
        raise Fault(f"Only {free / 1e6:.0f} MB are free.", "Make space, or move MAGICROLL_DATA_DIR.")
    return f"local, written, read and deleted, {free / 1e9:.0f} GB free"
