"""What the similarity index should hold: the full embedding, or which projection of it.

Quality on real photos (never committed): recall@6 of the altered copies of a photo among all others,
agreement with full-dimensional cosine (overlap@10, and the mean cosine lost), and how many of the ten
nearest come from the same class folder. Speed on synthetic vectors: one query, one snapshot, warm.

    .venv/bin/python bench/index_projection.py --photos ../shared/photos --rows 100000
"""

import argparse
import csv
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import common  # puts the project on the path, so before everything else of ours
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from tagging import index
from tagging.index.vectors import encode
from tagging.ml.encoder import Encoder, open_encoder
from tagging.ml.install import install
from tagging.ml.preprocess import load_rgb
from tagging.ml.projection import index_projection
from tagging.ml.registry import ENCODERS

Array = NDArray[np.float32]
BATCH = 32
DIMENSIONS = 1280
SETS = ("similar", "train", "roll", "calib")


@dataclass(frozen=True, slots=True)
class Photos:
    """Files relative to the folder of photos, their embeddings float16 [n, d], group and class or ""."""

    files: list[str]
    embeddings: NDArray[np.float16]
    groups: NDArray[np.str_]
    originals: dict[str, int]
    classes: NDArray[np.str_]

    def of(self, name: str) -> NDArray[np.int64]:
        return np.array([i for i, file in enumerate(self.files) if file.startswith(name + "/")], np.int64)


def main() -> None:
    args = arguments()
    metrics: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = install(ENCODERS[args.encoder], common.MODELS)
        if args.photos.is_dir():
            encoder = open_encoder(ENCODERS[args.encoder], common.MODELS, "cpu", threads=2)
            photos = read_photos(args.photos, encoder, args.embeddings)
            metrics["quality"] = quality(photos, projections(photos, model))
        if args.rows:
            metrics["speed"] = {p: speed(Path(folder), args.rows, p) for p in args.dimensions}
    print(json.dumps({"bench": "index_projection", "metrics": metrics}))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=common.SHARED)
    parser.add_argument("--encoder", choices=sorted(ENCODERS), default="efficientnet-lite2")
    parser.add_argument("--embeddings", type=Path, help="keep the embeddings in this .npz file")
    parser.add_argument("--rows", type=int, default=0, help="also time queries over this many vectors")
    parser.add_argument("--dimensions", type=int, nargs="*", default=[128, 256, 512, 1280])
    return parser.parse_args()


def read_photos(root: Path, encoder: Encoder, cache: Path | None) -> Photos:
    if cache and cache.exists():
        kept = np.load(cache)
        files, embeddings = kept["files"].tolist(), kept["embeddings"]
    else:
        files = [str(p.relative_to(root)) for s in SETS for p in sorted((root / s).rglob("*.jpg"))]
        parts = [encode_files(root, files[i : i + BATCH], encoder) for i in range(0, len(files), BATCH)]
        embeddings = np.concatenate(parts)
        if cache:
            np.savez(cache, files=np.array(files), embeddings=embeddings)
    place = {file: i for i, file in enumerate(files)}
    groups, classes = np.full(len(files), "", "U64"), np.full(len(files), "", "U64")
    originals: dict[str, int] = {}
    for row in table(root / "similar/GROUPS.tsv"):
        file = str((root / "similar" / row["file"]).resolve().relative_to(root.resolve()))
        if row["variant"] == "original":
            originals[row["group"]] = place[file]
        else:
            groups[place[file]] = row["group"]
    for row in table(root / "train/labels.tsv"):
        file, source = f"train/{row['path']}", row["path"].split("/")[0]
        if file in place and source != "imagenet" and row["class"] not in ("", "mixed"):
            classes[place[file]] = f"{source}/{row['class']}"
    return Photos(files, embeddings, groups, originals, classes)


def encode_files(root: Path, files: list[str], encoder: Encoder) -> NDArray[np.float16]:
    images = np.stack([load_rgb(root / file, encoder.spec.input_px) for file in files])
    return encoder.encode(images).astype(np.float16)


def table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def projections(photos: Photos, model: Path) -> dict[str, Callable[[Array], Array]]:
    """Candidates: from unit-length embeddings [n, d] to vectors of any length."""
    learn = encode(photos.embeddings[photos.of("train")[::2]], None)
    mean = learn.mean(axis=0)
    pca = [np.linalg.svd(learn - shift, full_matrices=False)[2].T for shift in (0, mean)]
    tensors = {t.name: t for t in onnx.load(model).graph.initializer}
    classifier = np.linalg.svd(numpy_helper.to_array(tensors["_fc.weight"]), full_matrices=False)[2].T
    noise = np.linalg.qr(np.random.default_rng(0).standard_normal((learn.shape[1], 512)))[0].astype(
        np.float32
    )
    result: dict[str, Callable[[Array], Array]] = {"full": lambda x: x, "full, centred": lambda x: x - mean}
    for p in (512, 256, 128):
        result[f"photo PCA {p}"] = lambda x, p=p: x @ pca[0][:, :p]
        result[f"photo PCA, centred {p}"] = lambda x, p=p: (x - mean) @ pca[1][:, :p]
        result[f"classifier SVD {p}"] = lambda x, p=p: x @ classifier[:, :p]
        result[f"random {p}"] = lambda x, p=p: x @ noise[:, :p]
        if p < 512:
            head = index_projection(model, p)
            assert head is not None
            result[f"head SVD {p}"] = lambda x, head=head: x @ head
    spread = np.linalg.svd(learn - mean, compute_uv=False)[:256] / np.sqrt(len(learn))
    result["photo PCA, centred, whitened 256"] = lambda x: (x - mean) @ (pca[1][:, :256] / spread)
    return result


