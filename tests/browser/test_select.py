"""Many photos at once: selecting by mouse, finger and keyboard, the bar's actions, undo."""

import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import Base
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import ARTIFACTS, Visit
from tests.browser.site import Person, Site
from tests.browser.watch import pictures_are_shown

pytestmark = pytest.mark.browser
CELL = "main .cell:is([data-id='{0}'], [data-photo='{0}'])"


def picture(folder: Path, number: int, day: int) -> Path:
    exif = Image.Exif()
    exif[Base.DateTime] = f"2024:06:{day:02} 10:30:{number:02}"
    target = folder / f"IMG_{number}.jpg"
    Image.new("RGB", (400, 300), (20 * number % 256, 90, 120)).save(target, exif=exif)
    return target


@pytest.fixture
def ten(person: Person, tmp_path: Path) -> list[int]:
    """Photos, newest first: four on the 16th, six on the 15th of June."""
    files = [picture(tmp_path, number, 15 if number < 6 else 16) for number in range(10)]
    return list(reversed(person.send(*files)))


def cell(page: Page, photo: int) -> Locator:
    return page.locator(CELL.format(photo))


def check(page: Page, photo: int) -> None:
    cell(page, photo).hover()
    cell(page, photo).locator(".check").click()


def chosen(page: Page) -> set[int]:
    return {
        int(value)
        for value in page.locator("main .cell.chosen").evaluate_all(
            "cells => cells.map((cell) => cell.dataset.photo ?? cell.dataset.id)"
        )
    }


def says(page: Page, text: str) -> None:
    expect(page.locator("#selected-count")).to_have_text(text)


def tool(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Selected photos").get_by_role("button", name=name, exact=True)


def note(page: Page) -> Locator:
    return page.locator("#toasts")


def live(person: Person) -> set[int]:
    return {int(photo) for photo in re.findall(r'data-(?:id|photo)="(\d+)"', person.http.get("/"))}


def test_check_marks_clicks_and_shift_clicks(
    visit: Visit, site: Site, person: Person, ten: list[int]
) -> None:
    page = visit(site.url, person)
    bar = page.get_by_role("region", name="Selected photos")
    expect(bar).to_be_hidden()
    check(page, ten[1])
    expect(bar).to_be_visible()
    says(page, "1 selected")
    cell(page, ten[3]).locator("a").click()  # with something selected a click selects
    says(page, "2 selected")
    cell(page, ten[7]).locator("a").click(modifiers=["Shift"])
    assert chosen(page) == {ten[1], *ten[3:8]}
    check(page, ten[4])
    assert chosen(page) == {ten[1], ten[3], *ten[5:8]}
    expect(cell(page, ten[5]).locator(".check")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    assert chosen(page) == set()
    cell(page, ten[3]).locator("a").click()
    page.wait_for_url(re.compile(rf"/photo/{ten[3]}/"))


def test_a_chosen_photo_shrinks_by_8_px_and_nothing_else_moves(
    visit: Visit, site: Site, person: Person, ten: list[int]
) -> None:
    page = visit(site.url, person, reduced_motion="reduce")
    pictures_are_shown(page)
    before = [cell(page, photo).bounding_box() for photo in ten]
    check(page, ten[2])
    assert [cell(page, photo).bounding_box() for photo in ten] == before
    frame, inside = before[2], cell(page, ten[2]).locator("img").bounding_box()
    assert frame
    assert inside
    assert (inside["x"] - frame["x"], inside["y"] - frame["y"]) == (8, 8)
    assert (inside["width"], inside["height"]) == (frame["width"] - 16, frame["height"] - 16)


def test_dragging_over_check_marks(visit: Visit, site: Site, person: Person, ten: list[int]) -> None:
    page = visit(site.url, person)
    cell(page, ten[1]).hover()
    cell(page, ten[1]).locator(".check").hover()
    page.mouse.down()
    cell(page, ten[3]).hover()
    expect(cell(page, ten[3])).to_have_class(re.compile("chosen"))
    cell(page, ten[2]).hover()  # and back
    expect(cell(page, ten[3])).not_to_have_class(re.compile("chosen"))
    page.mouse.up()
    assert chosen(page) == set(ten[1:3])
    says(page, "2 selected")


def test_a_rubber_band_from_beside_the_photos(
    visit: Visit, site: Site, person: Person, ten: list[int]
) -> None:
    page = visit(site.url, person)
    pictures_are_shown(page)
    box = cell(page, ten[-1]).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] + 200, box["y"] + box["height"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] + 10, steps=5)
    expect(cell(page, ten[-1])).to_have_class(re.compile("chosen"))
    expect(page.locator(".band")).to_be_visible()
    page.mouse.up()
    expect(page.locator(".band")).to_have_count(0)
    assert ten[-1] in chosen(page)
    assert ten[0] not in chosen(page)


