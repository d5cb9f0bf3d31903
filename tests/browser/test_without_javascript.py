"""Without JavaScript every page is a page and every button a form."""

from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.album import Album
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.watch import Watch

pytestmark = pytest.mark.browser


@pytest.fixture
def visit_plainly(visit: Visit) -> Visit:
    return partial(visit, java_script_enabled=False)


def test_form_takes_many_files_and_says_what_became_of_each(
    visit_plainly: Visit, site: Site, person: Person, album: Album, no_picture: Path
) -> None:
    person.upload(album.photos[1])
    page = visit_plainly(site.url, person)
    page.get_by_role("link", name="Upload").first.click()
    expect(page.get_by_text("Drop photos")).to_be_hidden()  # nothing would take them
    page.get_by_label("Choose photos").set_input_files([*album.photos[:2], no_picture])
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="What became of 3 files")).to_be_visible()
    results = page.locator(".received li")
    expect(results.filter(has_text=album.photos[1].name)).to_contain_text("Already in your roll")
    expect(results.filter(has_text=no_picture.name)).to_contain_text("not a picture")
    results.get_by_role("link", name=album.first.name).click()
    expect(page.get_by_role("heading", name=album.first.name)).to_be_visible()


def test_roll_and_magic_view_show_photos(
    visit_plainly: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:3])
    page = visit_plainly(site.url, person)
    expect(page.locator(".roll .cell img")).to_have_count(3)
    page.get_by_role("link", name="Magic View").first.click()
    page.locator(".shelf").get_by_role("link", name=album.category).click()
    page.get_by_role("list", name="Tags in").get_by_role("link", name=album.word).click()
    expect(page.locator(".cell img")).to_have_count(1)


def test_tags_are_added_rejected_and_brought_back(
    visit_plainly: Visit, watch: Watch, site: Site, person: Person, album: Album
) -> None:
    (photo,) = person.upload(album.first)
    page = visit_plainly(f"{site.url}/photo/{photo}/", person)
    page.get_by_label("Add a tag", exact=True).fill("Aunt Ada")
    page.get_by_role("button", name="Add this tag").click()
    tags = page.locator("#photo-tags")
    expect(tags.get_by_role("link", name="Aunt Ada", exact=True)).to_be_visible()
    tags.get_by_role("button", name=f"Not {album.word}", exact=True).click()
    expect(tags.get_by_role("link", name=album.word, exact=True)).to_have_count(0)
    tags.get_by_role("button", name=f"Undo: {album.word}").click()
    expect(tags.get_by_role("link", name=album.word, exact=True)).to_be_visible()
    watch.expect("/tags/$")  # 422: no tag was typed
    page.get_by_role("button", name="Add this tag").click()
    expect(page.get_by_role("alert")).to_have_text("Type a tag first.")


def test_favourite_similar_trash_and_restore(
    visit_plainly: Visit, site: Site, person: Person, album: Album
) -> None:
    photo, _ = person.upload(*album.photos[:2])
    page = visit_plainly(f"{site.url}/photo/{photo}/", person)
    page.get_by_role("button", name="Favourite").click()
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Show similar photos").click()
    expect(page.locator(".cell")).to_have_count(1)
    page.goto(f"{site.url}/photo/{photo}/")
    page.get_by_role("button", name="Move to trash").click()
    page.goto(f"{site.url}/trash/")
    page.get_by_role("button", name=f"Restore {album.first.name}").click()
    expect(page.get_by_role("heading", name=album.first.name)).to_be_visible()
    page.goto(f"{site.url}/trash/")
    expect(page.get_by_text("The trash is empty")).to_be_visible()


def test_search_and_log_out(visit_plainly: Visit, site: Site, album: Album) -> None:
    person = site.new_person()
    person.upload(album.first)
    page = visit_plainly(site.url, person)
    page.get_by_label("Search your photos").fill(album.word)
    page.get_by_label("Search your photos").press("Enter")
    expect(page.locator(".cell")).to_have_count(1)
    page.get_by_role("button", name=f"Account: {person.name}").click()  # menus are popovers, not scripts
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
