"""Finding photos: Magic View and the search box."""

import pytest
from playwright.sync_api import expect

from tests.browser.album import Album
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.watch import pictures_are_shown

pytestmark = pytest.mark.browser


def test_magic_view_leads_from_category_to_tag_to_photo(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    first, *_ = person.upload(*album.photos[:3])
    page = visit(site.url, person)
    page.get_by_role("link", name="Magic View").first.click()
    pictures_are_shown(page)
    page.locator(".shelf").get_by_role("link", name=album.category).click()
    expect(page.get_by_role("heading", level=1, name=album.category)).to_be_visible()
    page.get_by_role("list", name="Tags in").get_by_role("link", name=album.word).click()
    expect(page.get_by_role("heading", level=1, name=album.word)).to_be_visible()
    expect(page.locator(".cell")).to_have_count(1)
    page.locator(".cell a").click()
    expect(page.locator("#picture")).to_have_attribute("src", f"/photo/{first}/preview.jpg?r=1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1, name=album.word)).to_be_visible()


def test_search_finds_a_thing_a_year_and_a_file_name(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    first, *_ = person.upload(*album.photos[:4])
    page = visit(f"{site.url}/magic/", person)
    for words in (album.word, str(album.year), album.first.stem, f"{album.word} {album.year}"):
        page.keyboard.press("/")
        expect(page.get_by_label("Search your photos")).to_be_focused()
        page.keyboard.type(words)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"“{words}”")
        expect(page.locator(".cell")).to_have_count(1)
        expect(page.locator(f'.cell[data-id="{first}"]')).to_be_visible()
        page.locator("main").focus()
    page.keyboard.press("/")
    page.keyboard.type("nothing like this")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing found")).to_be_visible()
