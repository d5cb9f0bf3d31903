"""The viewer over a list: opening, closing, walking on, zooming, and what can be changed in it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.test_screens import DESKTOP, PHONE, SIZES, TABLET, inspect
from tests.browser.watch import Watch, pictures_are_shown

__all__ = ["inspect"]
pytestmark = pytest.mark.browser

LOW = {"width": 1000, "height": 420}  # so that a few photos are something to scroll


def cells(page: Page) -> Locator:
    return page.locator("a.cell, .cell > a")


def opened(page: Page) -> Locator:
    """Return the viewer over the list, once the photo's facts are there."""
    viewer = page.locator("#lightbox .viewer[data-photo]")
    expect(viewer).to_be_visible()
    is_still(page)
    return viewer


def open_photo(page: Page, number: int = 0) -> Locator:
    cells(page).nth(number).click()
    return opened(page)


def is_closed(page: Page) -> None:
    expect(page.locator("#lightbox[open]")).to_have_count(0)
    is_still(page)


def is_still(page: Page) -> None:
    """Wait until the picture has grown or shrunk: so long pointers meet but an image of the page."""
    page.wait_for_function(
        """() => !document.getAnimations().some(
          ({ effect }) => effect.pseudoElement?.startsWith("::view-transition"))"""
    )


def swipe(page: Page, x: int, y: int) -> None:
    """Move one finger over the picture, as the browser's touch input tells it."""
    client = page.context.new_cdp_session(page)
    box = page.locator(".viewer-stage").bounding_box()
    assert box
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    for part in (0.3, 0.7, 1):
        point = {"x": at["x"] + part * x, "y": at["y"] + part * y}
        client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def pinch(page: Page, spread_px: int) -> None:
    client = page.context.new_cdp_session(page)
    box = page.locator(".viewer-stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def two(apart: float) -> list[dict[str, float]]:
        return [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]

    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": two(20)})
    for part in (0.5, 1):
        points = two(20 + part * spread_px)
        client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def zoomed(page: Page) -> float:
    return float(page.locator(".viewer-stage").get_attribute("data-zoom") or 0)


def zooms(page: Page, condition: str) -> None:
    page.wait_for_function(f"() => Number(document.querySelector('.viewer-stage').dataset.zoom) {condition}")


def test_a_photo_opens_over_the_list_and_closing_finds_the_very_place(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:6])
    page = visit(site.url, person, viewport=LOW)
    page.evaluate("document.documentElement.dataset.stayed = 'yes'")
    address = cells(page).last.get_attribute("href")
    cells(page).last.hover()
    expect(page).to_have_url(re.compile(r"\?at="))  # it has come to rest
    top, place = page.evaluate("scrollY"), page.url
    assert top > 0
    for close in ("Escape", "back", "button"):
        viewer = open_photo(page, 5)
        expect(page).to_have_url(site.url + str(address))
        expect(page).to_have_title(re.compile(re.escape(viewer.get_by_role("heading", level=1).inner_text())))
        assert page.evaluate("scrollY") == top
        if close == "Escape":
            page.keyboard.press("Escape")
        elif close == "back":
            page.go_back()
        else:
            viewer.get_by_role("link", name="Back").click()
        is_closed(page)
        expect(page).to_have_url(place)
        expect(page).to_have_title(re.compile("Camera Roll"))
        assert page.evaluate("scrollY") == top
        expect(cells(page).last).to_be_focused()
    expect(page.locator("html")).to_have_attribute("data-stayed", "yes")


def test_forward_opens_it_again_and_a_reload_is_the_page_whose_escape_leads_to_the_list(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person)
    open_photo(page)
    address = page.url
    page.go_back()
    is_closed(page)
    page.go_forward()
    opened(page)
    expect(page).to_have_url(address)
    page.reload()
    expect(page.locator("body.viewing > main .viewer")).to_be_visible()
    expect(page.locator("#lightbox")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{site.url}/")
    expect(page.locator(".roll")).to_be_visible()


def test_a_double_click_opens_it_once(visit: Visit, site: Site, person: Person, album: Album) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person)
    page.evaluate("document.documentElement.dataset.stayed = 'yes'")
    cells(page).first.dblclick()
    opened(page)
    page.go_back()
    is_closed(page)
    expect(page).to_have_url(f"{site.url}/")
    expect(page.locator("html")).to_have_attribute("data-stayed", "yes")


