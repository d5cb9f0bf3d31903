"""A photo's own page: keys, verdicts, favourite, similar photos, trash."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.watch import Watch, pictures_are_shown

pytestmark = pytest.mark.browser


def open_first(page: Page) -> None:
    page.locator(".roll .cell a").first.click()
    expect(page.locator("#picture")).to_be_visible()


def test_arrows_escape_and_i_move_about(visit: Visit, site: Site, person: Person, album: Album) -> None:
    person.upload(*album.photos[:3])
    page = visit(site.url, person)
    addresses = [link.get_attribute("href") for link in page.locator(".roll .cell a").all()]
    open_first(page)
    for address in addresses[1:]:
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(site.url + str(address))
    page.keyboard.press("ArrowRight")  # the last: nothing happens
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(site.url + str(addresses[1]))
    information = page.get_by_role("complementary", name="Information")
    expect(information).to_be_visible()
    page.keyboard.press("i")
    expect(information).to_be_hidden()
    page.keyboard.press("i")
    expect(information).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".roll .cell")).to_have_count(3)


def test_keys_in_quick_succession_load_no_page(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:3])
    page = visit(site.url, person)
    last = page.locator(".roll .cell a").last.get_attribute("href")
    open_first(page)
    page.evaluate("document.documentElement.dataset.stayed = 'yes'")
    page.evaluate(
        "for (const _ of [1, 2]) document.body.dispatchEvent("
        "new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }))"
    )
    expect(page).to_have_url(site.url + str(last))
    expect(page.locator("html")).to_have_attribute("data-stayed", "yes")


def test_chrome_fades_and_comes_back(visit: Visit, site: Site, person: Person, album: Album) -> None:
    (photo,) = person.upload(album.first)
    page = visit(f"{site.url}/photo/{photo}/", person)
    information = page.get_by_role("complementary", name="Information")
    colour = information.evaluate("panel => getComputedStyle(panel).color")
    expect(page.locator(".viewer.idle")).to_be_visible()
    expect(information).to_have_css("color", colour)  # it is no chrome: what is read there stays as it is
    page.mouse.move(400, 400)
    expect(page.locator(".viewer.idle")).to_have_count(0)


def test_person_adds_and_rejects_tags_and_takes_it_back(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    (photo,) = person.upload(album.first)
    page = visit(f"{site.url}/photo/{photo}/", person)
    tags = page.locator("#photo-tags")
    page.get_by_label("Add a tag", exact=True).fill("Aunt Ada")
    page.keyboard.press("Enter")
    expect(tags.get_by_role("link", name="Aunt Ada", exact=True)).to_be_visible()
    expect(page.get_by_label("Add a tag", exact=True)).to_have_value("")

    tags.get_by_role("button", name=f"Not {album.word}", exact=True).click()
    expect(tags.get_by_role("link", name=album.word, exact=True)).to_have_count(0)
    undo = tags.get_by_role("button", name=f"Undo: {album.word} is in this photo after all")
    expect(undo).to_be_visible()
    assert f'data-id="{photo}"' not in person.http.get(f"/search/?q={album.word}")
    undo.click()
    expect(tags.get_by_role("link", name=album.word, exact=True)).to_be_visible()
    tags.get_by_role("button", name="Remove Aunt Ada").click()
    expect(tags.get_by_role("link", name="Aunt Ada", exact=True)).to_have_count(0)


def test_favourite_has_a_heart_in_the_roll(visit: Visit, site: Site, person: Person, album: Album) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person)
    open_first(page)
    page.get_by_role("button", name="Favourite", exact=True).click()
    expect(page.get_by_role("button", name="Favourite", exact=True)).to_have_attribute("aria-pressed", "true")
    page.goto(f"{site.url}/favourites/")
    expect(page.locator(".cell")).to_have_count(1)
    expect(page.locator(".cell .heart")).to_be_visible()
    open_first(page)
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Favourite", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )
    page.goto(f"{site.url}/favourites/")
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def test_similar_photos_show_the_nearest_first(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    photo, *others = person.upload(*album.photos[:4])
    page = visit(f"{site.url}/photo/{photo}/", person)
    strip = page.locator("#similar .strip a")
    expect(strip).to_have_count(len(others))
    pictures_are_shown(page)
    nearest = strip.first.get_attribute("href")
    page.get_by_role("link", name="All similar photos").click()
    expect(page.get_by_role("heading", name="Similar photos")).to_be_visible()
    expect(page.locator(".cell a").first).to_have_attribute("href", str(nearest))
    page.locator(".cell a").first.click()
    expect(page).to_have_url(site.url + str(nearest))


def test_trash_undo_restore_and_delete_for_good(
    visit: Visit, watch: Watch, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person)
    open_first(page)
    heading = page.locator(".viewer h1")
    name = heading.inner_text()
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_role("status").filter(has_text="Moved to trash")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Back in your roll")).to_be_visible()
    expect(heading).to_have_text(name)

    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_text("Moved to trash")).to_be_visible()
    page.goto(f"{site.url}/trash/")
    expect(page.locator(".cell")).to_have_count(1)
    page.locator(".cell").hover()
    page.get_by_role("button", name=f"Restore {name}").click()
    expect(page.get_by_text("Back in your roll")).to_be_visible()

    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_text("Moved to trash")).to_be_visible()
    page.goto(f"{site.url}/trash/")
    page.locator(".cell a").click()
    expect(page.locator(".viewer[data-photo]")).to_be_visible()
    address = page.url
    page.get_by_role("button", name="Delete for good").click()
    page.locator("#delete-dialog").get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Deleted for good.")).to_be_visible()
    watch.expect(address)
    page.goto(address)
    expect(page.get_by_role("heading", name="Not here")).to_be_visible()
    page.goto(site.url)
    expect(page.locator(".roll .cell")).to_have_count(1)


def test_trash_is_emptied_after_a_question_that_names_the_number(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    for photo in person.upload(*album.photos[:2]):
        person.http.post(f"/photo/{photo}/trash/", {})
    page = visit(f"{site.url}/trash/", person)
    page.get_by_role("button", name="Empty trash").click()
    expect(page.get_by_role("dialog")).to_contain_text("Delete 2 photos for good?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Empty trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 2 photos").click()
    expect(page.get_by_text("2 photos deleted for good")).to_be_visible()
    expect(page.get_by_text("The trash is empty")).to_be_visible()
