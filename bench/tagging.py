"""Images per second through the worker's whole path, beside ONNX Runtime alone on ready tensors.

Ours: lease outstanding photos, read and decode their stored previews, infer, score, commit. Raw: the same
network on the same pictures as tensors in memory, same threads, the faster of two set-ups (one session with
all threads, or one single-threaded session called from as many Python threads). Interleaved; medians.
"""

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from common import MODELS, median, real_photos, report, start, store, timed

if TYPE_CHECKING:
    from magicroll.models import Photo, User


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--provider", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--database", default="sqlite")
    args = parser.parse_args()
    os.environ["MAGICROLL_ONNX_PROVIDER"] = args.provider
    start(args.database)
    owner, photos = stored_photos(args.photos)
    raws = raw_runs(photos, args.provider)
    ours, raw = [], {name: [] for name in raws}
    for round_ in range(args.rounds + 1):  # the first warms up
        seconds = {name: timed(run) for name, run in raws.items()}
        mine = whole_path(owner, photos)
        if round_:
            ours.append(len(photos) / mine)
            for name, taken in seconds.items():
                raw[name].append(len(photos) / taken)
    best = max(raw, key=lambda name: median(raw[name]))
    report(
        "tagging",
        {
            "images_per_s": median(ours),
            "raw_images_per_s": median(raw[best]),
            "ratio": median([mine / bare for mine, bare in zip(ours, raw[best], strict=True)]),
            "raw_setup": best,
            "provider": args.provider,
            "database": args.database.split(":")[0],
            "photos": len(photos),
        },
    )


def stored_photos(n: int) -> "tuple[User, list[Photo]]":
    """Take real photos in as uploads, each under its own hash."""
    from magicroll.models import User
    from tagging.services import open_corpus

    user = User.objects.create_user("bench")
    open_corpus(user)
    return user, [store(user, path, number) for number, path in enumerate(real_photos(n))]


def whole_path(owner: "User", photos: "list[Photo]") -> float:
    """Return the seconds to annotate all photos again."""
    from tagging import services
    from tagging.models import Annotation, Outstanding
    from tagging.services import corpus_change, needs_tags

    with corpus_change(owner.pk) as change:
        change.touch([photo.id for photo in photos])
        Annotation.objects.filter(owner=owner).delete()
        needs_tags(change, [photo.id for photo in photos])

    def drain() -> None:
        while services.annotate_some(owner.pk):
            pass

    seconds = timed(drain)
    assert not Outstanding.objects.exists()
    assert Annotation.objects.filter(owner=owner).count() == len(photos)
    return seconds


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


if __name__ == "__main__":
    main()