def test_somebody_who_goes_back_at_once_is_back(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person)
    page.evaluate("document.documentElement.dataset.stayed = 'yes'")
    page.evaluate(
        """() => {
          const push = history.pushState.bind(history);
          history.pushState = (...state) => { push(...state); history.back(); };
        }"""
    )
    cells(page).first.click()
    expect(page.locator("#lightbox")).to_have_count(1)
    page.evaluate("delete history.pushState")
    is_back(page, site)
    for wait_ms in (0, 20, 60):  # while it closes, and while it opens
        open_photo(page)
        page.evaluate(
            """async (ms) => {
              for (const go of ["back", "forward", "back"]) {
                const gone = new Promise((done) => addEventListener("popstate", done, { once: true }));
                history[go]();
                await gone; // browsers take steps that come at once for fewer
                await new Promise((done) => setTimeout(done, ms));
              }
            }""",
            wait_ms,
        )
        is_back(page, site)
    expect(page.locator("html")).to_have_attribute("data-stayed", "yes")


def is_back(page: Page, site: Site) -> None:
    expect(page).to_have_url(f"{site.url}/")
    page.wait_for_timeout(400)  # for what may still come
    expect(page).to_have_url(f"{site.url}/")
    is_closed(page)


def test_neighbours_by_key_and_button_take_one_step_in_the_history(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:3])
    page = visit(site.url, person)
    addresses = [site.url + str(link.get_attribute("href")) for link in cells(page).all()]
    viewer = open_photo(page)
    expect(viewer.get_by_role("link", name="Previous photo")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(addresses[1])
    viewer.get_by_role("link", name="Next photo").click()
    expect(page).to_have_url(addresses[2])
    expect(viewer.get_by_role("link", name="Next photo")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(addresses[1])
    page.go_back()
    is_closed(page)
    expect(cells(page).nth(1)).to_be_focused()


def test_a_neighbour_is_there_before_it_is_asked_for(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person)
    following = str(cells(page).nth(1).get_attribute("href"))
    with (
        page.expect_response(lambda answer: answer.url.endswith(following)),
        page.expect_response(lambda answer: f"{following}preview.jpg" in answer.url),
    ):
        open_photo(page)


def test_the_strip_can_be_walked_along_and_back(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:4])
    page = visit(site.url, person)
    open_photo(page)
    seen = [page.url]
    for _ in range(2):
        link = page.locator("#similar .strip a").first
        following = site.url + str(link.get_attribute("href"))
        link.click()
        expect(page).to_have_url(following)
        expect(page.locator(".viewer[data-photo]")).to_have_attribute(
            "data-photo", following.rstrip("/").split("/")[-1]
        )
        seen.append(following)
    page.go_back()
    expect(page).to_have_url(seen[1])
    page.go_back()
    expect(page).to_have_url(seen[0])
    expect(page.locator("#lightbox[open]")).to_have_count(1)
    page.locator("#similar .strip a").last.click()
    expect(page).not_to_have_url(seen[0])
    page.keyboard.press("Escape")  # from wherever one has walked to
    is_closed(page)
    expect(page).to_have_url(f"{site.url}/")


def test_zoom_by_wheel_keys_and_double_click_brings_the_original(
    visit: Visit, site: Site, person: Person, large_photo: Callable[[], int]
) -> None:
    photo = large_photo()
    page = visit(site.url, person)
    open_photo(page)
    picture = page.locator("#picture")
    expect(picture).to_have_attribute("src", re.compile("preview"))
    assert zoomed(page) == 1
    with page.expect_response(lambda answer: answer.url.endswith(f"/photo/{photo}/original")):
        page.locator(".viewer-stage").dblclick(position={"x": 400, "y": 400})
    zooms(page, "> 2")
    expect(picture).to_have_attribute("src", re.compile("original$"))
    page.keyboard.press("0")
    zooms(page, "== 1")
    page.keyboard.press("+")
    zooms(page, "> 1.4")
    page.keyboard.press("-")
    zooms(page, "== 1")
    page.mouse.move(400, 400)
    page.mouse.wheel(0, -400)
    zooms(page, "> 1.5")
    place = picture.bounding_box()
    page.mouse.down()
    page.mouse.move(460, 420)
    page.mouse.up()
    moved = picture.bounding_box()
    assert place
    assert moved
    assert (moved["x"] - place["x"], moved["y"] - place["y"]) == pytest.approx((60, 20), abs=2)
    page.mouse.wheel(0, 4000)
    zooms(page, "== 1")


def test_fingers_pinch_swipe_and_pull(visit: Visit, site: Site, person: Person, album: Album) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person, **SIZES[PHONE])
    addresses = [site.url + str(link.get_attribute("href")) for link in cells(page).all()]
    cells(page).first.tap()
    opened(page)
    pinch(page, 100)
    zooms(page, "> 2")
    swipe(page, -150, 0)  # moves the zoomed picture, and nothing else
    expect(page).to_have_url(addresses[0])
    pinch(page, -18)
    zooms(page, "== 1")
    swipe(page, -150, 0)
    expect(page).to_have_url(addresses[1])
    swipe(page, 150, 10)
    expect(page).to_have_url(addresses[0])
    information = page.get_by_role("complementary", name="Information")
    expect(information).to_be_hidden()
    swipe(page, 0, -150)
    expect(information).to_be_visible()
    page.get_by_role("button", name="Information").click()  # a tap would but end the fling
    expect(information).to_be_hidden()
    swipe(page, 0, 150)
    is_closed(page)


