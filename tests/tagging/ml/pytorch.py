"""The published networks in PyTorch, as the truth to hold ours against.

Run as a module (`python -m tests.tagging.ml.pytorch`) it writes canonical.npz. Needs torch and
efficientnet-lite-pytorch, which the project itself does not.
"""

from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagging.ml.registry import ENCODERS, EncoderSpec
from tests.tagging.ml.photos import pixels

CANONICAL = Path(__file__).with_name("canonical.npz")
EVERY = 64  # of the embedding's values, each 64th is kept


class Reference:
    def __init__(self, spec: EncoderSpec) -> None:
        from efficientnet_lite_pytorch import EfficientNet

        weights = resources.files(spec.source_package) / spec.source_file
        self.network = EfficientNet.from_pretrained(spec.name, weights_path=str(weights)).eval()

    def run(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embeddings and logits of uint8 [n, px, px, 3]."""
        import torch

        normalised = ((images.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2).copy()
        with torch.no_grad():
            x = torch.from_numpy(normalised)
            return self.network.extract_features(x).mean((2, 3)).numpy(), self.network(x).numpy()


def write_canonical() -> None:
    arrays: dict[str, NDArray[np.generic]] = {}
    for spec in ENCODERS.values():
        embeddings, logits = Reference(spec).run(pixels(spec.input_px))
        arrays[f"{spec.name}.embedding"] = embeddings[:, ::EVERY]
        arrays[f"{spec.name}.top5"] = np.argsort(-logits, axis=1)[:, :5].astype(np.int32)
    np.savez(CANONICAL, **arrays)


if __name__ == "__main__":
    write_canonical()
