"""The whole way with the keyboard alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site

pytestmark = pytest.mark.browser

RING = """() => {
  if (document.activeElement === document.body) return {shown: true}; // between the last stop and the first
  const isDrawn = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  const shown = [null, '::after'].some((part) => isDrawn(getComputedStyle(document.activeElement, part)));
  return {shown, tag: document.activeElement.outerHTML};
}"""


def ring_is_visible(page: Page) -> None:
    ring = page.evaluate(RING)
    assert ring["shown"], f"no focus ring on {ring['tag'][:200]}"


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element that matches has the focus; every stop on the way shows where one is."""
    for _ in range(60):
        page.keyboard.press("Tab")
        ring_is_visible(page)
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def test_from_the_skip_link_to_a_verdict(visit: Visit, site: Site, person: Person, album: Album) -> None:
    first, _ = person.upload(*album.photos[:2])
    page = visit(site.url, person)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the photos")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    tab_to(page, ".cell > a")  # one photo takes part in the order; the arrows lead to the others
    if not page.evaluate("(id) => document.activeElement.dataset.photo === id", str(first)):
        page.keyboard.press("ArrowRight")
    expect(page.locator(f'.cell[data-id="{first}"] > a')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".viewer[data-photo]")).to_be_visible()

    tab_to(page, "#favourite-button")
    page.keyboard.press("Enter")
    expect(page.locator("#favourite-button")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#favourite-button")).to_be_focused()
    tab_to(page, "#photo-tags button")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not in this photo, you said")).to_be_visible()
    expect(page.locator("#photo-tags button:focus, #add-tag:focus")).to_have_count(1)
    tab_to(page, "#add-tag")
    page.keyboard.type("harbour")
    page.keyboard.press("Enter")
    expect(page.locator("#photo-tags").get_by_role("link", name="harbour", exact=True)).to_be_visible()


def test_menus_open_and_close(visit: Visit, site: Site, person: Person) -> None:
    page = visit(site.url, person)
    tab_to(page, ".avatar")
    page.keyboard.press("Enter")
    expect(page.locator("#account-menu")).to_be_visible()
    tab_to(page, "#account-menu a")
    page.keyboard.press("Escape")
    expect(page.locator("#account-menu")).to_be_hidden()
    expect(page.locator(".avatar")).to_be_focused()


def test_log_in(visit: Visit, site: Site, person: Person) -> None:
    page = visit(f"{site.url}/login/")
    tab_to(page, "[name=username]")
    page.keyboard.type(person.name)
    tab_to(page, "[name=password]")
    page.keyboard.type(person.password)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Drop your photos here")).to_be_visible()
