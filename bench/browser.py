"""A real browser in a large roll: how soon it shows photos, how smoothly it scrolls, what it keeps in memory.

Serves N made-up photos (a tenth of them in one month) with gunicorn and drives Chromium through a minute of wheel,
scrubber and keys. first_photo_ms: from the request to the first decoded thumbnail. jump_p95_ms: from letting the
scrubber go to photos there. longest_task_ms: the longest task of the main thread in that minute by the wall clock,
which counts what others on the machine do meanwhile; longest_task_cpu_ms, with --trace: by the thread's processor
time. heap_growth_mb: the heap after a forced collection at the end, beyond that after the first ten seconds.
own_js_bytes: all of our JavaScript that the page had loaded when that minute was over, uncompressed as it is served.
Apart from it: what opening a photo fetches (photo_js_bytes), and the service worker, which runs beside the page
(worker_js_bytes).
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from common import ROOT, percentile, report, start

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

VIEW = {"width": 1440, "height": 900}
SCRUBS = 12  # jumps by the scrubber within the minute
WATCH = """
window.tasks = [];
performance.setResourceTimingBufferSize(1e6); // else it ends at 250
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) tasks.push({ at: entry.startTime, ms: entry.duration });
}).observe({ type: "longtask", buffered: true });
window.shown = () => [...document.querySelectorAll(".cell img")].filter((img) => {
  const box = img.getBoundingClientRect();
  return img.complete && img.naturalWidth && box.bottom > 60 && box.top < innerHeight;
}).length;
(function look() {
  if (document.readyState !== "loading" && shown()) window.firstAt = performance.now();
  else requestAnimationFrame(look);
})();
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=60, help="of scrolling and scrubbing")
    parser.add_argument("--loads", type=int, default=5, help="of the page, for the median of first_photo_ms")
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    parser.add_argument("--keep", default="", help="a name under which the corpus stays for later runs")
    parser.add_argument(
        "--trace", action="store_true", help="each task's processor time too; costs some itself"
    )
    args = parser.parse_args()
    start(args.database, args.keep)
    from synthetic import build

    user = build(args.photos, crowd=args.photos // 10).user
    with served() as url, chromium(url, user) as page:
        firsts = [first_photo_ms(page, url) for _ in range(args.loads)]
        load_tasks = [task["ms"] for task in page.evaluate("tasks")]
        moved = move_about(page, args.seconds, trace=args.trace)
        own_js = own_js_bytes(page)
        open_photo(page)
        report(
            "browser",
            {
                "first_photo_ms": statistics.median(firsts),
                "load_task_ms": max(load_tasks, default=0.0),
                **moved,
                "own_js_bytes": own_js,
                "photo_js_bytes": own_js_bytes(page) - own_js,
                "worker_js_bytes": len(urllib.request.urlopen(f"{url}/service-worker.js").read()),  # noqa: S310
                "photos": args.photos,
                "database": args.database.split(":")[0],
                "load_average": os.getloadavg()[0],
            },
        )


@contextmanager
def served() -> Iterator[str]:
    """Run the web server as `manage.py serve` does, without workers: nothing is uploaded."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    web = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "magicroll.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "8"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/healthz").read()  # noqa: S310 - our own address
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        web.terminate()
        web.wait(20)


@contextmanager
def chromium(url: str, user: object) -> "Iterator[Page]":
    """Open a page in the system's Chromium, logged in."""
    from django.conf import settings
    from django.test import Client
    from playwright.sync_api import sync_playwright

    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        args = ["--enable-precise-memory-info", "--js-flags=--expose-gc"]
        args += ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=args)
        context = browser.new_context(viewport=VIEW, locale="en-GB")
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        context.add_init_script(WATCH)
        yield context.new_page()
        browser.close()


def first_photo_ms(page: "Page", url: str) -> float:
    page.goto(url)
    page.wait_for_function("() => window.firstAt")
    return page.evaluate("firstAt")


