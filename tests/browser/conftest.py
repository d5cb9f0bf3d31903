"""One running installation for all browser tests, an account of its own for each, and watched pages."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.album import Album, not_a_picture, packaged_album, shared_album
from tests.browser.site import Person, Site, prepare, serving
from tests.browser.watch import Watch
from tests.conftest import SHARED_PHOTOS

ARTIFACTS = Path(__file__).resolve().parents[2] / "test-artifacts"
LIMIT_MS = 30_000
DESKTOP = {"width": 1440, "height": 900}
Visit = Callable[..., Page]

expect.set_options(timeout=LIMIT_MS)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Use the system's Chromium: a downloaded one needs libraries that a server may not have."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    executable = next(filter(None, found), None)
    if executable is None:
        pytest.skip("no Chromium: install it (Debian and Ubuntu: apt install chromium)")
    args = ["--disable-background-networking", "--disable-component-update", "--no-first-run", "--mute-audio"]
    if os.geteuid() == 0:
        args.append("--no-sandbox")
    return {"executable_path": executable, "args": args}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


@pytest.fixture(scope="session")
def site(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(prepared, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def person(site: Site) -> Person:
    """Somebody whose roll is empty. The account is shared: who logs out or the like needs `site.new_person()`."""
    site.regular.start_again()
    return site.regular


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    if SHARED_PHOTOS.is_dir():
        return shared_album(SHARED_PHOTOS)
    return packaged_album(tmp_path_factory.mktemp("album"))


@pytest.fixture
def no_picture(tmp_path: Path) -> Path:
    return not_a_picture(tmp_path)


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    assert watch.complaints == []


@pytest.fixture
def visit(browser: Browser, watch: Watch, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Open an address, as somebody or as a stranger, in a context of its own."""
    pages: list[Page] = []

    def open_page(address: str, person: Person | None = None, **options: Any) -> Page:
        context = browser.new_context(
            **({"viewport": DESKTOP, "locale": "en-GB", "service_workers": "block"} | options)
        )
        context.set_default_timeout(LIMIT_MS)
        watch.over(context)
        if person:
            context.add_cookies(person.cookies)
        page = context.new_page()
        pages.append(page)
        page.goto(address)
        return page

    yield open_page
    if getattr(request.node, "rep_call", None) and request.node.rep_call.failed:
        _keep_screenshots(pages, request.node.name)
    for page in pages:
        page.context.close()


def _keep_screenshots(pages: list[Page], name: str) -> None:
    folder = ARTIFACTS / "failed"
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate((page for page in pages if not page.is_closed()), 1):
        page.screenshot(path=folder / f"{name}-{number}.png")
