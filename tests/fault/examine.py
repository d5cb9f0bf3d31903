"""Look at an installation from inside, in a process with its environment: `python -m tests.fault.examine ACT`.

`report` prints what is where as JSON; `sweep` lets a minute pass and sends the sweep; `tidy` lets hours pass.
"""

import hashlib
import io
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicroll.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.files.storage import default_storage  # noqa: E402
from django.utils import timezone  # noqa: E402
from PIL import Image  # noqa: E402

from magicroll import storage  # noqa: E402
from magicroll.models import Photo, UnclaimedFile, User  # noqa: E402
from tagging import tasks  # noqa: E402
from tagging.models import Annotation, Corpus, Outstanding  # noqa: E402
from tagging.verify import differences  # noqa: E402


def report() -> dict[str, Any]:
    """Say what there is, and everything that is wrong with it."""
    photos = list(Photo.objects.all())
    claimed = {name for photo in photos for name in photo.files}
    root = Path(settings.MEDIA_ROOT)
    stored = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    annotated = set(Annotation.objects.values_list("photo_id", flat=True))
    return {
        "photos": {
            photo.sha256.hex(): {
                "id": photo.pk,
                "state": photo.state,
                "annotated": photo.pk in annotated,
                "wrong": [fault for name in photo.files if (fault := _fault(photo, name))],
            }
            for photo in photos
        },
        "missing": sorted(claimed - stored),
        "unclaimed": sorted(stored - claimed),
        "noted": sorted(UnclaimedFile.objects.values_list("name", flat=True)),
        "outstanding": list(Outstanding.objects.values_list("photo_id", "attempts", "set_aside_reason")),
        "differences": [fault for user in User.objects.all() for fault in differences(user.pk)],
        "versions": {corpus.pk: corpus.version for corpus in Corpus.objects.all()},
    }


def _fault(photo: Photo, name: str) -> str:
    """Say what is wrong with a file of a photo: its bytes for the original, its pixels for the others."""
    with default_storage.open(name) as file:
        content = file.read()
    if name == photo.original_file:
        whole = hashlib.sha256(content).digest() == bytes(photo.sha256) and len(content) == photo.byte_size
        return "" if whole else "the original is not what was sent"
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except OSError as error:
        return f"{name}: {error}"
    return ""


def sweep() -> None:
    """Let the leases of killed workers run out, and have the scheduler's task run."""
    Outstanding.objects.exclude(claimed_until=None).update(
        claimed_until=timezone.now() - timedelta(seconds=1)
    )
    Corpus.objects.update(swept_version=0)
    tasks.sweep.delay()


def tidy() -> None:
    """Have the hourly tidying find everything old enough."""
    UnclaimedFile.objects.update(since=timezone.now() - 2 * storage.UNCLAIMED_FOR)
    storage.discard_stale()


if __name__ == "__main__":
    answer = {"report": report, "sweep": sweep, "tidy": tidy}[sys.argv[1]]()
    sys.stdout.write(json.dumps(answer) + "\n")