def move_about(page: "Page", seconds: int, *, trace: bool = False) -> dict[str, float]:
    """Scroll, scrub and press keys; return what it cost."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.enable")
    devtools.send("DOM.enable")
    page.wait_for_timeout(500)
    page.evaluate("tasks.length = 0")
    began = time.monotonic()
    jumps: list[float] = []
    nodes: list[int] = []
    early = 0.0
    tasks: list[float] = []
    browser = page.context.browser
    assert browser
    while (spent := time.monotonic() - began) < seconds:
        if not early and spent > min(10, seconds / 2):
            tasks += [task["ms"] for task in page.evaluate("tasks")]
            early = heap_mb(devtools)
            page.wait_for_timeout(100)
            page.evaluate("tasks.length = 0")  # the collection itself is no work of the page
            if trace:
                browser.start_tracing(page=page, categories=["toplevel"])
        for _ in range(12):
            page.mouse.move(700, 500)
            page.mouse.wheel(0, 900)
            page.wait_for_timeout(40)
        nodes.append(page.evaluate("document.getElementsByTagName('*').length"))
        for _ in range(4):
            page.keyboard.press("PageDown")
            page.wait_for_timeout(60)
        if len(jumps) < SCRUBS * seconds / 60:
            jumps.append(scrub(page, (len(jumps) * 7 % SCRUBS + 0.5) / SCRUBS))
        nodes.append(page.evaluate("document.getElementsByTagName('*').length"))
    tasks += [task["ms"] for task in page.evaluate("tasks")]
    cpu = {"longest_task_cpu_ms": longest_task_cpu_ms(browser.stop_tracing())} if trace else {}
    return {
        **cpu,
        "jump_p95_ms": percentile(jumps, 0.95),
        "jump_p50_ms": percentile(jumps, 0.5),
        "longest_task_ms": max(tasks, default=0.0),
        "tasks_over_50_ms": len(tasks),
        "dom_nodes_max": max(nodes),
        "heap_growth_mb": heap_mb(devtools) - early,
        "heap_mb": early,
    }


def longest_task_cpu_ms(trace: bytes) -> float:
    """Return the most processor time that a task of the busiest renderer's main thread took."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    took: dict[tuple[int, int], list[float]] = {}
    for one in events:
        if one["name"] == "ThreadControllerImpl::RunTask" and (thread := (one["pid"], one["tid"])) in mains:
            took.setdefault(thread, []).append(one.get("tdur", 0) / 1000)
    return max(max(took.values(), key=sum))


def heap_mb(devtools: "CDPSession") -> float:
    devtools.send("HeapProfiler.collectGarbage")
    return devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6


def scrub(page: "Page", share: float) -> float:
    """Drag along the side and let go at a share of its height; return the milliseconds until photos are there."""
    box = page.locator(".scrubber").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + share * box["height"]
    page.mouse.move(x, box["y"] + box["height"] * (1 - share))
    page.mouse.down()
    page.mouse.move(x, y, steps=15)
    page.evaluate("window.letGo = performance.now()")
    page.mouse.up()
    page.wait_for_function(
        "() => shown() > 3 && !document.querySelector('.blank') && (window.there = performance.now())",
        polling="raf",
    )
    return page.evaluate("there - letGo")


def open_photo(page: "Page") -> None:
    """Open a photo in view over the roll."""
    page.locator(".cell img.shown").nth(8).click()
    page.wait_for_selector("#lightbox .viewer.scripted [data-key=info]")
    page.wait_for_load_state("networkidle")


def own_js_bytes(page: "Page") -> int:
    """Sum our scripts that this page has loaded, as they are served; vendored ones apart."""
    names = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    paths = {urlsplit(name).path for name in names if urlsplit(name).path.startswith("/static/js/")}
    return sum(
        len((Path(ROOT) / "staticfiles" / path.removeprefix("/static/")).read_bytes()) for path in paths
    )


if __name__ == "__main__":
    main()
