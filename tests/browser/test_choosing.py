"""Choosing in the Magic View: several tags, years, "not this" on a cell, covers."""

from functools import partial

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.test_screens import DESKTOP, PHONE, SIZES, TABLET, keep
from tests.browser.watch import pictures_are_shown

pytestmark = pytest.mark.browser


@pytest.fixture
def tagged(person: Person, album: Album) -> list[int]:
    """Three photos: the first in "ours" and "grandma", the second in "ours", the third in "grandma"."""
    photos = person.upload(*album.photos[:3])
    for photo, names in zip(photos, (("ours", "grandma"), ("ours",), ("grandma",)), strict=True):
        for name in names:
            person.http.get(f"/photo/{photo}/")
            person.http.post(f"/photo/{photo}/tags/", {"verdict": "add", "name": name})
    return photos


def cells(page: Page) -> list[int]:
    return [int(cell.get_attribute("data-id") or 0) for cell in page.locator(".roll .cell").all()]


def test_counts_keep_their_word(visit: Visit, site: Site, person: Person, tagged: list[int]) -> None:
    page = visit(f"{site.url}/magic/ours/", person)
    expect(page.locator("#tag-count")).to_have_text("2 photos")
    page.get_by_text("Tags", exact=True).click()
    page.locator('.facet-panel a[href*="with=grandma"]').first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ours and grandma")
    assert cells(page) == tagged[:1]
    page.get_by_role("link", name="Any of these").click()
    expect(page.locator("#tag-count")).to_have_text("3 photos")
    assert sorted(cells(page)) == sorted(tagged)
    page.get_by_role("link", name="Remove: Grandma").click()
    expect(page.locator("#tag-count")).to_have_text("2 photos")
    page.get_by_text("Tags", exact=True).click()
    page.get_by_role("link", name="Not Grandma, 1 photo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ours, without grandma")
    assert cells(page) == tagged[1:2]
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ours")
    page.reload()
    expect(page.locator("#tag-count")).to_have_text("2 photos")


def test_a_photo_walks_within_the_choice(visit: Visit, site: Site, person: Person, tagged: list[int]) -> None:
    page = visit(f"{site.url}/magic/ours/?without=grandma", person)
    page.locator(".cell a").click()
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#next, #previous")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#picture")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Ours, without grandma")


def test_choosing_works_without_javascript(
    visit: Visit, site: Site, person: Person, tagged: list[int]
) -> None:
    page = visit(f"{site.url}/magic/ours/", person, java_script_enabled=False)
    page.get_by_role("link", name="Refine").click()
    page.get_by_text("Tags", exact=True).click()
    page.locator('.facet-panel a[href*="with=grandma"]').first.click()
    expect(page.locator(".roll .cell")).to_have_count(1)
    page.get_by_role("link", name="Remove: Ours").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Grandma")
    expect(page.locator(".roll .cell")).to_have_count(2)


def test_not_this_on_a_cell_and_back(visit: Visit, site: Site, person: Person, album: Album) -> None:
    photo, *_ = person.upload(*album.photos[:2])
    page = visit(f"{site.url}/magic/{album.word}/", person)
    expect(page.locator("#tag-count")).to_have_text("1 photo")
    cell = page.locator(f'.cell[data-id="{photo}"]')
    cell.hover()
    cell.get_by_role("button", name=f"Not {album.word}").click()
    expect(cell.locator(".judged")).to_contain_text(f"Not {album.word}")
    expect(page.locator("#tag-count")).to_have_text("0 photos")
    expect(cell.get_by_role("button", name="Undo")).to_be_focused()
    assert findings(page) == []
    page.keyboard.press("Enter")
    expect(cell.locator(".judged")).to_have_count(0)
    expect(page.locator("#tag-count")).to_have_text("1 photo")
    cell.hover()
    cell.get_by_role("button", name=f"Not {album.word}").click()
    expect(cell.locator(".judged")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No photo has this tag now")).to_be_visible()


def test_not_this_by_keyboard(visit: Visit, site: Site, person: Person, album: Album) -> None:
    photo, *_ = person.upload(*album.photos[:2])
    page = visit(f"{site.url}/magic/{album.word}/", person)
    cell = page.locator(f'.cell[data-id="{photo}"]')
    cell.locator("a").focus()
    page.keyboard.press("Tab")
    expect(cell.get_by_role("button", name=f"Not {album.word}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cell.get_by_role("button", name="Undo")).to_be_focused()


def test_a_cover_is_chosen_on_the_photo(visit: Visit, site: Site, person: Person, tagged: list[int]) -> None:
    older = tagged[1]
    page = visit(f"{site.url}/photo/{older}/?in=tag:ours", person)
    page.get_by_role("button", name="Use as cover of ours").click()
    expect(page.get_by_role("button", name="Cover of ours")).to_have_attribute("aria-pressed", "true")
    page.goto(f"{site.url}/magic/my-tags/")
    tile = page.get_by_role("list", name="Tags in").get_by_role("link", name="ours")
    expect(tile.locator("img")).to_have_attribute("src", f"/photo/{older}/thumbnail.jpg?r=1")


def test_a_menu_closes_by_key_and_by_a_click_beside(
    visit: Visit, site: Site, person: Person, tagged: list[int]
) -> None:
    page = visit(f"{site.url}/magic/ours/", person)
    panel = page.locator(".facet-panel").first
    page.get_by_text("Tags", exact=True).click()
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("summary").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel).to_be_visible()
    page.get_by_role("heading", level=1).click()
    expect(panel).to_be_hidden()


@pytest.mark.parametrize("size", [DESKTOP, TABLET, PHONE])
def test_choices_are_well_made(
    visit: Visit, site: Site, person: Person, tagged: list[int], size: str
) -> None:
    found: list[str] = []
    look = partial(_look, found=found, size=size)
    page = visit(
        f"{site.url}/magic/ours/?with=grandma&match=any", person, reduced_motion="reduce", **SIZES[size]
    )
    expect(page.get_by_text("Tags", exact=True)).to_be_visible()
    look(page, "choice")
    page.get_by_text("Tags", exact=True).click()
    look(page, "choice-menu")
    page.goto(f"{site.url}/magic/ours/?with=horse")
    look(page, "choice-nothing")
    page.goto(f"{site.url}/magic/ours/refine/?without=grandma")
    look(page, "choice-plain")
    assert found == []


def _look(page: Page, name: str, *, found: list[str], size: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        pictures_are_shown(page)
        keep(page, f"{name}-{size}-{scheme}")
        found += [f"{name} {scheme}: {finding}" for finding in findings(page)]