def quality(photos: Photos, candidates: dict[str, Callable[[Array], Array]]) -> dict[str, dict[str, float]]:
    x = encode(photos.embeddings, None)
    train = photos.of("train")
    asked = np.concatenate([photos.of("roll"), photos.of("calib")[::2], train[1::26]])
    labelled = np.array([i for i in train[1::8] if photos.classes[i]])
    copies = np.flatnonzero(photos.groups != "")
    truth = nearest(x, asked, 10)
    found: dict[str, dict[str, float]] = {}
    for name, project in candidates.items():
        z = encode(project(x), None).astype(np.float16).astype(np.float32)
        mine = nearest(z, asked, 10)
        same = nearest(z, labelled, 10, among=train)
        found[name] = {
            "recall_at_6": recall(photos, z, copies),
            "overlap_at_10": float(
                np.mean([len(set(a) & set(b)) / 10 for a, b in zip(truth, mine, strict=True)])
            ),
            "cosine_lost": cosine(x, asked, truth) - cosine(x, asked, mine),
            "class_at_10": float((photos.classes[same] == photos.classes[labelled][:, None]).mean()),
        }
        print(f"{name:34s}" + "".join(f"  {k} {v:.4f}" for k, v in found[name].items()), flush=True)
    return found


def nearest(
    z: Array, asked: NDArray[np.int64], k: int, among: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    others = np.arange(len(z)) if among is None else among
    scores = z[asked] @ z[others].T
    scores[asked[:, None] == others] = -np.inf
    return others[np.argpartition(-scores, k, axis=1)[:, :k]]


def cosine(x: Array, asked: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    return float(np.einsum("id,ikd->ik", x[asked], x[found]).mean())


def recall(photos: Photos, z: Array, copies: NDArray[np.int64]) -> float:
    """Share of the six other copies among the nearest six; the untouched original is left out."""
    originals = np.array([photos.originals[group] for group in photos.groups[copies]])
    scores = z[copies] @ z.T
    scores[np.arange(len(copies)), copies] = scores[np.arange(len(copies)), originals] = -np.inf
    best = np.argpartition(-scores, 6, axis=1)[:, :6]
    return float((photos.groups[best] == photos.groups[copies][:, None]).mean())


def speed(folder: Path, rows: int, dimensions: int) -> dict[str, float]:
    """Build and query an index of random vectors; tails are given as stored, so they are projected first."""
    rng = np.random.default_rng(0)
    block = rng.random((1000, DIMENSIONS), np.float32).astype(np.float16)
    matrix = np.linalg.qr(rng.standard_normal((DIMENSIONS, dimensions)))[0].astype(np.float32)
    projection = None if dimensions == DIMENSIONS else matrix

    def batches() -> Iterator[index.Batch]:
        for start in range(0, rows, 1000):
            yield index.Batch(np.arange(start, start + 1000), np.roll(block, start // 1000, axis=1))

    started = time.perf_counter()
    snapshot = index.build(
        folder,
        f"d{dimensions}",
        release_sha="bench",
        version=1,
        dimensions=DIMENSIONS,
        batches=batches(),
        projection=projection,
    )
    result = {"build_s": time.perf_counter() - started, "mb": snapshot.manifest.size_bytes / 1e6}
    tails = {n: index.Batch(np.arange(rows, rows + n), block[np.arange(n) % 1000]) for n in (500, 2000)}
    cases: dict[str, Callable[[], object]] = {
        "query_ms": lambda: index.search(snapshot, None, block[7], 24, exclude=[7]),
        "tail_500_ms": lambda: index.search(snapshot, tails[500], block[7], 24, exclude=[7]),
        "tail_2000_ms": lambda: index.search(snapshot, tails[2000], block[7], 24, exclude=[7]),
    }
    times: dict[str, list[float]] = {name: [] for name in [*cases, "query_cpu_ms"]}
    for _ in range(15):
        for name, case in cases.items():
            started, used = time.perf_counter(), time.thread_time()
            case()
            times[name].append((time.perf_counter() - started) * 1e3)
            if name == "query_ms":
                times["query_cpu_ms"].append((time.thread_time() - used) * 1e3)
    result |= {name: statistics.median(taken) for name, taken in times.items()}
    result["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows} x {dimensions}: " + "  ".join(f"{k} {v:.1f}" for k, v in result.items()), flush=True)
    return result


if __name__ == "__main__":
    main()
