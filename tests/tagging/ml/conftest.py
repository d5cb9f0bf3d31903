"""Encoders opened once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tagging.ml.encoder import Encoder, open_encoder
from tagging.ml.registry import ENCODERS, EncoderSpec


@pytest.fixture(params=ENCODERS.values(), ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> EncoderSpec:
    return request.param


@pytest.fixture(scope="session")
def open_once(models_dir: Path) -> Callable[[str], Encoder]:
    return cache(lambda name: open_encoder(ENCODERS[name], models_dir, "cpu"))


@pytest.fixture
def encoder(spec: EncoderSpec, open_once: Callable[[str], Encoder]) -> Encoder:
    """Each installed encoder in turn, on the CPU."""
    return open_once(spec.name)


@pytest.fixture
def lite0(open_once: Callable[[str], Encoder]) -> Encoder:
    """The quickest encoder, where any will do."""
    return open_once("efficientnet-lite0")
