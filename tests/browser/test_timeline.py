"""The roll as one long page: what is there, what stays where it is, and how one gets about."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.conftest import DESKTOP, Visit
from tests.browser.crowd import LONG_DAY, TOTAL, crowd
from tests.browser.site import Person, Site
from tests.browser.test_grid import picture
from tests.browser.watch import pictures_are_shown

pytestmark = pytest.mark.browser

MOST_CELLS = 150  # some screens of photos at 1440x900
FIRST_SEEN = """() => {
  const seen = [...document.querySelectorAll(".cell")].filter((cell) => cell.getBoundingClientRect().bottom > 132);
  const [first] = seen.sort((a, b) => a.rank - b.rank);
  return { id: first.dataset.id, top: Math.round(first.getBoundingClientRect().top) };
}"""
FOLLOW = """() => {
  const before = new Map();
  window.moves = [];
  (function look() {
    for (const cell of document.querySelectorAll(".cell")) {
      const { top, bottom, left } = cell.getBoundingClientRect();
      if (bottom < 60 || top > innerHeight) continue;
      const known = before.get(cell.dataset.id);
      if (known && Math.hypot(known[0] - left, known[1] - top) > 1) moves.push([cell.dataset.id, known, [left, top]]);
      before.set(cell.dataset.id, [left, top]);
    }
    requestAnimationFrame(look);
  })();
}"""


@pytest.fixture(scope="module")
def collector(site: Site, album: Album) -> Person:
    return crowd(site, *album.photos[:4])


@pytest.fixture
def page(visit: Visit, site: Site, collector: Person) -> Page:
    return visit(site.url, collector)


def scroll_to(page: Page, share: float) -> None:
    """Scroll to a share of the whole length, as with the bar, and wait until it has come to rest."""
    page.evaluate(
        """(share) => {
          sessionStorage.removeItem("roll"); // what it said of the place before
          scrollTo(0, share * document.documentElement.scrollHeight);
          dispatchEvent(new Event("scroll")); // also where it is there already
        }""",
        share,
    )
    at_rest(page)


def at_rest(page: Page) -> None:
    """Wait until everything in view is there and the address tells of it."""
    page.wait_for_function(
        """() => {
          const kept = JSON.parse(sessionStorage.getItem("roll") ?? "null");
          return !document.querySelector(".blank") && kept?.url === location.href
            && document.querySelector(`.cell[data-id="${kept.id}"]`);
        }"""
    )
    pictures_are_shown(page)


def first_seen(page: Page) -> Any:
    return page.evaluate(FIRST_SEEN)


def scrub(page: Page, share: float) -> None:
    box = page.locator(".scrubber").bounding_box()
    assert box
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(x, box["y"] + share * box["height"], steps=8)


def test_whole_length_is_there_and_only_what_is_near_takes_room(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollHeight") > 100_000
    assert page.evaluate("document.querySelectorAll('.cell').length") < MOST_CELLS
    seen = set()
    for tenth in range(11):
        scroll_to(page, tenth / 10)
        seen.add(first_seen(page)["id"])
        assert page.evaluate("document.querySelectorAll('.cell').length") < MOST_CELLS
    assert len(seen) == 11
    assert page.evaluate("document.getElementsByTagName('*').length") < 1500


def test_headings_stick_while_their_photos_pass(page: Page) -> None:
    scroll_to(page, 0.6)
    for heading, top in (("h2", 56), ("h3", 92)):
        tops = page.locator(f".roll {heading}").evaluate_all(
            "all => all.map((one) => Math.round(one.getBoundingClientRect().top))"
        )
        assert top in tops, (heading, tops)


def test_scrubbing_says_where_one_is_and_shows_photos_when_one_lets_go(page: Page) -> None:
    expect(page.locator(".cell").first).to_be_visible()
    scrub(page, 0.5)
    expect(page.locator(".bubble")).to_have_css("opacity", "1")
    said = page.locator(".bubble").text_content()
    page.mouse.up()
    at_rest(page)
    assert said in page.locator(".month h2 time").all_text_contents()
    assert page.evaluate("new URL(location).searchParams.get('at')")


def test_years_lead_to_their_newest_photos(page: Page) -> None:
    page.get_by_role("navigation", name="Years").get_by_role("link", name="2020", exact=True).press("Enter")
    at_rest(page)
    first = page.locator(f'.month:has(.cell[data-id="{first_seen(page)["id"]}"])')
    expect(first.locator("h2 time")).to_have_text("December 2020")
    expect(page.get_by_role("link", name="2020", exact=True)).to_have_attribute("aria-current", "true")


def test_nothing_that_is_seen_moves_while_more_comes(page: Page) -> None:
    scrub(page, 0.7)
    page.mouse.up()
    page.evaluate(FOLLOW)
    at_rest(page)
    page.wait_for_function("() => document.querySelectorAll('.cell img.shown').length > 6")
    assert page.evaluate("moves") == []


@pytest.mark.parametrize("share", [0.25, 0.62])  # many short days; inside a long one
def test_reload_back_and_forward_return_to_the_same_place(page: Page, share: float) -> None:
    scroll_to(page, share)
    place = first_seen(page)
    page.reload()
    at_rest(page)
    assert first_seen(page) == place
    link = page.locator(f'.cell[data-id="{place["id"]}"] > a')
    link.evaluate("link => link.click()")
    expect(page.locator(".viewer[data-photo]")).to_be_visible()
    page.go_back()
    at_rest(page)
    assert first_seen(page) == place
    page.go_forward()
    expect(page.locator("#picture")).to_be_visible()
    page.go_back()
    at_rest(page)
    assert first_seen(page) == place


def test_shared_address_leads_to_the_same_photo(
    page: Page, visit: Visit, site: Site, collector: Person
) -> None:
    scroll_to(page, 0.62)
    assert f"at={LONG_DAY}&nth=" in page.url
    other = visit(page.url, collector)
    at_rest(other)
    assert first_seen(other)["id"] == first_seen(page)["id"]


def test_size_is_kept_for_the_person(page: Page, visit: Visit, site: Site, collector: Person) -> None:
    rows = (
        "[...document.querySelectorAll('.cell')].map((cell) => cell.offsetHeight).sort((a, b) => a - b).at(8)"
    )
    usual = page.evaluate(rows)
    page.get_by_role("button", name="Size of photos").click()
    with page.expect_response("**/roll/size/") as kept:
        page.get_by_label("Size of photos").last.press("Home")
    assert kept.value.status == 204
    small = page.evaluate(rows)
    assert small < usual * 0.75
    other = visit(site.url, collector)
    assert other.evaluate(rows) == small
    with other.expect_response("**/roll/size/"):
        other.get_by_role("button", name="Size of photos").click()
        other.get_by_label("Size of photos").last.fill("220")
        other.get_by_label("Size of photos").last.dispatch_event("change")


def test_changing_the_size_keeps_the_place(page: Page, site: Site) -> None:
    scroll_to(page, 0.4)
    place = first_seen(page)["id"]
    page.evaluate("document.body.dataset.row = 140; dispatchEvent(new Event('row-size'))")
    at_rest(page)
    assert page.locator(f'.cell[data-id="{place}"]').is_visible()


def focused(page: Page) -> int:
    rank = page.evaluate("document.activeElement.closest('.cell')?.rank")
    assert rank is not None
    return int(rank)


def press(page: Page, key: str, rank: int) -> None:
    page.keyboard.press(key)
    page.wait_for_function("(rank) => document.activeElement.closest('.cell')?.rank === rank", arg=rank)


def test_keys_move_from_photo_to_photo(page: Page) -> None:
    page.locator("#main").focus()
    page.keyboard.press("Tab")
    assert focused(page) == 0
    press(page, "ArrowRight", 1)
    press(page, "ArrowRight", 2)
    press(page, "ArrowLeft", 1)
    press(page, "End", TOTAL + 3)
    expect(page.locator(":focus")).to_be_in_viewport()
    press(page, "ArrowLeft", TOTAL + 2)
    press(page, "Home", 0)
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.activeElement.closest('.cell').rank > 0")
    below = focused(page)
    press(page, "ArrowUp", 0)
    page.keyboard.press("PageDown")
    page.wait_for_function("(below) => document.activeElement.closest('.cell').rank > below", arg=below)
    expect(page.locator(":focus")).to_be_in_viewport()
    expect(page.locator('.cell > [tabindex="0"]')).to_have_count(1)


def test_space_chooses_and_enter_opens(page: Page) -> None:
    page.evaluate("document.addEventListener('roll:toggle', ({ detail }) => { window.chosen = detail.id })")
    page.locator("#main").focus()
    page.keyboard.press("Tab")
    photo = page.evaluate("Number(document.activeElement.dataset.photo)")
    page.keyboard.press("Space")
    page.wait_for_function("(photo) => window.chosen === photo", arg=photo)
    assert page.evaluate("scrollY") == 0
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/photo/{photo}/")


def test_new_photos_appear_and_what_is_looked_at_stays(page: Page, collector: Person, tmp_path: Path) -> None:
    scroll_to(page, 0.5)
    place = first_seen(page)
    page.evaluate(FOLLOW)
    (photo,) = collector.send(picture(tmp_path, (400, 300), 2031))
    rank = page.evaluate("(id) => document.querySelector(`.cell[data-id='${id}']`).rank", place["id"])
    page.evaluate("document.body.dispatchEvent(new CustomEvent('photos-changed', { bubbles: true }))")
    page.wait_for_function(
        "([id, rank]) => document.querySelector(`.cell[data-id='${id}']`).rank === rank",
        arg=[place["id"], rank + 1],
    )
    assert first_seen(page) == place
    assert page.evaluate("moves") == []
    scroll_to(page, 0)
    expect(page.locator(f'.cell[data-id="{photo}"]')).to_be_visible()
    collector.http.post(f"/photo/{photo}/trash/", {})


def test_a_month_is_a_plain_page_without_javascript(visit: Visit, site: Site, collector: Person) -> None:
    page = visit(f"{site.url}/?month=2021-07", collector, java_script_enabled=False)
    expect(page.locator(".month h2 time").first).to_have_text("July 2021")
    before = page.locator(".cell").first.get_attribute("data-id")
    page.get_by_role("link", name="Older photos").click()
    expect(page.locator(".month h2 time").first).to_have_text("July 2021")  # goes on in it
    assert page.locator(".cell").first.get_attribute("data-id") != before
    page.get_by_role("navigation", name="Years").get_by_role("link", name="2020", exact=True).click()
    expect(page.locator(".month h2 time").first).to_have_text("December 2020")
    page.get_by_role("link", name="June 2020").click()
    expect(page.locator(".month h2 time").first).to_have_text("June 2020")


@pytest.fixture(params=[DESKTOP, {"width": 820, "height": 1180}, {"width": 390, "height": 844}])
def size(request: pytest.FixtureRequest) -> Iterator[Any]:
    return request.param


def test_long_roll_is_well_made(visit: Visit, site: Site, collector: Person, size: Any) -> None:
    page = visit(f"{site.url}/?at={LONG_DAY}", collector, viewport=size, reduced_motion="reduce")
    at_rest(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
