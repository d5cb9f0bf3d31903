"""The encoders that the whole suite shares: installed once, kept between runs."""

from functools import cache
from pathlib import Path

MODELS = Path(__file__).resolve().parents[1] / ".cache" / "models"


@cache
def installed_models() -> Path:
    """Return the folder with every encoder in it, installing what is missing or damaged."""
    from tagging.ml.install import install
    from tagging.ml.registry import ENCODERS

    for spec in ENCODERS.values():
        install(spec, MODELS)
    return MODELS