def test_a_day_and_everything(visit: Visit, site: Site, person: Person, ten: list[int]) -> None:
    page = visit(site.url, person)
    day = page.locator("[data-day='2024-06-16']")
    day.hover()
    day.locator(".check-day").click()
    says(page, "4 selected")
    assert chosen(page) == set(ten[:4])
    expect(day.locator(".check-day")).to_have_attribute("aria-pressed", "true")
    day.locator(".check-day").click()
    expect(page.get_by_role("region", name="Selected photos")).to_be_hidden()
    check(page, ten[0])
    tool(page, "Select all").click()
    says(page, "10 selected")
    check(page, ten[9])
    says(page, "9 selected")
    tool(page, "Trash").click()
    expect(note(page)).to_contain_text("9 photos moved to the trash.")
    expect(page.locator("main .cell")).to_have_count(1)
    assert live(person) == {ten[9]}


def test_the_keyboard_alone(visit: Visit, site: Site, person: Person, ten: list[int]) -> None:
    page = visit(site.url, person)
    cell(page, ten[2]).locator("a").focus()
    page.keyboard.press(" ")
    says(page, "1 selected")
    cell(page, ten[5]).locator("a").focus()
    page.keyboard.press("Shift+ ")
    says(page, "4 selected")
    page.keyboard.press("Escape")
    assert chosen(page) == set()
    page.keyboard.press("Control+a")
    says(page, "10 selected")
    page.keyboard.press("Delete")
    expect(page.get_by_text("Drop your photos here")).to_be_visible()
    expect(note(page)).to_contain_text("10 photos moved to the trash.")
    assert live(person) == set()
    note(page).get_by_role("button", name="Undo").press("Enter")
    expect(note(page)).to_contain_text("Undone.")
    expect(page.locator("main .cell")).to_have_count(10)


def test_the_grid_may_say_it_too(visit: Visit, site: Site, person: Person, ten: list[int]) -> None:
    page = visit(site.url, person)
    say = "id => document.dispatchEvent(new CustomEvent('roll:toggle', { detail: { id } }))"
    check(page, ten[5])
    says(page, "1 selected")  # what selects photos is here from now on
    page.evaluate(say, ten[4])
    assert chosen(page) == {ten[4], ten[5]}
    page.evaluate(say, ten[5])
    # Cells that go and come are marked again.
    page.evaluate(
        "document.querySelector('main .photos').append(document.querySelector('.chosen').cloneNode(true))"
    )
    page.evaluate(say, ten[4])
    expect(page.locator("main .cell.chosen")).to_have_count(0)


def test_undo_after_a_reload(visit: Visit, site: Site, person: Person, ten: list[int]) -> None:
    page = visit(site.url, person)
    check(page, ten[0])
    check(page, ten[1])
    tool(page, "Trash").click()
    expect(note(page)).to_contain_text("2 photos moved to the trash.")
    page.reload()
    expect(note(page)).to_contain_text("2 photos moved to the trash.")
    note(page).get_by_role("button", name="Undo").click()
    expect(note(page)).to_contain_text("Undone.")
    expect(page.locator("main .cell")).to_have_count(10)
    assert live(person) == set(ten)


def test_tags_favourites_and_dates(visit: Visit, site: Site, person: Person, ten: list[int]) -> None:
    page = visit(site.url, person)
    for photo in ten[:3]:
        check(page, photo)
    tool(page, "Add tag").click()
    page.get_by_label("Tag", exact=True).fill("boat trip")
    page.keyboard.press("Enter")
    expect(note(page)).to_contain_text("3 photos tagged “boat trip”.")
    for photo in ten[:2]:
        check(page, photo)
    tool(page, "Not this").click()
    page.locator("#act-tags").get_by_text("boat trip").click()
    page.get_by_role("button", name="Take it off").click()
    expect(note(page)).to_contain_text("2 photos are not “boat trip”: noted.")
    assert person.http.get("/magic/boat-trip/").count('class="cell" data-id') == 1
    check(page, ten[2])
    tool(page, "Favourite").click()
    expect(note(page)).to_contain_text("1 photo added to your favourites.")
    expect(cell(page, ten[2]).locator(".heart")).to_be_visible()
    check(page, ten[2])
    tool(page, "Favourite").click()
    expect(note(page)).to_contain_text("1 photo no longer a favourite.")
    check(page, ten[2])
    tool(page, "Date").click()
    page.get_by_label("days").fill("1")
    page.get_by_role("combobox", name="Which way").select_option("earlier")
    page.get_by_role("button", name="Shift").click()
    expect(note(page)).to_contain_text("1 photo moved 1 day earlier.")
    expect(page.locator("[data-day='2024-06-15'] .cell")).to_have_count(7)
    check(page, ten[2])
    tool(page, "Date").click()
    page.get_by_label("Day", exact=True).fill("2023-02-03")
    page.get_by_role("button", name="Set").click()
    expect(note(page)).to_contain_text("1 photo dated 3 February 2023.")
    expect(page.locator("[data-day='2023-02-03'] .cell")).to_have_count(1)


