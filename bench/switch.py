"""Switch and way back of a large made-up corpus, while people read and upload: how long anybody waits.

A second release is filled through the bulk path, whole and held; then it is approved, and taken back and forth. All
the time two readers, an uploader, a worker and a sampler of coverage, a process each, make real requests. A wait is
what a request takes beyond the median of its page while nothing was moved; the longest such one while nothing was
moved tells what else keeps the machine busy. `_beside_queue` leaves out what the client and its database process
waited for a processor: five clients share the machine's cores, whatever is moved.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import median, real_photos, report, start

if TYPE_CHECKING:
    from magicroll.models import User
    from tagging.models import Release

CLIENTS = Path(__file__).with_name("clients.py")
CREW = ("reader", "reader", "uploader", "worker", "sampler")
QUIET_S, PAUSE_S = 20.0, 3.0
CHUNK = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--ways-back", type=int, default=6)
    parser.add_argument(
        "--change",
        choices=["encoder", "vocabulary"],
        default="encoder",
        help="encoder: vectors and index too",
    )
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    parser.add_argument("--keep", default="", help="an installation that bench/fill.py has filled")
    args = parser.parse_args()
    start(args.database, args.keep)
    from synthetic import build

    user = build(args.photos).user
    release = second_release(args.change)
    fill(user, release, args.change)
    known = what_is_there(user, release)
    moves, done = with_crew(user, known, args.ways_back)
    report(
        "switch",
        {
            "switch_ms": moves[0].took_ms,
            "rollback_ms": max(move.took_ms for move in moves[1:]),
            **waits(done, moves[0].began),
            "min_coverage": min(one["coverage"] for one in done if one["kind"] == "sampler"),
            "samples": sum(one["kind"] == "sampler" for one in done),
            "mixed_pages": sum(one.get("releases") == [] for one in done),
            "pages": sum(one["kind"] == "reader" for one in done),
            "uploads": sum(one["kind"] == "uploader" for one in done),
            "photos": args.photos,
            "change": args.change,
            "database": args.database.split(":")[0],
        },
    )


def what_is_there(user: "User", release: "Release") -> dict[str, Any]:
    """Tell the crew what to ask for, and what there is to find."""
    from magicroll.models import Photo
    from tagging import search
    from tagging.models import Annotation, TagCount

    corpus = search.corpus_of(user)
    counts = {
        name: dict(
            TagCount.objects.filter(owner=user, release=one).values_list("tag__slug", "count").order_by("tag")
        )
        for name, one in (("old", corpus.active), ("new", release))
    }
    common = [slug for slug, count in counts["old"].items() if min(count, counts["new"].get(slug, 0)) > 100]
    annotated = Annotation.objects.filter(owner=user, release=corpus.active_id)
    live = Photo.objects.owned_by(user).live().order_by("id").values_list("id", flat=True)
    return {
        "counts": counts,
        "tags": common,
        "photos": list(live[: 50 * 97 : 97]),
        "newest": live.last(),
        "total": annotated.filter(photo__lte=live.last()).count(),
        "picture": str(min(real_photos(40), key=lambda path: path.stat().st_size)),
    }


def second_release(change: str) -> "Release":
    from rescore import vocabulary_change

    from tagging.models import Release

    if change == "vocabulary":
        return vocabulary_change(0)
    return Release.objects.get(encoder__name="efficientnet-lite0")


def fill(user: "User", release: "Release", change: str) -> None:
    """Order the refill, held for approval, and write made-up annotations with fewer tags through the bulk path."""
    from dataclasses import replace

    import numpy as np
    import synthetic

    from magicroll.models import Photo
    from tagging.models import CorpusRefill, Outstanding, Stream
    from tagging.refill import filling, orders
    from tagging.writer import store_annotations

    rng = np.random.default_rng(7)
    mine = orders.start(None, release, [user], hold=True).corpora.get()
    assert filling.begin(mine.pk)
    ids = list(Photo.objects.owned_by(user).order_by("id").values_list("id", flat=True))
    for at in range(0, len(ids), CHUNK):
        print(f"\r{at:,} of {len(ids):,} filled", end="", file=sys.stderr, flush=True)
        photos = ids[at : at + CHUNK]
        made = synthetic.annotations(photos, rng.integers(0, synthetic.SCENES, len(photos)).tolist())
        fewer = [
            replace(one, tags=one.tags[::2], scores=one.scores[::2], is_stored=change == "vocabulary")
            for one in made
        ]
        store_annotations(user.pk, release.pk, Stream.BULK, fewer)
    print("", file=sys.stderr)
    synthetic.settle()
    assert not Outstanding.objects.filter(owner=user).exists()
    while filling.fill_some():
        pass
    mine.refresh_from_db()
    assert mine.state == CorpusRefill.State.WHOLE, mine.state


class Move:
    """One move of the pointer: when it began on the monotonic clock, how long it took."""

    def __init__(self, act: Any) -> None:
        self.began = time.monotonic()
        act()
        self.took_ms = (time.monotonic() - self.began) * 1000


def with_crew(user: "User", known: dict[str, Any], ways_back: int) -> tuple[list[Move], list[dict[str, Any]]]:
    """Let all work: first with nothing moved, then around each move; return the moves and what was done."""
    from tagging.models import CorpusRefill
    from tagging.refill import orders

    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, str(number)) for number in range(len(CREW))]
        crew = [hire(kind, user, known, output) for kind, output in zip(CREW, outputs, strict=True)]
        try:
            while not all(output.read_bytes().startswith(b"ready") for output in outputs):
                assert all(one.poll() is None for one in crew), "a client ended"
                time.sleep(0.1)
            time.sleep(QUIET_S)
            mine = CorpusRefill.objects.get(owner=user, state=CorpusRefill.State.WHOLE)
            moves = [Move(lambda: approve(mine))]
            for _ in range(ways_back):
                time.sleep(PAUSE_S)
                moves.append(Move(lambda: orders.roll_back(None, user)))
            time.sleep(PAUSE_S)
        finally:
            for one in crew:
                one.communicate()  # closes its input, which ends it
        assert all(one.returncode == 0 for one in crew), "a client failed"
        lines = [line for output in outputs for line in output.read_text().splitlines()[1:]]
    return moves, [json.loads(line) for line in lines]


def approve(mine: Any) -> None:
    """Approve, again where an upload came just now and has to be tagged first, as the page says."""
    from tagging.refill import orders

    while True:
        try:
            return orders.approve(None, mine)
        except orders.OrderRefused as error:
            print(error, file=sys.stderr)
            time.sleep(0.05)


def hire(kind: str, user: "User", known: dict[str, Any], output: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(CLIENTS), kind, str(user.pk), json.dumps(known)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output.open("wb"))


def waits(done: list[dict[str, Any]], moved_at: float) -> dict[str, float]:
    """Return the longest waits of readers and uploads, while nothing was moved and from the first move on."""
    quiet: dict[str, list[float]] = defaultdict(list)
    served: dict[str, list[float]] = defaultdict(list)
    for one in done:
        if one["began"] + one["wall_ms"] / 1000 < moved_at:
            quiet[one.get("page", one["kind"])].append(one["wall_ms"])
            served[one.get("page", one["kind"])].append(one["wall_ms"] - one["queued_ms"])
    longest: dict[str, float] = defaultdict(float)
    for one in done:
        page = one.get("page", one["kind"])
        when = "max" if one["began"] + one["wall_ms"] / 1000 >= moved_at else "quiet_max"
        name = {"reader": "reader", "uploader": "upload"}.get(one["kind"])
        if name:
            key = f"{when}_{name}_wait_ms"
            longest[key] = max(longest[key], one["wall_ms"] - median(quiet[page]))
            key = f"{when}_{name}_wait_beside_queue_ms"
            longest[key] = max(longest[key], one["wall_ms"] - one["queued_ms"] - median(served[page]))
    show_slowest(done, quiet, moved_at)
    return dict(sorted(longest.items()))


def show_slowest(done: list[dict[str, Any]], quiet: dict[str, list[float]], moved_at: float) -> None:
    slow = [one for one in done if one["kind"] == "reader" and one["began"] > moved_at]
    slow.sort(key=lambda one: median(quiet[one["page"]]) - one["wall_ms"])
    for one in slow[:8]:
        since = one["began"] - moved_at
        print(
            f"{one['page']:8} {one['wall_ms']:7.1f} ms, usually {median(quiet[one['page']]):6.1f}; at {since:.2f} s"
        )


if __name__ == "__main__":
    main()
