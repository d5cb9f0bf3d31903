"""What scripts put into pages is in the reader's language as well, and longer words have room on a phone."""

from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import Base
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.test_screens import PHONE, SIZES

pytestmark = pytest.mark.browser
CUT_OFF = "spans => spans.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"


@pytest.fixture
def german(site: Site, tmp_path: Path) -> Person:
    """Somebody who reads German and has three photos of the 16th of June 2024."""
    person = site.new_person()
    person.http.get("/language/")
    person.http.post("/language/", {"language": "de"})
    exif = Image.Exif()
    exif[Base.DateTime] = "2024:06:16 10:30:00"
    files = [tmp_path / f"IMG_{number}.jpg" for number in range(3)]
    for number, file in enumerate(files):
        Image.new("RGB", (400, 300), (80 * number, 90, 120)).save(file, exif=exif)
    person.send(*files)
    return person


def test_the_roll_and_its_selection_speak_german(visit: Visit, site: Site, german: Person) -> None:
    page = visit(site.url, german, locale="de-DE", **SIZES[PHONE])
    expect(page.get_by_role("heading", name="Juni 2024 3 Fotos")).to_be_visible()
    expect(page.get_by_role("heading", name="So 16.")).to_be_visible()
    expect(page.get_by_role("img", name="16. Juni 2024")).to_have_count(3)

    page.get_by_role("link", name="Fotos auswählen").click()
    expect(page.locator("#selected-count")).to_have_text("Fotos auswählen")
    page.locator("main .cell").first.click()
    expect(page.locator("#selected-count")).to_have_text("1 ausgewählt")
    assert page.locator(".select-tools span").evaluate_all(CUT_OFF) == []

    page.get_by_role("button", name="Tag", exact=True).click()
    expect(page.get_by_role("heading", name="1 Foto: Tag hinzufügen")).to_be_visible()
    page.get_by_role("button", name="Abbrechen").click()
    page.get_by_role("button", name="Papierkorb").click()
    expect(page.locator("#toasts")).to_contain_text("1 Foto in den Papierkorb gelegt.")
    expect(page.get_by_role("heading", name="Juni 2024 2 Fotos")).to_be_visible()
