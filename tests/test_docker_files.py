"""There is no Docker where most tests run: read the files and hold them against the project."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
OURS = {"prepare", "web", "worker-realtime", "worker-bulk", "worker-gpu", "scheduler"}
LASTING = OURS - {"prepare"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def stages(dockerfile: list[str]) -> list[list[str]]:
    starts = [number for number, line in enumerate(dockerfile) if line.startswith("FROM ")]
    return [dockerfile[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def test_every_part_has_its_service(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == OURS | {"postgres", "redis"}


def test_every_lasting_service_has_a_health_check_and_comes_back(compose: dict[str, Any]) -> None:
    for name in LASTING | {"postgres", "redis"}:
        service = compose["services"][name]
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name


def test_our_services_start_after_the_migrations_and_the_servers(compose: dict[str, Any]) -> None:
    assert compose["services"]["prepare"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in LASTING:
        waits = compose["services"][name]["depends_on"]
        assert waits["prepare"]["condition"] == "service_completed_successfully", name
        assert waits["redis"]["condition"] == "service_healthy", name


def test_only_the_gpu_worker_needs_a_profile_and_a_gpu(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name for name in services if "profiles" in services[name]} == {"worker-gpu"}
    gpu = services["worker-gpu"]
    assert gpu["profiles"] == ["gpu"]
    assert gpu["build"]["args"]["REQUIREMENTS"] == "requirements-cuda.txt"
    assert gpu["environment"]["MAGICROLL_ONNX_PROVIDER"] == "cuda"
    assert gpu["environment"]["DATABASE_URL"] == services["web"]["environment"]["DATABASE_URL"]


def test_the_workers_take_every_queue_between_them(compose: dict[str, Any]) -> None:
    queues = {
        queue
        for name in ("worker-realtime", "worker-bulk")
        for queue in option(compose["services"][name]["command"], "--queues").split(",")
    }
    assert queues == {"realtime", "bulk"}


def test_the_health_check_of_a_worker_asks_that_worker(compose: dict[str, Any]) -> None:
    for name in ("worker-realtime", "worker-bulk", "worker-gpu"):
        service = compose["services"][name]
        node = option(service["command"], "--hostname").removesuffix("%h")
        assert f"--destination {node}$$HOSTNAME" in service["healthcheck"]["test"][1], name


def test_secrets_must_be_set_and_are_not_written_down(compose: dict[str, Any]) -> None:
    environment = compose["services"]["web"]["environment"]
    for name, variable in (("MAGICROLL_SECRET_KEY",) * 2, ("DATABASE_URL", "POSTGRES_PASSWORD")):
        assert f"${{{variable}:?" in environment[name]


def test_our_containers_may_do_little(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["volumes"] == ["data:/data"]


def test_web_is_published_to_this_machine_only_unless_asked(compose: dict[str, Any]) -> None:
    assert compose["services"]["web"]["ports"] == ["${MAGICROLL_PUBLISH:-127.0.0.1:8000}:8000"]
    for name in ("postgres", "redis"):
        assert "ports" not in compose["services"][name]


def test_every_volume_is_declared(compose: dict[str, Any]) -> None:
    used = {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
    }
    assert used == set(compose["volumes"])


def test_every_setting_in_the_compose_file_is_one_that_the_code_reads(compose: dict[str, Any]) -> None:
    settings = (ROOT / "magicroll" / "settings.py").read_text()
    for name in OURS:
        for variable in compose["services"][name]["environment"]:
            assert f'"{variable}"' in settings, variable


def test_the_image_has_two_stages_of_the_same_python_and_runs_as_nobody_special(
    dockerfile: list[str],
) -> None:
    build, final = stages(dockerfile)
    assert build[0] == "FROM python:3.11-slim AS build"
    assert final[0] == "FROM python:3.11-slim"
    users = [line for line in final if line.startswith("USER ")]
    assert users == ["USER 10001"]
    assert final.index("USER 10001") < next(i for i, line in enumerate(final) if line.startswith("CMD"))
    assert not any(line.startswith("RUN pip") for line in final)


def test_the_image_has_a_health_check(dockerfile: list[str]) -> None:
    assert any(line.startswith("HEALTHCHECK") and "/healthz" in line for line in dockerfile)


def test_what_the_image_copies_exists_and_is_let_through(dockerfile: list[str]) -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for line in dockerfile
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_no_key_is_left_in_the_final_stage(dockerfile: list[str]) -> None:
    assert not any("SECRET_KEY" in line for line in stages(dockerfile)[1])


@pytest.mark.parametrize(
    "name", ["Dockerfile", "docker-compose.yml", *sorted(p.name for p in ROOT.glob("requirements*"))]
)
def test_no_package_index_is_named(name: str) -> None:
    assert not re.search(
        r"index-url|extra-index|find-links|https?://[^ ]*(simple|pypi)", (ROOT / name).read_text()
    )


def test_cuda_requirements_are_the_ordinary_ones_and_more() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = (line.split(" ;")[0] for line in (ROOT / name).read_text().splitlines())
        return dict(line.split("==") for line in lines if "==" in line)

    ordinary, cuda = pins("requirements.txt"), pins("requirements-cuda.txt")
    assert ordinary.items() <= cuda.items()
    assert {"nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-cuda-runtime"} <= set(cuda)


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]
