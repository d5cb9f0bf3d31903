"""An own tag from its first photo to an upload that gets it by itself; mutes and learnt thresholds, and back."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Locator, Page, Route, expect

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.collection import make_own_tag
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site
from tests.browser.wishes import learnt

pytestmark = pytest.mark.browser

SOON_MS = 2_000  # from a click to the next candidates, on a machine that does other things too


def answer(page: Page, cell: Locator, word: str) -> None:
    """Click yes or no on a photo and wait until the page has taken it in."""
    with page.expect_response(re.compile("/judge/$")) as answered:
        cell.get_by_role("button", name=re.compile(f"^{word}")).click()
    assert answered.value.status == 200


def ids(cells: Locator) -> list[str]:
    return cells.evaluate_all("cells => cells.map((cell) => cell.dataset.id)")


def test_an_own_tag_is_made_taught_by_clicks_and_given_to_an_upload(
    visit: Visit, site: Site, album: Album
) -> None:
    person = site.new_person()
    known, later = album.photos[1:], album.first
    person.upload(*known[:24])
    page = visit(f"{site.url}/my-tags/", person)
    page.get_by_label("A new tag").fill("Rex")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Rex", level=1)).to_be_visible()
    first = page.locator("#learn .judging .cell").first
    answer(page, first, "Yes")

    likely = page.locator("#likely .cell")
    expect(likely.first).to_be_visible(timeout=SOON_MS)
    shown = ids(likely)
    expect(page.locator(".own-state")).to_contain_text("You said yes to 1 photo.")
    answer(page, likely.nth(0), "No")
    expect(page.locator(".own-state")).to_contain_text("and no to 1")
    assert shown[0] not in ids(likely)
    answer(page, likely.nth(0), "Yes")
    expect(page.locator(".own-state")).to_contain_text("You said yes to 2 photos")
    assert findings(page) == []

    slider = page.get_by_label("How sure a photo must be")
    takes = [int(number) for number in str(slider.get_attribute("data-takes")).split()]
    assert takes == sorted(takes, reverse=True)
    with page.expect_response(re.compile(r"cut=1$|cut=1&")):
        slider.fill("1")
    expect(page.locator("[data-percent]")).to_have_text("1")
    expect(
        page.get_by_role("button", name=re.compile(f"Give it to {takes[0]} of your photos"))
    ).to_be_visible()
    page.get_by_role("button", name=re.compile("Give it to")).click()
    expect(page.get_by_text("Tags by itself, from 1 % on.")).to_be_visible()
    page.get_by_role("link", name="Photos with this tag").click()
    expect(page.locator(".page-head")).to_contain_text(str(takes[0]))

    (new,) = person.upload(later)
    page.goto(f"{site.url}/photo/{new}/")
    expect(page.locator("#photo-tags .chip").filter(has_text="Rex")).to_be_visible()


def test_an_own_tag_begins_at_a_photo(visit: Visit, site: Site, person: Person, album: Album) -> None:
    photo, *_ = person.upload(*album.photos[:4])
    page = visit(f"{site.url}/photo/{photo}/", person)
    page.get_by_label("Add a tag").fill("Our garden")
    page.get_by_label("Add a tag").press("Enter")
    page.locator("#photo-tags .chip").filter(has_text="Our garden").get_by_role("link").first.click()
    page.get_by_role("link", name="Find more, or change it").click()
    expect(page.locator("#likely .cell")).to_have_count(3)
    page.keyboard.press("y")
    expect(page.locator("#likely .cell a").first).to_be_focused()
    with page.expect_response(re.compile("/judge/$")):
        page.keyboard.press("n")
    expect(page.locator("#likely .cell")).to_have_count(2)
    expect(page.locator("#likely .cell a").first).to_be_focused()


def test_what_is_said_overtakes_an_answer_that_is_slow(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    photos = person.upload(*album.photos[:4])
    own = make_own_tag(person, "In a hurry", photos[:1])
    page = visit(f"{site.url}/my-tags/{own}/", person)

    def slowly(route: Route) -> None:
        page.wait_for_timeout(1_500)
        with suppress(Error):  # the browser asks no more
            route.continue_()

    page.route(re.compile(r"cut=1$|cut=1&"), slowly)
    page.get_by_label("How sure a photo must be").fill("1")
    page.get_by_role("button", name=re.compile("Give it to")).click()
    expect(page.get_by_text("Tags by itself, from 1 % on.")).to_be_visible()
    page.wait_for_timeout(2_000)
    expect(page.get_by_text("Tags by itself, from 1 % on.")).to_be_visible()


def test_without_javascript_it_is_taught_as_well(
    visit: Visit, site: Site, person: Person, album: Album
) -> None:
    photos = person.upload(*album.photos[:4])
    own = make_own_tag(person, "No scripts", photos[:1])
    page = visit(f"{site.url}/my-tags/{own}/", person, java_script_enabled=False)
    page.locator("#likely .cell").first.get_by_role("button", name=re.compile("^No")).click()
    expect(page.locator(".own-state")).to_contain_text("and no to 1")
    page.get_by_label("How sure a photo must be").fill("90")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("button", name=re.compile("Give it to")).click()
    expect(page.get_by_text("Tags by itself, from 90 % on.")).to_be_visible()


def test_a_tag_is_forgotten(visit: Visit, site: Site, person: Person, album: Album) -> None:
    photos = person.upload(*album.photos[:4])
    own = make_own_tag(person, "Mistake", photos[:2])
    page = visit(f"{site.url}/my-tags/{own}/", person)
    page.get_by_text("Forget this tag").click()
    page.get_by_role("button", name="Forget “Mistake”").click()
    expect(page.get_by_text("“Mistake” is forgotten.").first).to_be_visible()
    expect(page.locator(".own-list").filter(has_text="Mistake")).to_have_count(0)
    page.goto(f"{site.url}/photo/{photos[0]}/")
    expect(page.get_by_label("Add a tag")).to_be_visible()
    expect(page.locator("#photo-tags .chip").filter(has_text="Mistake")).to_have_count(0)


def test_a_tag_is_muted_by_name_and_shown_again(visit: Visit, site: Site, album: Album) -> None:
    person = site.new_person()
    person.upload(*album.photos[:4])
    page = visit(f"{site.url}/your-tags/", person)
    page.get_by_label("Name", exact=True).fill(album.word)
    page.get_by_role("button", name="Mute", exact=True).click()
    muted = page.get_by_role("region", name="Muted")
    expect(muted.get_by_role("listitem")).to_contain_text(album.word, ignore_case=True)
    page.goto(f"{site.url}/search/?q={album.word}")
    expect(page.locator(".cell")).to_have_count(0)
    page.goto(f"{site.url}/your-tags/")
    muted.get_by_role("button", name=re.compile("Show again")).click()
    expect(page.get_by_text("Nothing is muted.")).to_be_visible()
    page.goto(f"{site.url}/search/?q={album.word}")
    expect(page.locator(".cell").first).to_be_visible()


def test_a_learnt_threshold_is_undone_and_used_again(visit: Visit, site: Site, album: Album) -> None:
    person = site.new_person()
    person.upload(album.first)
    learnt(site, person, f"{album.word}:2.0:3:40")
    page = visit(f"{site.url}/your-tags/", person)
    row = page.get_by_role("row", name=re.compile(album.word))
    expect(row).to_contain_text("surer")
    row.get_by_role("button", name=re.compile("Use the release’s again")).click()
    expect(row.get_by_role("button", name=re.compile("Use mine"))).to_be_visible()
    expect(row.locator("s")).to_be_visible()
    assert findings(page) == []
    row.get_by_role("button", name=re.compile("Use mine")).click()
    expect(row.get_by_role("button", name=re.compile("Use the release’s again"))).to_be_visible()
