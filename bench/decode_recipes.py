"""Compare ways to get a 1600 px preview and a 480 px thumbnail out of a 12-megapixel JPEG.

Every recipe decodes, shrinks twice and encodes two JPEGs (quality 80) from bytes in memory, on one thread.
Rounds are interleaved: each runs all recipes on all photos once. Fidelity is the PSNR against a full decode
and one Lanczos step to each size: of the pixels before encoding, and of the preview as stored. Candidates
that are not installed are left out with a line; they are no dependencies of the project:
    pip install "pyvips[binary]" simplejpeg opencv-python-headless
"""

import argparse
import importlib.util
import io
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

os.environ["VIPS_CONCURRENCY"] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PIL import Image  # noqa: E402

from magicroll.imaging.decoder import DecoderPool  # noqa: E402
from magicroll.imaging.picture import PREVIEW_PX, THUMB_PX, Limits, Size, fit  # noqa: E402
from magicroll.imaging.process import process  # noqa: E402

Filter = Image.Resampling
CHOSEN = "Pillow draft, bicubic; thumb bicubic"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Shrunk:
    preview: Any
    thumb: Any


@dataclass(frozen=True, slots=True)
class Recipe:
    name: str
    shrink: Callable[[bytes], Shrunk]
    encode: Callable[[Any], bytes]
    pixels: Callable[[Any], Pixels]


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Mean PSNR over the photos, in dB: pixels before encoding, and the preview as stored."""

    preview: float
    thumb: float
    stored: float

    def rounded(self) -> list[float | None]:
        """One decimal each; None where nothing differs (JSON has no infinity)."""
        return [round(value, 1) if math.isfinite(value) else None for value in astuple(self)]


def box(size: Size, longest_px: int) -> tuple[int, int]:
    fitted = fit(size, longest_px)
    return fitted.width, fitted.height


def pillow_full(data: bytes) -> Shrunk:
    image = Image.open(io.BytesIO(data))
    size = Size(*image.size)
    image.load()
    return Shrunk(
        image.resize(box(size, PREVIEW_PX), Filter.LANCZOS), image.resize(box(size, THUMB_PX), Filter.LANCZOS)
    )


def pillow_draft(preview_by: Filter, thumb_by: Filter, thumb_gap: float | None) -> Callable[[bytes], Shrunk]:
    def shrink(data: bytes) -> Shrunk:
        image = Image.open(io.BytesIO(data))
        size = Size(*image.size)
        image.draft(None, box(size, PREVIEW_PX))
        preview = image.resize(box(size, PREVIEW_PX), preview_by)
        return Shrunk(preview, preview.resize(box(size, THUMB_PX), thumb_by, reducing_gap=thumb_gap))

    return shrink


def pillow_encode(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def pillow_recipes() -> list[Recipe]:
    def recipe(name: str, shrink: Callable[[bytes], Shrunk]) -> Recipe:
        return Recipe(name, shrink, pillow_encode, np.asarray)

    return [
        recipe("Pillow full, Lanczos twice", pillow_full),
        recipe("Pillow draft, Lanczos; thumb Lanczos", pillow_draft(Filter.LANCZOS, Filter.LANCZOS, None)),
        recipe("Pillow draft, Lanczos; thumb bicubic", pillow_draft(Filter.LANCZOS, Filter.BICUBIC, None)),
        recipe("Pillow draft, Lanczos; thumb reduce", pillow_draft(Filter.LANCZOS, Filter.LANCZOS, 1.0)),
        recipe("Pillow draft, bicubic; thumb bicubic", pillow_draft(Filter.BICUBIC, Filter.BICUBIC, None)),
        recipe("Pillow draft, bicubic; thumb Lanczos", pillow_draft(Filter.BICUBIC, Filter.LANCZOS, None)),
    ]


def vips_recipes() -> list[Recipe]:
    import pyvips

    def shrink(data: bytes) -> Shrunk:
        preview = pyvips.Image.thumbnail_buffer(
            data, PREVIEW_PX, height=PREVIEW_PX, size="down"
        ).copy_memory()
        return Shrunk(preview, preview.thumbnail_image(THUMB_PX, height=THUMB_PX, size="down"))

    return [
        Recipe(
            "pyvips thumbnail, thumb from preview",
            shrink,
            lambda image: bytes(image.jpegsave_buffer(Q=80, keep="none")),
            lambda image: np.asarray(image.numpy()),
        )
    ]


def opencv_recipes() -> list[Recipe]:
    import cv2

    cv2.setNumThreads(1)

    def shrink(data: bytes) -> Shrunk:
        image = Image.open(io.BytesIO(data))
        size = Size(*image.size)
        image.draft(None, box(size, PREVIEW_PX))
        preview = cv2.resize(np.asarray(image), box(size, PREVIEW_PX), interpolation=cv2.INTER_AREA)
        return Shrunk(preview, cv2.resize(preview, box(size, THUMB_PX), interpolation=cv2.INTER_AREA))

    return [
        Recipe(
            "Pillow draft, OpenCV area",
            shrink,
            lambda pixels: pillow_encode(Image.fromarray(pixels)),
            np.asarray,
        )
    ]


def simplejpeg_recipes() -> list[Recipe]:
    import cv2
    import simplejpeg

    cv2.setNumThreads(1)

    def shrink(data: bytes) -> Shrunk:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        size = Size(width, height)
        wide, high = box(size, PREVIEW_PX)
        decoded = simplejpeg.decode_jpeg(data, min_height=high, min_width=wide)
        preview = cv2.resize(decoded, (wide, high), interpolation=cv2.INTER_AREA)
        return Shrunk(preview, cv2.resize(preview, box(size, THUMB_PX), interpolation=cv2.INTER_AREA))

    def encode(pixels: Pixels) -> bytes:
        return bytes(simplejpeg.encode_jpeg(pixels, quality=80, colorsubsampling="420"))

    return [Recipe("simplejpeg, OpenCV area", shrink, encode, np.asarray)]


def installed_recipes() -> list[Recipe]:
    found = pillow_recipes()
    for needs, recipes in (
        (("pyvips",), vips_recipes),
        (("cv2",), opencv_recipes),
        (("simplejpeg", "cv2"), simplejpeg_recipes),
    ):
        missing = [name for name in needs if importlib.util.find_spec(name) is None]
        if missing:
            print(f"left out {recipes.__name__}: {', '.join(missing)} not installed")
        else:
            found += recipes()
    return found


def make_photos(folder: Path, count: int) -> list[bytes]:
    """Upscale 4:3 photos to 12 megapixels and give them the noise of a sensor, which upscaling lacks."""
    rng = np.random.default_rng(1)
    photos = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            if image.size != (1600, 1200):
                continue
            large = np.asarray(image.convert("RGB").resize((4000, 3000), Filter.LANCZOS), dtype=np.float32)
        noisy = np.clip(large + rng.normal(0, 2.5, large.shape), 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(noisy).save(out, "JPEG", quality=90)
        photos.append(out.getvalue())
        if len(photos) == count:
            return photos
    raise SystemExit(f"{folder} has fewer than {count} JPEGs of 1600 x 1200 pixels")


def psnr(pixels: Pixels, reference: Pixels) -> float:
    """Peak signal-to-noise ratio in dB over all channels."""
    error = np.mean((pixels.astype(np.float64) - reference.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def fidelity(recipe: Recipe, photos: list[bytes]) -> Fidelity:
    previews, thumbs, stored = [], [], []
    for data in photos:
        reference, ours = pillow_full(data), recipe.shrink(data)
        previews.append(psnr(recipe.pixels(ours.preview), np.asarray(reference.preview)))
        thumbs.append(psnr(recipe.pixels(ours.thumb), np.asarray(reference.thumb)))
        with Image.open(io.BytesIO(recipe.encode(ours.preview))) as encoded:
            stored.append(psnr(np.asarray(encoded), np.asarray(reference.preview)))
    return Fidelity(statistics.fmean(previews), statistics.fmean(thumbs), statistics.fmean(stored))


def bare(recipe: Recipe, data: bytes) -> None:
    shrunk = recipe.shrink(data)
    recipe.encode(shrunk.preview)
    recipe.encode(shrunk.thumb)


def measure(jobs: dict[str, Callable[[int], object]], photo_count: int, rounds: int) -> dict[str, float]:
    """Median milliseconds a photo of each job, over interleaved rounds; the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for index in range(photo_count):
            for name, job in jobs.items():
                start = time.perf_counter()
                job(index)
                if turn:
                    times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, default=ROOT.parent / "shared" / "photos" / "roll")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    photos = make_photos(options.photos, options.count)
    recipes = installed_recipes()
    quality = {recipe.name: fidelity(recipe, photos) for recipe in recipes}
    jobs: dict[str, Callable[[int], object]] = {
        recipe.name: lambda index, recipe=recipe: bare(recipe, photos[index])  # type: ignore[misc]
        for recipe in recipes
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = stack.enter_context(DecoderPool(size=1))
        paths = [folder / f"{index}.jpg" for index in range(len(photos))]
        for path, data in zip(paths, photos, strict=True):
            path.write_bytes(data)
        jobs["imaging.process, in this process"] = lambda index: process(paths[index], folder, Limits())
        jobs["imaging.process, in a decoder child"] = lambda index: pool.process(paths[index], folder)
        times = measure(jobs, len(photos), options.rounds)
    report(times, quality, photos)


def report(times: dict[str, float], quality: dict[str, Fidelity], photos: list[bytes]) -> None:
    sizes = ", ".join(f"{len(data) / 1e6:.1f}" for data in photos)
    print(f"{len(photos)} photos of 4000 x 3000 pixels, {sizes} MB\n")
    print(
        "| recipe | ms | preview dB | thumbnail dB | stored preview dB |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for name, elapsed_ms in times.items():
        decibels = (
            " | ".join(str(value or "") for value in quality[name].rounded()) if name in quality else "| |"
        )
        print(f"| {name} | {elapsed_ms:.0f} | {decibels} |")
    chosen = times[CHOSEN]
    metrics = {
        "ms": {name: round(value, 1) for name, value in times.items()},
        "psnr_db": {name: values.rounded() for name, values in quality.items()},
        "ratio_process": round(chosen / times["imaging.process, in this process"], 3),
        "ratio_pool": round(chosen / times["imaging.process, in a decoder child"], 3),
    }
    print(json.dumps({"bench": "decode_recipes", "metrics": metrics}))


if __name__ == "__main__":
    main()
