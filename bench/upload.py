"""From the end of an upload to readable tags, over real HTTP, against the processes that `make run` starts.

Photos go up one by one, each when the one before has its tags, and the tags are asked for as the page does,
only every 10 ms. With --during-refill, the same roll, of so many photos, is
brought to another network at full rate meanwhile; that has to last until the end.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from common import (
    DATA,
    MODELS,
    ROOT,
    chosen_database,
    distinct,
    median,
    percentile,
    real_photos,
    report,
)

from tests.ops.harness import Browser, environment, free_port, process, run, until

POLL_S = 0.01
GIVE_UP_S = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--during-refill", type=int, default=0, metavar="PHOTOS", help="such as 4000")
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    parser.add_argument("--broker", default="filesystem://", help="such as redis://127.0.0.1:6379/5")
    args = parser.parse_args()
    settings = {"MAGICROLL_MODELS_DIR": str(MODELS), "MAGICROLL_BROKER_URL": args.broker}
    env = environment(DATA, **settings, **chosen_database(args.database))
    manage = [sys.executable, str(ROOT / "manage.py")]
    run([*manage, "prepare"], env)
    refilling = [sys.executable, str(Path(__file__).with_name("refilling.py"))]
    port = free_port()
    with process([*manage, "serve", "--port", str(port)], env, DATA / "serve.log"):
        browser = Browser(port)
        until(lambda: browser.status("/healthz") == 200, "the web process answers")
        browser.set_up()
        browser.get("/upload/")
        if args.during_refill:
            run([*refilling, "prepare", str(args.during_refill), *map(str, real_photos(40))], env)
            run([*refilling, "order"], env)
            until(lambda: refilled(refilling, env) > 0, "the refill has begun")
        began, before = time.monotonic(), refilled(refilling, env) if args.during_refill else 0
        took = [
            send(browser, distinct(path, i)) for i, path in enumerate(real_photos(args.warm_up + args.photos))
        ]
        seconds, after = time.monotonic() - began, refilled(refilling, env) if args.during_refill else 0
    assert after < args.during_refill or not args.during_refill, "the refill ended before the uploads did"
    posts, waits = zip(*took[args.warm_up :], strict=True)
    report(
        "upload",
        {
            "upload_to_tag_p50_ms": median(waits),
            "upload_to_tag_p95_ms": percentile(waits, 0.95),
            "upload_to_tag_max_ms": max(waits),
            "post_p50_ms": median(posts),
            "post_p95_ms": percentile(posts, 0.95),
            "photos": args.photos,
            "during_refill": bool(args.during_refill),
            "refilled_per_s": (after - before) / seconds,
            "database": args.database.split(":")[0],
            "broker": args.broker.split(":")[0],
        },
    )


def refilled(refilling: list[str], env: dict[str, str]) -> int:
    """Return how many photos the refill is through with."""
    return int(run([*refilling, "done"], env))


def send(browser: Browser, content: bytes) -> tuple[float, float]:
    """Upload one photo; return the milliseconds of the POST, and from its end to the tags."""
    began = time.perf_counter()
    (file,) = json.loads(browser.post("/upload/", {}, {"bench.jpg": content}))["files"]
    posted = time.perf_counter()
    assert file["outcome"] == "stored", file
    while browser.tags(file["photo"])["pending"]:
        assert time.perf_counter() < posted + GIVE_UP_S, "no tags; see the worker's log"
        time.sleep(POLL_S)
    return (posted - began) * 1000, (time.perf_counter() - posted) * 1000


if __name__ == "__main__":
    main()
