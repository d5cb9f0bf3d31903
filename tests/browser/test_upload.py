"""Photos go in: chosen, dropped, sent twice, refused; they stand in the roll, and tags come by themselves."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.album import Album, folder_of
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.watch import Watch

pytestmark = pytest.mark.browser


def choose(page: Page, files: list[Path]) -> None:
    """Choose files as a person does, and mark the page to notice if it is loaded anew."""
    page.evaluate("document.documentElement.dataset.stayed = 'yes'")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("link", name="Choose photos").click()
    assert chooser.value.is_multiple()
    chooser.value.set_files(files)


def tray_row(page: Page, file: Path) -> Locator:
    return page.get_by_role("region", name="Uploads").get_by_role("listitem").filter(has_text=file.name)


def has_stayed(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-stayed", "yes")


def test_chosen_photos_stand_in_the_roll_with_tags_and_no_reload(
    visit: Visit, watch: Watch, site: Site, person: Person, album: Album, no_picture: Path
) -> None:
    watch.expect("/upload/$")  # 422 for what is not a picture
    page = visit(site.url, person)
    with site.idle_worker():
        choose(page, [*album.photos[:3], no_picture])
        expect(tray_row(page, no_picture)).to_contain_text("not a picture")
        expect(page.get_by_role("region", name="Uploads")).to_contain_text("3 photos added, 1 not taken")
        expect(page.locator(".roll .cell")).to_have_count(3)
        expect(page.get_by_text("Tagging 3 photos")).to_be_visible()
    expect(tray_row(page, album.first).get_by_role("list", name="Tags")).to_contain_text(album.word)
    expect(page.locator(f"#rail-{album.category}")).to_be_visible()
    expect(page.get_by_text("Tagging")).to_have_count(0)
    has_stayed(page)


def test_what_was_not_taken_stands_first_in_the_end(
    visit: Visit, watch: Watch, site: Site, person: Person, album: Album, no_picture: Path
) -> None:
    watch.expect("/upload/$")
    page = visit(site.url, person)
    choose(page, [*album.photos[:3], no_picture])
    tray = page.get_by_role("region", name="Uploads")
    expect(tray).to_contain_text("3 photos added, 1 not taken")
    expect(tray.locator(".tray-file").first).to_contain_text(no_picture.name)


def test_same_photo_again_is_recognised(visit: Visit, site: Site, person: Person, album: Album) -> None:
    person.upload(album.first)
    page = visit(site.url, person)
    page.goto(f"{site.url}/upload/")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose photos").click()
    chooser.value.set_files([album.first, album.photos[1]])
    expect(tray_row(page, album.first)).to_contain_text("Already in your roll")
    expect(page.get_by_role("region", name="Uploads")).to_contain_text("1 photo added, 1 already there")
    page.goto(site.url)
    expect(page.locator(".roll .cell")).to_have_count(2)


def test_dropped_folder_goes_in_from_any_page(
    visit: Visit, site: Site, person: Person, album: Album, tmp_path: Path
) -> None:
    folder = folder_of(album.photos[:2], tmp_path)
    page = visit(f"{site.url}/magic/", person)
    drop(page, [folder, album.photos[2]])
    for photo in album.photos[:3]:
        expect(tray_row(page, photo)).to_have_attribute("data-state", "stored")
    expect(page.locator(".category").first).to_be_visible()
    page.get_by_role("link", name="Camera Roll").first.click()
    expect(page.locator(".roll .cell")).to_have_count(3)
    expect(tray_row(page, album.first)).to_be_visible()  # the tray has come along
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("region", name="Uploads")).to_have_count(0)


def drop(page: Page, paths: list[Path]) -> None:
    """Drag files from outside over the page and let go, with events that the browser itself makes."""
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    browser = page.context.new_cdp_session(page)
    for event in ("dragEnter", "dragOver"):
        browser.send("Input.dispatchDragEvent", {"type": event, "x": 700, "y": 400, "data": data})
    expect(page.locator("body.dropping")).to_be_visible()
    browser.send("Input.dispatchDragEvent", {"type": "drop", "x": 700, "y": 400, "data": data})
    expect(page.locator("body.dropping")).to_have_count(0)


def test_photo_page_shows_tags_when_they_come(visit: Visit, site: Site, person: Person, album: Album) -> None:
    with site.idle_worker():
        (photo,) = person.send(album.first)
        page = visit(f"{site.url}/photo/{photo}/", person)
        page.evaluate("document.documentElement.dataset.stayed = 'yes'")
        expect(page.locator("#photo-tags")).to_have_attribute("data-pending", "yes")
    expect(page.locator("#photo-tags").get_by_role("link", name=album.word, exact=True)).to_be_visible()
    has_stayed(page)


def test_magic_view_fills_itself(visit: Visit, site: Site, person: Person, album: Album) -> None:
    with site.idle_worker():
        person.send(*album.photos[:2])
        page = visit(f"{site.url}/magic/", person)
        page.evaluate("document.documentElement.dataset.stayed = 'yes'")
        expect(page.get_by_text("Looking at 2 photos")).to_be_visible()
    expect(page.locator(".shelf").get_by_role("link", name=album.category)).to_be_visible()
    has_stayed(page)
