"""12-megapixel JPEGs per second from bytes to stored files and row, beside the bare work on the pixels.

Ours: bytes to a temporary file, hash, sandboxed decoder, original, preview and thumbnail to the storage
(synced to the disk), one transaction. Raw: decode, both resizes and both encodes as imaging/process.py does
them, bytes to bytes, in threads of this process (Pillow lets go of the interpreter). Interleaved; medians,
one and two photos at a time.
"""

import argparse
import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import DATA, median, real_photos, report, start, timed
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from magicroll.models import User

SIZE = (4000, 3000)
AT_A_TIME = (1, 2)
_numbers = count()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    args = parser.parse_args()
    start(args.database)
    from magicroll.models import User
    from tagging.services import open_corpus

    user = User.objects.create_user("bench")
    open_corpus(user)
    photos = [large(path) for path in real_photos(args.photos)]
    metrics: dict[str, object] = {}
    for threads in reversed(AT_A_TIME):  # the number without a suffix is that of the default setting, two
        ours, raw = measure(lambda data: take_in(user, data), bare, photos, threads, args.rounds)
        suffix = "" if threads == max(AT_A_TIME) else f"_{threads}_at_a_time"
        metrics[f"photos_per_s{suffix}"] = median(ours)
        metrics[f"raw_photos_per_s{suffix}"] = median(raw)
        metrics[f"ratio{suffix}"] = median([mine / bare_ for mine, bare_ in zip(ours, raw, strict=True)])
    megabytes = sum(map(len, photos)) / len(photos) / 1e6
    report("ingest", metrics | {"mean_mb": megabytes, "database": args.database.split(":")[0]})


def large(path: Path) -> bytes:
    """Enlarge a photo to 12 megapixels and give it the noise of a sensor, which enlarging lacks."""
    with Image.open(path) as image:
        pixels = np.asarray(ImageOps.fit(image.convert("RGB"), SIZE), dtype=np.float32)
    noisy = pixels + np.random.default_rng(1).standard_normal(pixels.shape, np.float32) * 2.5
    out = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def measure(
    ours: Callable[[bytes], None],
    raw: Callable[[bytes], None],
    photos: list[bytes],
    threads: int,
    rounds: int,
) -> tuple[list[float], list[float]]:
    """Return photos per second of each round; the first round, which starts decoders, is left out."""
    rates: tuple[list[float], list[float]] = ([], [])
    with ThreadPoolExecutor(threads, initializer=_in_thread) as pool:
        for round_ in range(rounds + 1):
            for act, found in zip((ours, raw), rates, strict=True):
                seconds = timed(lambda act=act: list(pool.map(act, photos)))
                if round_:
                    found.append(len(photos) / seconds)
    return rates


def _in_thread() -> None:
    from django.db import connection

    connection.ensure_connection()


def take_in(user: "User", data: bytes) -> None:
    """Do what the web process does with a received body."""
    from magicroll import intake

    number = next(_numbers)
    data += number.to_bytes(8, "big")  # behind the end marker: the same picture, another hash
    path = DATA / "incoming" / f"bench-{number}"
    path.write_bytes(data)
    sent = intake.StoredUpload(str(path), f"{number}.jpg", hashlib.sha256(data).digest(), len(data))
    outcome = intake.store_upload(user, sent, hint=False)
    path.unlink()
    assert outcome.kind == intake.OutcomeKind.STORED, outcome.message


def bare(data: bytes) -> None:
    """Make the same two JPEGs with the chosen recipe (docs/adr/0003-decode-recipe.md) and nothing around it."""
    from magicroll.imaging.picture import PREVIEW_PX, THUMB_PX, Size, fit
    from magicroll.imaging.process import PREVIEW_JPEG, RESAMPLING, THUMB_JPEG

    with Image.open(io.BytesIO(data)) as image:
        size = Size(*image.size)
        box, small = fit(size, PREVIEW_PX), fit(size, THUMB_PX)
        image.draft(None, (box.width, box.height))
        preview = image.resize((box.width, box.height), RESAMPLING, reducing_gap=3.0)
    thumb = preview.resize((small.width, small.height), RESAMPLING)
    preview.save(io.BytesIO(), "JPEG", **PREVIEW_JPEG)
    thumb.save(io.BytesIO(), "JPEG", **THUMB_JPEG)


if __name__ == "__main__":
    main()
