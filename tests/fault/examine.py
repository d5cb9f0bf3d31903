"""Look at an installation from inside, in a process with its environment: `python -m tests.fault.examine ACT`.

`report` prints what is where as JSON; `sweep` lets a minute pass and sends the sweep; `tidy` lets hours pass.
`refill ENCODER` orders a refill of everybody, `refills` prints how far it is, `picture ID` names the file that a
release reads, `expire IDS` lets leases of chunks run out. `many COUNT` makes photos without files, `operated` prints
how far the latest operation is, `forget_operator` lets its lease run out.
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
from magicroll.models import Operation, Photo, UnclaimedFile, User  # noqa: E402
from magicroll.snapshot import snapshot  # noqa: E402
from magicroll.tasks import operate_on_all  # noqa: E402
from tagging import tasks  # noqa: E402
from tagging.ml.preprocess import WorkingPicture, working_picture  # noqa: E402
from tagging.models import Annotation, Chunk, Corpus, CorpusRefill, Outstanding, Release  # noqa: E402
from tagging.refill import orders  # noqa: E402
from tagging.services import corpus_change, open_corpus  # noqa: E402
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


def person(name: str) -> None:
    """Make an account without photos."""
    open_corpus(User.objects.create_user(name))


def refill(encoder: str) -> None:
    """Bring everybody to the first release with a network."""
    release = Release.objects.filter(encoder__name=encoder).order_by("id")[0]
    orders.start(None, release, User.objects.filter(corpus__isnull=False))
    tasks.hint_refill()


def refills() -> dict[str, Any]:
    """Say how far the refill is, without a look at any file."""
    new = CorpusRefill.objects.latest("id").refill.release
    said = Annotation.objects.filter(release=new)
    todo = Outstanding.objects.filter(release=new)
    return {
        "corpora": {
            one.owner.username: {
                "state": one.state,
                "total": one.total,
                "done": one.done,
                "redone": one.redone,
            }
            for one in CorpusRefill.objects.select_related("owner")
        },
        "encoders": {one.owner.username: one.active.encoder.name for one in Corpus.objects.all()},
        "chunks": list(Chunk.objects.order_by("id").values_list("id", "first", "last")),
        "said": dict(said.values_list("photo_id", "stream")),
        "said_before": Annotation.objects.exclude(release=new).count(),
        "tried": dict(todo.filter(set_aside_reason="").values_list("photo_id", "attempts")),
        "set_aside": dict(todo.exclude(set_aside_reason="").values_list("photo_id", "set_aside_reason")),
    }


def picture(photo_id: str) -> str:
    """Name the file that the smaller network reads of a photo."""
    photo = Photo.objects.get(pk=photo_id)
    small = working_picture(photo.width, photo.height, 224) == WorkingPicture.THUMBNAIL
    return photo.thumbnail_file if small else photo.preview_file


def expire(ids: str) -> None:
    """Let the leases of chunks whose workers were killed run out."""
    Chunk.objects.filter(id__in=ids.split(",")).update(claimed_until=timezone.now() - timedelta(seconds=1))


def many(count: str) -> None:
    """Give the first person photos that have no files and need no tags."""
    user, now = User.objects.order_by("id")[0], timezone.now()
    with corpus_change(user.pk) as change:
        photos = Photo.objects.bulk_create(
            [
                Photo(
                    owner=user, name=f"{n}.jpg", name_folded=f"{n}.jpg", sha256=hashlib.sha256(b"%d" % n).digest(),
                    byte_size=1, kind="jpeg", width=4, height=3, taken_from="exif", taken_at=now - timedelta(hours=n),
                )
                for n in range(int(count))
            ],
            batch_size=1000,
        )  # fmt: skip
        change.born([photo.pk for photo in photos])
        said = {"owner": user, "release_id": change.corpus.active_id, "revision": 1, "stream": "bulk"}
        Annotation.objects.bulk_create(
            [Annotation(photo=photo, tag_ids=b"", scores=b"", **said) for photo in photos], batch_size=1000
        )


def operated() -> dict[str, Any]:
    """Say how far the latest operation is, and how many photos are in the trash."""
    with snapshot():
        latest = Operation.objects.latest("id")
        facts = {name: getattr(latest, name) for name in ("id", "state", "seen", "changed", "put_back")}
        return facts | {"trashed": Photo.objects.exclude(trashed_at=None).count()}


def forget_operator() -> None:
    """Let the lease of a killed worker run out, and have the scheduler's task run."""
    Operation.objects.exclude(claimed_until=None).update(claimed_until=timezone.now() - timedelta(seconds=1))
    operate_on_all.delay()


def wrong_rows() -> list[str]:
    """Say where what readers see differs from a recompute."""
    return [fault for user in User.objects.all() for fault in differences(user.pk)]


ACTS = (
    report,
    many,
    operated,
    forget_operator,
    wrong_rows,
    sweep,
    tidy,
    person,
    refill,
    refills,
    picture,
    expire,
)

if __name__ == "__main__":
    answer = {act.__name__: act for act in ACTS}[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps(answer) + "\n")
