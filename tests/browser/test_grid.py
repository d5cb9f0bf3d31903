"""The roll's grid: years to jump to, and pictures of odd sizes."""

from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import Base
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.test_upload import choose

pytestmark = pytest.mark.browser

TALL: ViewportSize = {"width": 1440, "height": 2400}  # all photos of these tests are in view at once


def picture(folder: Path, size: tuple[int, int], year: int) -> Path:
    exif = Image.Exif()
    exif[Base.DateTime] = f"{year}:06:15 10:30:00"
    target = folder / f"{year}-{size[0]}x{size[1]}.jpg"
    Image.new("RGB", size, (year % 256, 90, 120)).save(target, exif=exif)
    return target


def cell_of(page: Page, photo: int) -> Locator:
    return page.locator(f'.cell[data-id="{photo}"]')


def width_of(cell: Locator) -> float:
    box = cell.bounding_box()
    assert box
    return box["width"]


def test_years_come_with_the_photos_and_only_where_there_is_something_to_scroll(
    visit: Visit, site: Site, person: Person, tmp_path: Path
) -> None:
    page = visit(site.url, person)
    choose(page, [picture(tmp_path, (300, 400), year) for year in range(2001, 2015)])
    years = page.get_by_role("navigation", name="Years")
    expect(years.get_by_role("link")).to_have_count(14)  # without loading the page anew
    right = page.locator(".roll").evaluate("roll => roll.getBoundingClientRect().right")
    page.set_viewport_size(TALL)
    expect(years).to_be_hidden()
    expect(page.locator(".cell")).to_have_count(14)
    assert page.locator(".roll").evaluate("roll => roll.getBoundingClientRect().right") > right
    page.set_viewport_size({"width": 1440, "height": 500})
    expect(years).to_be_visible()
    expect(years.get_by_role("link", name="2014")).to_have_attribute("aria-current", "true")
    page.mouse.wheel(0, 10_000)
    expect(years.get_by_role("link", name="2001")).to_have_attribute("aria-current", "true")


def test_picture_smaller_than_its_cell_takes_no_more_than_it_needs(
    visit: Visit, site: Site, person: Person, tmp_path: Path
) -> None:
    tiny, usual = person.upload(picture(tmp_path, (100, 75), 2011), picture(tmp_path, (400, 300), 2012))
    page = visit(site.url, person)
    expect(cell_of(page, tiny).locator("img")).to_have_css("object-fit", "none")
    assert 100 <= width_of(cell_of(page, tiny)) < 120
    assert width_of(cell_of(page, usual)) > 250


def test_strip_of_few_pixels_is_shown_whole(visit: Visit, site: Site, person: Person, tmp_path: Path) -> None:
    strip, panorama = person.upload(picture(tmp_path, (3000, 20), 2011), picture(tmp_path, (3000, 600), 2012))
    page = visit(site.url, person)
    expect(cell_of(page, strip).locator("img")).to_have_css("object-fit", "contain")
    expect(cell_of(page, panorama).locator("img")).to_have_css("object-fit", "cover")


def test_focus_ring_stands_inside_the_picture(
    visit: Visit, site: Site, person: Person, tmp_path: Path
) -> None:
    (photo,) = person.upload(picture(tmp_path, (400, 300), 2012))
    page = visit(site.url, person)
    page.locator("#main").focus()
    page.keyboard.press("Tab")
    link = cell_of(page, photo).get_by_role("link")
    expect(link).to_be_focused()
    ring = link.evaluate(
        "link => { const ring = getComputedStyle(link, '::after');"
        " return `${ring.outlineStyle} ${ring.outlineOffset}` }"
    )
    assert ring == "solid -2px"  # outside, the list would clip it
