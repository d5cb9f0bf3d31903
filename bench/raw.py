"""ONNX Runtime alone on ready tensors, beside a whole path over the same photos. Import common first."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common import MODELS, median, real_photos, store

if TYPE_CHECKING:
    from magicroll.models import Photo, User


def stored_photos(n: int) -> "tuple[User, list[Photo]]":
    """Take real photos in as uploads, each under its own hash."""
    from magicroll.models import User
    from tagging.services import open_corpus

    user = User.objects.create_user("bench")
    open_corpus(user)
    return user, [store(user, path, number) for number, path in enumerate(real_photos(n))]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and of this process's processor time."""

    wall: float
    cpu: float


def clocked(act: Callable[[], object]) -> Took:
    """Return what something takes."""
    began, cpu_began = time.perf_counter(), time.process_time()
    act()
    return Took(time.perf_counter() - began, time.process_time() - cpu_began)


def compared(
    photos: "list[Photo]",
    provider: str,
    rounds: int,
    whole_path: Callable[[], object],
    restore: Callable[[], object],
) -> dict[str, object]:
    """Run the bare network and the whole path in turn; return medians and their ratio.

    restore: makes the whole path's work undone, unclocked. cpu_ratio: the same of processor time, which other load
    on the machine changes less.
    """
    raws = raw_runs(photos, provider)
    ours: list[Took] = []
    raw: dict[str, list[Took]] = {name: [] for name in raws}
    for round_ in range(rounds + 1):  # the first warms up
        seconds = {name: clocked(run) for name, run in raws.items()}
        mine = clocked(whole_path)
        restore()
        if round_:
            ours.append(mine)
            for name, taken in seconds.items():
                raw[name].append(taken)
    best = min(raw, key=lambda name: median([took.wall for took in raw[name]]))
    pairs = list(zip(ours, raw[best], strict=True))
    return {
        "images_per_s": median([len(photos) / took.wall for took in ours]),
        "raw_images_per_s": median([len(photos) / took.wall for took in raw[best]]),
        "ratio": median([bare.wall / mine.wall for mine, bare in pairs]),
        "cpu_ratio": median([bare.cpu / mine.cpu for mine, bare in pairs]),
        "raw_setup": best,
        "provider": provider,
        "photos": len(photos),
    }


def raw_runs(photos: "list[Photo]", provider: str) -> dict[str, Callable[[], None]]:
    """Return the ways to run the bare network over the same pictures, as functions."""
    import numpy as np
    from django.core.files.storage import default_storage

    from tagging.ml.efficientnet import EMBEDDING, INPUT
    from tagging.ml.install import installed_path
    from tagging.ml.pipeline import BATCH_SIZES
    from tagging.ml.preprocess import load_rgb
    from tagging.ml.registry import ENCODERS
    from tagging.ml.session import open_session, usable_cores

    spec = ENCODERS["efficientnet-lite2"]
    path = installed_path(spec, MODELS)
    files = [default_storage.open(photo.thumbnail_file) for photo in photos]
    images = np.stack([load_rgb(file.read(), spec.input_px) for file in files])
    size = BATCH_SIZES[provider]
    batches = [images[i : i + size] for i in range(0, len(images), size)]
    cores = usable_cores()
    wide, narrow = open_session(path, provider, cores), open_session(path, provider, 1)

    def one_session() -> None:
        for batch in batches:
            wide.run([EMBEDDING], {INPUT: batch})

    def many_threads() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(lambda batch: narrow.run([EMBEDDING], {INPUT: batch}), batches))

    return {f"1 session x {cores} threads": one_session, f"{cores} calls x 1 thread": many_threads}