def test_a_mistake_is_said_and_the_selection_stays(
    visit: Visit, site: Site, person: Person, ten: list[int], watch
) -> None:
    watch.expect("/selection/$")
    page = visit(site.url, person)
    check(page, ten[0])
    tool(page, "Add tag").click()
    page.get_by_label("Tag", exact=True).fill("???")
    page.keyboard.press("Enter")
    expect(note(page)).to_contain_text("A tag needs at least one letter or number.")
    says(page, "1 selected")


def test_a_download_is_a_zip_of_the_originals(
    visit: Visit, site: Site, person: Person, ten: list[int], tmp_path: Path
) -> None:
    page = visit(site.url, person)
    check(page, ten[0])
    check(page, ten[9])
    with page.expect_download() as downloading:
        tool(page, "Download").click()
    archive = zipfile.ZipFile(downloading.value.path())
    sent = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in tmp_path.glob("IMG_*.jpg")}
    got = {name: hashlib.sha256(archive.read(name)).digest() for name in archive.namelist()}
    assert got == {name: sent[name] for name in ("IMG_0.jpg", "IMG_9.jpg")}
    says(page, "2 selected")


def test_the_trash_restores_and_deletes(visit: Visit, site: Site, person: Person, ten: list[int]) -> None:
    for photo in ten[:4]:
        person.http.post(f"/photo/{photo}/trash/", {})
    page = visit(f"{site.url}/trash/", person)
    check(page, ten[0])
    tool(page, "Restore").click()
    expect(page.locator("main .cell")).to_have_count(3)
    expect(note(page)).to_contain_text("1 photo back in your roll.")
    check(page, ten[1])
    check(page, ten[2])
    page.keyboard.press("Delete")
    dialog = page.get_by_role("dialog", name="Delete 2 photos for good?")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(page.locator("main .cell")).to_have_count(1)
    expect(note(page)).to_contain_text("2 photos deleted for good.")
    expect(note(page).get_by_role("button", name="Undo")).to_have_count(0)


def test_a_finger_selects_from_the_button_in_the_header(
    visit: Visit, site: Site, person: Person, ten: list[int]
) -> None:
    page = visit(site.url, person, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.get_by_role("link", name="Select photos").tap()
    says(page, "Select photos")
    cell(page, ten[0]).locator("a").tap()
    cell(page, ten[1]).locator("a").tap()
    says(page, "2 selected")
    tool(page, "Trash").tap()
    expect(note(page)).to_contain_text("2 photos moved to the trash.")


def test_without_javascript_there_are_boxes(visit: Visit, site: Site, person: Person, ten: list[int]) -> None:
    page = visit(site.url, person, java_script_enabled=False)
    page.get_by_role("link", name="Select photos").click()
    for box in page.locator("input[name=ids]").all()[:2]:
        box.check()
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_role("status").filter(has_text="2 photos moved to the trash.")).to_be_visible()
    assert live(person) == set(ten[2:])
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Latest changes")).to_be_visible()
    assert live(person) == set(ten)


SIZES = {"desktop": (1440, 900), "tablet": (820, 1180), "phone": (390, 844)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_how_it_looks_and_that_axe_finds_nothing(
    visit: Visit, site: Site, person: Person, ten: list[int], size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    page = visit(
        site.url,
        person,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    pictures_are_shown(page)

    def keep(name: str) -> None:
        folder = ARTIFACTS / "select"
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{size}-{scheme}-{name}.png")
        assert findings(page) == [], name

    for photo in (ten[1], ten[2], ten[5]):
        check(page, photo)
    page.mouse.move(width / 2, height - 200)
    keep("selected")
    tool(page, "Date").click()
    keep("date")
    page.keyboard.press("Escape")
    tool(page, "Add tag").click()
    page.get_by_label("Tag", exact=True).fill("boat trip")
    keep("add-tag")
    page.keyboard.press("Enter")
    expect(note(page)).to_contain_text("3 photos tagged")
    keep("note")
    check(page, ten[1])
    tool(page, "Not this").click()
    expect(page.locator("#act-tags")).to_contain_text("boat trip")
    keep("reject-tag")
    page.keyboard.press("Escape")
    page.goto(f"{site.url}/select/?in=roll")
    keep("boxes")
    page.goto(f"{site.url}/operations/")
    keep("operations")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