def test_turning_and_turning_back(visit: Visit, site: Site, person: Person, album: Album) -> None:
    (photo,) = person.upload(album.first)
    page = visit(site.url, person)
    open_photo(page)
    picture = page.locator("#picture")
    width, height = picture.get_attribute("width"), picture.get_attribute("height")
    for _ in range(2):  # in quick succession
        page.keyboard.press("r")
    page.get_by_role("button", name="Rotate left").click()
    expect(picture).to_have_attribute("width", str(height))
    expect(picture).to_have_attribute("height", str(width))
    expect(page.get_by_role("button", name="Rotate left")).to_be_focused()
    pictures_are_shown(page)
    page.get_by_role("button", name="Rotate left").click()
    expect(picture).to_have_attribute("width", str(width))
    expect(page.locator("#photo-tags").get_by_role("link", name=album.word, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    is_closed(page)
    thumbnail = page.locator(f'.cell[data-id="{photo}"] img, .cell[data-photo="{photo}"] img')
    expect(thumbnail).to_have_attribute("src", re.compile(r"\?r=([5-9]|\d\d)$"))  # the list knows


def test_caption_and_date_are_kept_and_the_cameras_date_comes_back(
    visit: Visit, watch: Watch, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person)
    open_photo(page)
    save = page.get_by_role("button", name="Save caption")
    expect(save).to_be_hidden()
    page.get_by_label("Caption").fill("Ada with Grandpa")
    save.click()
    expect(page.locator("#picture")).to_have_attribute("alt", re.compile("^Ada with Grandpa"))
    taken = page.locator(".taken")
    before = taken.inner_text()
    page.get_by_text("Change date").click()
    page.get_by_label("Taken on").fill("1999-12-31T23:59:58")
    page.get_by_role("button", name="Save date").click()
    expect(taken).to_contain_text("31 December 1999")
    expect(taken).to_contain_text("set by you")
    watch.expect("/date/$")  # 422
    page.get_by_text("Change date").click()
    page.get_by_label("Taken on").fill("1500-01-01T00:00:00")
    page.get_by_role("button", name="Save date").click()
    expect(page.get_by_role("alert")).to_contain_text("No photo is that old")
    expect(page.get_by_label("Taken on")).to_have_value(re.compile("^1500-01-01"))
    page.locator("#date-reset").click()
    expect(taken).to_have_text(before, use_inner_text=True)
    page.keyboard.press("Escape")
    is_closed(page)
    expect(page.locator('.cell img[alt^="Ada with Grandpa"]')).to_have_count(1)
    page.get_by_label("Search your photos").fill("grandpa ada")
    page.get_by_label("Search your photos").press("Enter")
    expect(cells(page)).to_have_count(1)


def test_tags_are_completed_by_keyboard(visit: Visit, site: Site, person: Person, album: Album) -> None:
    person.upload(album.first)
    page = visit(site.url, person)
    open_photo(page)
    field = page.get_by_role("textbox", name="Add a tag")
    field.focus()
    field = page.get_by_role("combobox", name="Add a tag")
    expect(field).to_have_attribute("aria-expanded", "false")
    field.press_sequentially("puppy")  # a synonym
    words = page.get_by_role("listbox", name="Tags")
    expect(words.get_by_role("option", name="dog", exact=True)).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    chosen = words.locator('[aria-selected="true"]')
    expect(chosen).to_have_count(1)
    expect(field).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
    assert findings(page) == []
    page.keyboard.press("Escape")  # closes the list alone
    expect(words).to_have_count(0)
    field.fill("beac")
    option = words.get_by_role("option", name="beach", exact=True)
    expect(option).to_be_visible()
    while option.get_attribute("aria-selected") != "true":
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("beach")
    page.keyboard.press("Enter")
    expect(page.locator("#photo-tags").get_by_role("button", name="Remove beach")).to_be_visible()
    expect(page.get_by_label("Add a tag", exact=True)).to_have_value("")


def test_trash_moves_on_and_can_be_undone(visit: Visit, site: Site, person: Person, album: Album) -> None:
    person.upload(*album.photos[:2])
    page = visit(site.url, person)
    addresses = [site.url + str(link.get_attribute("href")) for link in cells(page).all()]
    open_photo(page)
    page.keyboard.press("Delete")
    expect(page).to_have_url(addresses[1])
    expect(page.get_by_role("status").filter(has_text="Moved to trash")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(addresses[0])
    expect(page.get_by_text("Back in your roll")).to_be_visible()
    for _ in range(2):  # the second is the last one: then there is the list
        page.get_by_role("button", name="Move to trash").click()
        expect(page).not_to_have_url(addresses[0])
        addresses[0] = addresses[1]
    expect(page.get_by_text("Moved to trash.")).to_be_visible()
    is_closed(page)


def test_lists_of_a_tag_open_within_themselves(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:3])
    page = visit(f"{site.url}/magic/{album.category}/", person)
    viewer = open_photo(page)
    expect(page).to_have_url(re.compile("in=tag"))
    expect(viewer.get_by_role("link", name="Back")).to_have_attribute("href", f"/magic/{album.category}/")


def test_its_scripts_come_when_they_are_wanted(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    person.upload(album.first)
    page = visit(site.url, person)
    names = "performance.getEntriesByType('resource').map((one) => one.name).filter((one) => /lightbox|zoom/.test(one))"
    assert page.evaluate(names) == []
    open_photo(page)
    assert page.evaluate(names) != []


def test_the_viewer_is_well_made(
    inspect: Callable[..., None], site: Site, person: Person, album: Album
) -> None:
    person.upload(*album.photos[:8])

    def act(page: Page) -> None:
        open_photo(page, 2)
        if page.viewport_size and page.viewport_size["width"] < 1000:
            page.get_by_role("button", name="Information").click()
        page.get_by_text("Change date").click()
        expect(page.locator("#similar .strip a").first).to_be_visible()

    inspect("lightbox", site.url, person, sizes=(DESKTOP, TABLET, PHONE), act=act)
    inspect("lightbox-plain", site.url, person, sizes=(PHONE,), act=open_photo)


@pytest.fixture
def large_photo(person: Person, tmp_path: Path) -> Callable[[], int]:
    """Upload a photo with more pixels than its preview."""

    def upload() -> int:
        path = tmp_path / "large.jpg"
        Image.radial_gradient("L").resize((3000, 2000)).convert("RGB").save(path, quality=70)
        (photo,) = person.upload(path)
        return photo

    return upload
