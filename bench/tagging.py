"""Images per second through the worker's whole path, beside ONNX Runtime alone on ready tensors.

Ours: lease outstanding photos, read and decode their stored previews, infer, score, commit. Raw: the same
network on the same pictures as tensors in memory, same threads, the faster of two set-ups (one session with
all threads, or one single-threaded session called from as many Python threads). Interleaved; medians.
"""

import argparse
import os
import time
from typing import TYPE_CHECKING

from common import report, start
from raw import compared, stored_photos

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
    forget_tags(owner, photos)
    metrics = compared(
        photos, args.provider, args.rounds, lambda: drain(owner), lambda: forget_tags(owner, photos)
    )
    report("tagging", metrics | {"database": args.database.split(":")[0]})


def forget_tags(owner: "User", photos: "list[Photo]") -> None:
    """Make all photos outstanding again."""
    from tagging.models import Annotation
    from tagging.services import corpus_change, needs_tags

    with corpus_change(owner.pk) as change:
        change.touch([photo.id for photo in photos])
        Annotation.objects.filter(owner=owner).delete()
        needs_tags(change, [photo.id for photo in photos])


def drain(owner: "User") -> None:
    """Annotate all photos, in slices, as the worker's task does."""
    from tagging import services
    from tagging.models import Outstanding
    from tagging.tasks import SLICE_S

    while services.annotate_some(owner.pk, until=time.monotonic() + SLICE_S):
        pass
    assert not Outstanding.objects.exists()


if __name__ == "__main__":
    main()
