"""What bench/upload.py does to its installation beside the web: a roll to refill, the order, how far it is.

refilling.py prepare PHOTOS PICTURE...   give the one account PHOTOS that share the pictures, on the first network
refilling.py order                       re-tag it with the other one
refilling.py done                        print how many photos the refill is through with
"""

import hashlib
import os
import sys
from pathlib import Path

import django


def main() -> None:
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder has a `tagging` too
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicroll.settings")
    django.setup()
    act, *rest = sys.argv[1:]
    if act == "prepare":
        prepare(int(rest[0]), [Path(name) for name in rest[1:]])
    elif act == "order":
        order()
    else:
        print(done())


def prepare(n: int, files: list[Path]) -> None:
    """Fill the roll; what its release says about the photos does not matter here, so it says nothing."""
    import numpy as np

    from magicroll.models import Photo, User
    from tagging import pointers
    from tagging.models import Corpus, Outstanding, Release, Stream
    from tagging.writer import NewAnnotation, corpus_change, store_annotations

    user = User.objects.get()
    new = Corpus.objects.get(owner=user).active
    old = Release.objects.exclude(pk=new.pk).get()
    pictures = [stored(user, file) for file in dict.fromkeys(files)]
    with corpus_change(user.pk) as change:
        photos = Photo.objects.bulk_create(
            [another(pictures[number % len(pictures)], number) for number in range(n - len(pictures))]
        )
        change.born([photo.id for photo in photos])
    Outstanding.objects.all().delete()
    nothing = (np.zeros(1280, np.float16), np.empty(0, np.int32), np.empty(0, np.float32))
    everything = [NewAnnotation(photo.id, photo.revision, *nothing) for photo in [*pictures, *photos]]
    pointers.begin(user.pk, old.pk)
    store_annotations(user.pk, old.pk, Stream.BULK, everything)
    pointers.switch(user.pk, old.pk)


def stored(user, file: Path):
    """Take a photo in as an upload does."""
    from django.conf import settings

    from magicroll import intake

    data = file.read_bytes()
    copy = Path(settings.FILE_UPLOAD_TEMP_DIR) / file.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(data)
    sent = intake.StoredUpload(str(copy), file.name, hashlib.sha256(data).digest(), len(data))
    outcome = intake.store_upload(user, sent, hint=False)
    copy.unlink()
    assert outcome.photo is not None, outcome.message
    return outcome.photo


def another(photo, number: int):
    """Return a photo that shares another one's files."""
    from magicroll.models import Photo

    facts = {
        name: getattr(photo, name)
        for name in ("owner", "key", "kind", "width", "height", "taken_at", "taken_from")
    }
    return Photo(
        **facts,
        sha256=number.to_bytes(32, "big"),
        name=photo.name,
        name_folded=photo.name_folded,
        byte_size=1,
    )


def order() -> None:
    from magicroll.models import User
    from tagging.refill import orders
    from tagging.releases import default_release
    from tagging.tasks import hint_refill

    orders.start(None, default_release(), User.objects.all())
    hint_refill()


def done() -> int:
    from tagging.models import CorpusRefill

    return CorpusRefill.objects.get().done


if __name__ == "__main__":
    main()
