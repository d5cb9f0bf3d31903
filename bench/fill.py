"""Fill an installation with made-up photos and keep it, for bench/pages.py and bench/browser.py.

A million photos take a while: run it again with the same name until it says that all is there. Whoever is killed in the
midst of a batch begins anew under another name.
"""

import argparse

from common import report, start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="after which no batch is begun")
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    parser.add_argument("--keep", required=True, help="a name under which it stays for later runs")
    args = parser.parse_args()
    start(args.database, args.keep)
    from synthetic import Unfinished, build

    try:
        built = build(args.photos, crowd=args.photos // 10, seconds=args.seconds)
    except Unfinished:
        print("\nnot all yet: run it again")
        raise SystemExit(75) from None
    report("fill", {"photos": args.photos, "build_s": built.seconds, "annotations_batch_ms": built.batch_ms})


if __name__ == "__main__":
    main()
