"""Lists in pages: they grow as one scrolls, keep little in the page, and are found again where one left them."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.conftest import Visit
from tests.browser.crowd import crowd
from tests.browser.site import Person, Site
from tests.browser.test_timeline import FOLLOW, MOST_CELLS, first_seen

pytestmark = pytest.mark.browser

SEARCH = "/search/?q=img_0"  # finds 3,000 photos, 60 at a time


@pytest.fixture(scope="module")
def collector(site: Site, album: Album) -> Person:
    return crowd(site, *album.photos[:4])


@pytest.fixture
def page(visit: Visit, site: Site, collector: Person) -> Page:
    page = visit(f"{site.url}{SEARCH}", collector)
    expect(page.locator(".timeline .cell").first).to_be_visible()
    return page


def at_rest(page: Page) -> None:
    """Wait until everything in view is there and the history's entry tells of it."""
    page.wait_for_function(
        """() => {
          const at = history.state?.feed?.at;
          return !document.querySelector(".blank") && document.querySelector(`.cell[data-id="${at?.id}"]`);
        }"""
    )


def scroll_until(page: Page, rank: int) -> None:
    """Scroll as with a wheel until a photo is there, so many from the first."""
    page.wait_for_function(
        """(rank) => {
          const last = Math.max(0, ...[...document.querySelectorAll(".cell")].map((cell) => cell.rank ?? 0));
          if (last >= rank) return true;
          scrollBy({ top: 300, behavior: "instant" });
          return false;
        }""",
        arg=rank,
    )
    at_rest(page)


def test_a_list_grows_and_only_what_is_near_takes_room(page: Page) -> None:
    page.evaluate(FOLLOW)
    for rank in (100, 200, 400):
        scroll_until(page, rank)
        assert page.evaluate("document.querySelectorAll('.cell').length") < MOST_CELLS
    assert page.evaluate("document.getElementsByTagName('*').length") < 1500
    page.evaluate("scrollTo(0, 0)")
    at_rest(page)
    page.wait_for_function("() => document.querySelector('.cell').rank === 0")


def test_reload_back_and_forward_return_to_the_same_place(page: Page) -> None:
    scroll_until(page, 250)
    place = first_seen(page)
    page.reload()
    at_rest(page)
    assert first_seen(page) == place
    page.goto(page.url.replace(SEARCH, "/favourites/"))
    page.go_back()
    at_rest(page)
    assert first_seen(page) == place


def test_what_is_looked_at_stays_when_photos_change(page: Page, collector: Person) -> None:
    scroll_until(page, 200)
    place = first_seen(page)
    rank = page.evaluate("(id) => document.querySelector(`.cell[data-id='${id}']`).rank", place["id"])
    first = (
        page.evaluate("fetch(location).then((answer) => answer.text())").split('data-id="')[1].split('"')[0]
    )
    collector.http.get("/")
    collector.http.post(f"/photo/{first}/trash/", {})
    page.evaluate(FOLLOW)
    page.evaluate("document.body.dispatchEvent(new CustomEvent('photos-changed', { bubbles: true }))")
    page.wait_for_function(
        "([id, rank]) => document.querySelector(`.cell[data-id='${id}']`)?.rank === rank",
        arg=[place["id"], rank - 1],
    )
    assert first_seen(page) == place
    assert page.evaluate("moves") == []


def test_keys_and_the_selection_reach_what_was_dropped(page: Page) -> None:
    cell = page.locator(".cell").first
    first = cell.get_attribute("data-id")
    cell.hover()
    cell.locator(".check").click()
    expect(page.locator("#selected-count")).to_have_text("1 selected")
    page.evaluate("document.activeElement.blur()")  # what has the focus stays
    scroll_until(page, 300)
    expect(page.locator(f'.cell[data-id="{first}"]')).to_have_count(0)
    expect(page.locator("#selected-count")).to_have_text("1 selected")
    page.locator(".cell > a[tabindex='0']").focus()
    page.keyboard.press("Home")
    expect(page.locator(f'.cell.chosen[data-id="{first}"] > a')).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.closest('.cell')?.rank === 1")
