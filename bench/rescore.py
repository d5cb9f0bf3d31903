"""A vocabulary change over stored embeddings, from the order to the switch: no image is opened.

The photos are made up, their embeddings lie close to those of real photos, so that they have real photos' tags.
Worker processes fill as Celery's do, without Celery; the clock runs from the order to the last corpus's switch.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from common import median, real_photos, report, start, store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from magicroll.models import User
    from tagging.models import Release

WORKER = Path(__file__).with_name("filler.py")
NOISE = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    args = parser.parse_args()
    start(args.database)
    import synthetic

    synthetic.NOISE = NOISE
    user = synthetic.build(args.photos, real_embeddings()).user
    seconds = []
    for round_ in range(args.rounds):
        release = vocabulary_change(round_)
        synthetic.settle()
        seconds.append(rescored(user, release, args.workers))
        print(f"round {round_}: {seconds[-1]:.2f} s", file=sys.stderr)
        clean_up(user)
    report(
        "rescore",
        {
            "photos": args.photos,
            "seconds": median(seconds),
            "photos_per_s": args.photos / median(seconds),
            "rows_per_photo": rows_per_photo(user),
            "workers": args.workers,
            "database": args.database.split(":")[0],
        },
    )


def real_embeddings() -> "NDArray[np.float32]":
    """Return what the default release's network makes of real photos: float32 [n, d]."""
    import numpy as np
    from django.core.files.storage import default_storage

    from magicroll.models import User
    from tagging.ml.preprocess import load_rgb
    from tagging.releases import default_release
    from tagging.services import open_corpus
    from tagging.taggers import tagger_for

    encoder = tagger_for(default_release().pk).encoder
    someone = User.objects.create_user("real")
    open_corpus(someone)
    photos = [store(someone, path) for path in dict.fromkeys(real_photos(83))]
    files = [default_storage.open(photo.thumbnail_file).read() for photo in photos]
    embeddings = encoder.encode(np.stack([load_rgb(file, encoder.spec.input_px) for file in files]))
    someone.delete()
    return embeddings


def vocabulary_change(number: int) -> "Release":
    """Register the default network with other thresholds, and under names that make it another vocabulary."""
    from dataclasses import replace

    from tagging.ml.registry import DEFAULT_ENCODER, ENCODERS
    from tagging.releases import default_release, register_release, release_tags

    whole = release_tags(default_release().pk).vocabulary
    tags = tuple(
        replace(tag, thresholds={name: 0.95 * value for name, value in tag.thresholds.items()})
        for tag in whole.tags
    )
    changed = replace(whole, name=f"lower-{number}", tags=tags)
    return register_release(ENCODERS[DEFAULT_ENCODER], changed, default=False)


def rescored(user: "User", release: "Release", workers: int) -> float:
    """Order the change, have workers do it; return the seconds from the order to the switch."""
    from tagging.models import Annotation, Corpus, CorpusRefill
    from tagging.refill import orders
    from tagging.verify import differences

    command = [sys.executable, str(WORKER), str(release.pk)]
    crew = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(workers)]
    for one in crew:
        assert one.stdout is not None
        assert one.stdout.readline(), "a worker did not start"
    refill = orders.start(None, release, [user])
    began = time.perf_counter()
    for one in crew:
        assert one.stdin
        one.stdin.write(b"go\n")
        one.stdin.flush()
    for one in crew:
        assert one.wait() == 0
    seconds = time.perf_counter() - began
    done = CorpusRefill.objects.get(refill=refill)
    assert done.state == CorpusRefill.State.DONE, done.state
    assert Corpus.objects.get(owner=user).active_id == release.pk
    assert Annotation.objects.filter(owner=user, release=release).count() >= done.total
    if done.total <= 20_000:
        assert differences(user.pk) == []
    return seconds


def clean_up(user: "User") -> None:
    """Let the way back end, as a week does."""
    from django.utils import timezone

    from tagging.models import Corpus
    from tagging.refill.cleaning import clean_some

    Corpus.objects.filter(owner=user).update(previous_until=timezone.now())
    clean_some(float("inf"))


def rows_per_photo(user: "User") -> float:
    """Return how many rows of the reverse index a photo has."""
    from magicroll.models import Photo
    from tagging.models import Corpus, PhotoTag

    active = Corpus.objects.get(owner=user).active_id
    rows = PhotoTag.objects.filter(owner=user, release=active).count()
    return rows / Photo.objects.owned_by(user).live().count()


if __name__ == "__main__":
    main()
