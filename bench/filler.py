"""A worker of the bulk stream without Celery, for the benches that start it: gets ready, waits for a line, fills."""

import os
import sys
import time
from pathlib import Path

import django


def main() -> None:
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder has a `tagging` too
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicroll.settings")
    django.setup()
    from tagging.models import CorpusRefill
    from tagging.refill.filling import fill_some
    from tagging.taggers import tagger_for
    from tagging.tasks import FILL_SLICE_S

    tagger_for(int(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    while CorpusRefill.objects.filter(state__in=CorpusRefill.OPEN).exists():
        if not fill_some(time.monotonic() + FILL_SLICE_S):
            time.sleep(0.02)


if __name__ == "__main__":
    main()
