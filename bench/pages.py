"""Server time of the pages of a large roll: N made-up photos, logged in, warm, whole request to whole body.

A request goes through all middleware, and through what happens to the database connection before and after
it, as in the web process; the network and the web server itself are left out. Pages are interleaved.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from common import percentile, report, start

if TYPE_CHECKING:
    from django.test import Client

    from tagging.models import Corpus

HTMX = {"HX-Request": "true"}  # how a page asks for its own continuation
WARM_UP = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    parser.add_argument("--keep", default="", help="a name under which the corpus stays for later runs")
    args = parser.parse_args()
    start(args.database, args.keep)
    from synthetic import build

    import magicroll.wsgi  # noqa: F401 - makes of this process what the web server's is

    built = build(args.photos, crowd=args.photos // 10)
    client, pages = logged_in(built.user), addresses(built.user)
    took: dict[str, list[Took]] = {name: [] for name in pages}
    for round_ in range(WARM_UP + args.rounds):
        for name, paths in pages.items():
            one_took = request(client, next(paths), HTMX if name.endswith(("_deep", "_counts")) else {})
            if round_ >= WARM_UP:
                took[name].append(one_took)
    shown = {name: summed(times) for name, times in took.items()}
    for name, one in shown.items():
        print(f"{name:20}" + "".join(f"   {what} {value:7.1f} ms" for what, value in one.items()))
    report(
        "pages",
        {
            "pages": shown,
            "worst_p95_ms": max(one["p95"] for name, one in shown.items() if name != "similar"),
            "similar_p95_ms": shown["similar"]["p95"],
            "build_s": built.seconds,
            "annotations_batch_ms": built.batch_ms,
            "photos": args.photos,
            "database": args.database.split(":")[0],
        },
    )


def logged_in(user: object) -> "Client":
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of one request by the wall clock, and of this thread's processor time within them."""

    wall_ms: float
    cpu_ms: float


def request(client: "Client", path: str, headers: dict[str, str]) -> Took:
    """Make one request; the test client leaves connections alone, a server doesn't."""
    from django.db import close_old_connections

    began, cpu_began = time.perf_counter(), time.thread_time()
    close_old_connections()
    response = client.get(path, headers=headers)
    close_old_connections()
    took = Took((time.perf_counter() - began) * 1000, (time.thread_time() - cpu_began) * 1000)
    assert response.status_code == 200, f"{path}: {response.status_code}"
    assert len(response.content) > 50, path  # a block may be one photo
    return took


def summed(times: list[Took]) -> dict[str, float]:
    """Return p50 and p95, and the processor's share of p50, which other load on the machine changes less."""
    walls = [one.wall_ms for one in times]
    cpu = [one.cpu_ms for one in times]
    return {"p50": percentile(walls, 0.5), "p95": percentile(walls, 0.95), "cpu_p50": percentile(cpu, 0.5)}


def addresses(user: object) -> dict[str, Iterator[str]]:
    """Name the pages, each with the addresses to ask for in turn: many photos, tags and places in a list."""
    from choices import choices
    from django.urls import reverse
    from synthetic import OWN_TAG, RARE_NAME

    from tagging import search

    corpus = search.corpus_of(user)
    photos = _spread(search.roll_page(corpus, limit=100_000).photos, 40)
    tags = _tags(corpus)
    categories = [tile.slug for tile in search.rail_counts(corpus)]
    pages: dict[str, list[str]] = {
        "roll": [reverse("roll")],
        "roll_at": [f"{reverse('roll')}?at={photo.taken_at:%Y-%m-%d}&nth=900" for photo in photos],
        "roll_days": [reverse("roll_days")],
        "roll_block": _blocks(corpus),
        "roll_month": [f"{reverse('roll')}?month={photo.taken_at:%Y-%m}" for photo in photos],
        "roll_deep": [f"{reverse('roll')}?before={_key(photo)}" for photo in photos[:-1]],
        "magic": [reverse("magic")],
        "tag": [reverse("tag", args=[slug]) for slug in tags],
        "tag_deep": _deep(
            corpus, tags, lambda slug: search.tag_page(corpus, slug, limit=100_000).page.photos
        ),
        "category": [reverse("tag", args=[slug]) for slug in categories],
        "photo": [reverse("photo", args=[photo.id]) for photo in photos],
        "photo_in_tag": [f"{reverse('photo', args=[photo.id])}?in=tag:{tags[0]}" for photo in photos],
        "photo_in_search": [f"{reverse('photo', args=[photo.id])}?in=search:img_2015" for photo in photos],
        "rail": [reverse("rail")],
        "similar": [reverse("similar", args=[photo.id]) for photo in photos],
        "favourites": [reverse("favourites")],
        "trash": [reverse("trash")],
    }
    pages |= choices(corpus, tags)
    words = {
        "search_tag": [*tags, OWN_TAG],
        "search_two_tags": [f"{a} {b}" for a, b in zip(tags, [*tags[1:], tags[0]], strict=True)],
        "search_tag_year": [f"{slug} {year}" for slug, year in zip(tags, cycle(range(2011, 2026)))],
        "search_tag_month": [f"{slug} july" for slug in tags],
        "search_tag_name": [f"{slug} pxl_2018" for slug in tags],
        "search_month": ["july", "may 2017", "december 2024", "2013-02"],
        "search_year": [str(year) for year in range(2011, 2026)],
        "search_name_common": ["img_", "jpg", "pxl"],
        "search_name_rare": [RARE_NAME],
        "search_name_none": ["qqqq"],
    }
    asked = {name: [f"{reverse('search')}?q={q}" for q in queries] for name, queries in words.items()}
    return {name: cycle(paths) for name, paths in (pages | asked).items()}


def _blocks(corpus: "Corpus") -> list[str]:
    """Name blocks all over the roll, of the longest day too."""
    from django.urls import reverse

    from tagging.search import timeline

    days = timeline.days_of(corpus)
    blocks = [b for month in timeline.months_of(days) for its in month.blocks for b in timeline.parts_of(its)]
    longest = max(days, key=lambda day: day.count)
    of_longest = [block for block in blocks if block.days[0] == longest]
    return [
        f"{reverse('roll_block')}?from={block.days[0].date}"
        + ("" if block.part is None else f"&part={block.part}")
        for block in [*_spread(blocks, 40), *_spread(of_longest, 10)]
    ]


def _tags(corpus: "Corpus") -> list[str]:
    """Return the slugs of tags from the commonest to the rarest."""
    from tagging.models import TagCount

    rows = TagCount.objects.filter(owner=corpus.owner_id, release=corpus.active_id, tag__kind="tag")
    slugs = list(rows.order_by("-count").values_list("tag__slug", flat=True))
    return [*slugs[:4], *_spread(slugs[4:], 8)]


def _deep(corpus: "Corpus", tags: list[str], photos_of: Callable[[str], list]) -> list[str]:
    from django.urls import reverse

    listed = {slug: photos_of(slug) for slug in tags}
    return [
        f"{reverse('tag', args=[slug])}?before={_key(photos[len(photos) * 3 // 4])}"
        for slug, photos in listed.items()
        if len(photos) > 4
    ]


def _key(photo: object) -> str:
    from tagging.search.listing import Key

    return str(Key(photo.taken_at, photo.id))


def _spread(things: list, n: int) -> list:
    """Return n of them, evenly from the first to the last."""
    return things if len(things) <= n else [things[i * (len(things) - 1) // (n - 1)] for i in range(n)]


if __name__ == "__main__":
    main()
