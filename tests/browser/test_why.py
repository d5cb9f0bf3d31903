"""Why a tag: on a rest of the pointer, by keyboard, as a page; and what somebody wants of tags."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.watch import Watch

pytestmark = pytest.mark.browser


def open_photo(visit: Visit, site: Site, person: Person, album: Album, **context: object) -> Page:
    (photo,) = person.upload(album.first)
    page = visit(f"{site.url}/photo/{photo}/", person, **context)
    expect(page.locator("#photo-tags .chip").first).to_be_visible()
    return page


def test_a_rest_on_a_chip_tells_why_and_escape_closes_it(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    page = open_photo(visit, site, person, album)
    answer = page.locator("#why")
    expect(answer).to_be_hidden()
    page.locator("#photo-tags .chip").filter(has_text=album.word).first.hover()
    expect(answer.get_by_role("heading")).to_have_text(re.compile("^Why "))
    expect(answer).to_contain_text("Shown from")
    assert findings(page) == []
    address = page.url
    page.keyboard.press("Escape")
    expect(answer).to_be_hidden()
    assert page.url == address


def test_by_keyboard_it_opens_on_focus_and_asks_on(
    visit: Visit, site: Site, person: Person, album: Album, watch: Watch
) -> None:
    watch.expect("/why/")  # a word that is no tag is answered with 422
    page = open_photo(visit, site, person, album)
    page.locator("#photo-tags .chip a").first.focus()
    page.keyboard.press("Tab")
    answer = page.locator("#why")
    expect(answer).to_be_visible()
    page.keyboard.press("Enter")
    expect(answer.locator("a, button").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#photo-tags [data-why]").first).to_be_focused()
    page.get_by_role("link", name="Why not another tag?").click()
    question = answer.get_by_label(re.compile("Why is a tag"))
    expect(question).to_be_focused()
    question.fill("no such thing")
    question.press("Enter")
    expect(answer.get_by_role("alert")).to_contain_text("No tag or category is called")
    question.fill("pizza")
    question.press("Enter")
    expect(answer.get_by_role("heading")).to_have_text("Why not pizza?")


def test_without_javascript_it_is_a_page(visit: Visit, site: Site, person: Person, album: Album) -> None:
    page = open_photo(visit, site, person, album, java_script_enabled=False)
    page.locator("#photo-tags .chip").first.get_by_role("link", name=re.compile("^Why ")).click()
    expect(page.get_by_role("heading", name=re.compile("^Why "))).to_be_visible()
    page.get_by_role("link", name="Back to the photo").click()
    expect(page.get_by_label("Add a tag")).to_be_visible()


def test_a_tag_is_muted_from_its_answer_and_shown_again(visit: Visit, site: Site, album: Album) -> None:
    person = site.new_person()
    page = open_photo(visit, site, person, album)
    chip = page.locator("#photo-tags .chip").filter(has_text=album.word).first
    chip.locator("[data-why]").click()
    page.locator("#why").get_by_role("button", name=re.compile("^Mute")).click()
    expect(page.get_by_text("Muted:").first).to_be_visible()
    expect(page.locator("#photo-tags .chip").filter(has_text=album.word)).to_have_count(0)
    page.goto(f"{site.url}/your-tags/")
    assert findings(page) == []
    page.get_by_role("button", name=re.compile("Show again")).first.click()
    expect(page.get_by_text("Nothing is muted.")).to_be_visible()
