"""People and workers for bench/switch.py, one process each: reader, uploader, worker or sampler.

Prints one JSON line for each thing done, with its beginning on the machine's monotonic clock, until its input ends;
and with how long its process and its database's had to wait for a processor, where Linux tells.
"""

import json
import os
import random
import re
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django

PAUSE_S = {"reader": 0.15, "uploader": 0.7, "worker": 0.1, "sampler": 0.3}
UPLOADED = 150  # more than are uploaded meanwhile


def main() -> None:
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder has a `tagging` too
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magicroll.settings")
    django.setup()
    kind, owner_id, known = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    act = {"reader": reader, "uploader": uploader, "worker": worker, "sampler": sampler}[kind](
        owner_id, known
    )
    act()  # warms up
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], PAUSE_S[kind])[0]:
        began, queued = time.monotonic(), queued_ms()
        said = act()
        line = {"kind": kind, "began": began, "wall_ms": (time.monotonic() - began) * 1000}
        line["queued_ms"] = queued_ms() - queued
        print(json.dumps(line | said), flush=True)


def queued_ms() -> float:
    """Return how long this process and its database's have been ready and without a processor, since they began.

    The second figure of /proc/PID/schedstat (Linux: Documentation/scheduler/sched-stats), in nanoseconds; 0 elsewhere.
    """
    from django.db import connection

    backend = getattr(getattr(connection.connection, "info", None), "backend_pid", None)
    files = [Path(f"/proc/{pid}/schedstat") for pid in ("self", backend) if pid]
    return sum(int(file.read_text().split()[1]) for file in files if file.exists()) / 1e6


def reader(owner_id: int, known: dict) -> Callable[[], dict]:
    """Ask for pages; each must show one release's numbers throughout."""
    client = logged_in(owner_id)
    rng = random.Random(os.getpid())
    tags, photos = known["tags"], known["photos"]

    def read() -> dict:
        page = rng.choice(["roll", "magic", "tag", "search", "similar", "rail"])
        path = {
            "roll": "/",
            "magic": "/magic/",
            "tag": f"/magic/{rng.choice(tags)}/",
            "search": f"/search/?q={rng.choice(tags)}",
            "similar": f"/photo/{rng.choice(photos)}/similar/",
            "rail": "/rail/",
        }[page]
        response = client.get(path)
        assert response.status_code == 200, (path, response.status_code)
        return {"page": page, "releases": releases_on(response.content.decode(), known["counts"])}

    return read


def releases_on(html: str, counts: dict[str, dict[str, int]]) -> list[str]:
    """Tell which release all numbers of a page can come from: of the rail and of the Magic View's shelves."""
    numbers = re.findall(r'id="rail-([\w-]+)" .*?</span><span class="count">([\d,]+)</span>', html)
    numbers += re.findall(r'id="shelf-([\w-]+)"(?:(?!id="shelf-).)*?All ([\d,]+)<', html, re.DOTALL)
    assert numbers, "a page without a rail"
    said = [(slug, int(count.replace(",", ""))) for slug, count in numbers]
    return [
        name
        for name, of_release in counts.items()
        if all(0 <= count - of_release.get(slug, 0) <= UPLOADED for slug, count in said)
    ]


def uploader(owner_id: int, known: dict) -> Callable[[], dict]:
    """Send one small picture after the other, each another one."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = logged_in(owner_id)
    picture = Path(known["picture"]).read_bytes()

    def send() -> dict:
        file = SimpleUploadedFile("bench.jpg", picture + os.urandom(8), "image/jpeg")
        response = client.post("/upload/", {"files": file}, headers={"Accept": "application/json"})
        (outcome,) = response.json()["files"]
        assert outcome["outcome"] == "stored", outcome
        return {}

    return send


def worker(owner_id: int, known: dict) -> Callable[[], dict]:
    """Tag what comes, for every release that the corpus needs."""
    from tagging.services import annotate_some

    return lambda: {"photos": annotate_some(owner_id)}


def sampler(owner_id: int, known: dict) -> Callable[[], dict]:
    """Count the photos that the active release says something about, of those there at the start."""
    from django.db import connection

    from magicroll.snapshot import snapshot
    from tagging.models import Annotation, Corpus

    connection.ensure_connection()

    def sample() -> dict:
        with snapshot():
            active = Corpus.objects.get(owner=owner_id).active_id
            rows = Annotation.objects.filter(owner=owner_id, release=active, photo__lte=known["newest"])
            return {"coverage": rows.count() / known["total"]}

    return sample


def logged_in(owner_id: int) -> "django.test.Client":
    from django.test import Client

    from magicroll.models import User

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(pk=owner_id))
    return client


if __name__ == "__main__":
    main()
