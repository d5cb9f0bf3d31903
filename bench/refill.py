"""Images per second of an encoder change, Lite0 to Lite2, beside ONNX Runtime alone on ready tensors.

Ours: a refill of real photos' stored pictures through `filling.fill_some`: leases, files, decoding, inference,
scoring, commits, chunk by chunk, in the slices that the worker's task has. Raw: the new network on the same pictures as
tensors in memory, same threads, the faster of two set-ups (bench/tagging.py). Interleaved; medians.
"""

import argparse
import os
import time
from typing import TYPE_CHECKING

from common import report, start
from raw import compared, stored_photos

if TYPE_CHECKING:
    from magicroll.models import User
    from tagging.models import Release

FROM, TO = "efficientnet-lite0", "efficientnet-lite2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--provider", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    args = parser.parse_args()
    os.environ["MAGICROLL_ONNX_PROVIDER"] = args.provider
    start(args.database)
    owner, photos = stored_photos(args.photos)
    begin_with(owner)
    metrics = compared(
        photos, args.provider, args.rounds, lambda: refill(owner), lambda: take_back(owner, len(photos))
    )
    report("refill", metrics | {"database": args.database.split(":")[0]})


def release_of(encoder: str) -> "Release":
    from tagging.models import Release

    return Release.objects.get(encoder__name=encoder)


def begin_with(owner: "User") -> None:
    """Tag everything with the old release."""
    from tagging.models import Corpus, Outstanding
    from tagging.refill import orders

    Corpus.objects.filter(owner=owner).update(active=release_of(FROM))
    Outstanding.objects.all().delete()
    orders.start(None, release_of(FROM), [owner])
    fill()


def refill(owner: "User") -> None:
    """Bring the corpus to the new release: from the order to the switch."""
    from tagging.refill import orders

    orders.start(None, release_of(TO), [owner])
    fill()


def take_back(owner: "User", photos: int) -> None:
    """See that all is done, then make everything as it was before."""
    from django.utils import timezone

    from tagging.models import Annotation, Corpus, Embedding
    from tagging.refill import cleaning, orders

    new = release_of(TO)
    assert Corpus.objects.get(owner=owner).active_id == new.pk
    assert Annotation.objects.filter(owner=owner, release=new).count() == photos
    assert Embedding.objects.filter(owner=owner, encoder=new.encoder_id).count() == photos
    orders.roll_back(None, owner)
    Corpus.objects.filter(owner=owner).update(previous_until=timezone.now())
    cleaning.clean_some(float("inf"))


def fill() -> None:
    """Work as the worker's task does, slice after slice."""
    from tagging.models import CorpusRefill
    from tagging.refill.filling import fill_some
    from tagging.tasks import FILL_SLICE_S

    while fill_some(time.monotonic() + FILL_SLICE_S):
        pass
    assert not CorpusRefill.objects.filter(state__in=CorpusRefill.OPEN).exists()


if __name__ == "__main__":
    main()
