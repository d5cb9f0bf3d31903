"""A re-tag from the administrator's chair and from the roll's: start, watch, switch, roll back."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site, serving
from tests.browser.test_screens import inspect
from tests.ops.harness import until

__all__ = ["inspect"]
pytestmark = pytest.mark.browser


@dataclass(frozen=True, slots=True)
class Waiting:
    """A refill whose one corpus, the administrator's own, waits for approval."""

    refill: str  # its page
    report: str


@pytest.fixture(scope="module")
def new_site(prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation whose people nobody else re-tags."""
    with serving(prepared, tmp_path_factory.mktemp("models-site")) as site:
        yield site


@pytest.fixture(scope="module")
def waiting(new_site: Site, album: Album) -> Waiting:
    admin = new_site.admin
    admin.upload(*album.photos[:6])
    form = admin.http.get("/models/re-tag/")
    release = re.search(r'<option value="(\d+)"[^>]*>efficientnet-lite0', form)
    assert release is not None
    asked = {"release": release[1], "whom": "some", "people": admin.name, "scope": "missing", "hold": "on"}
    refill = re.search(
        r"<h1>Refill (\d+)</h1>", admin.http.post("/models/re-tag/", asked | {"step": "start"})
    )
    assert refill is not None
    page = f"/models/refills/{refill[1]}/"
    until(lambda: "waiting for approval" in admin.http.get(page), "the corpus is whole")
    report = re.search(rf'href="({page}people/\d+/)"', admin.http.get(page))
    assert report is not None
    return Waiting(page, report[1])


def order(page: Page, person: Person) -> None:
    """Order a refill of one person's photos with the other network, after a look at what it would do."""
    page.get_by_role("link", name="Re-tag", exact=True).click()
    release = page.get_by_role("option", name=re.compile("efficientnet-lite0")).inner_text()
    page.get_by_label("Release", exact=True).select_option(label=release)
    page.get_by_label(person.name, exact=True).check()
    page.get_by_role("button", name="Show what it would do").click()
    plan = page.get_by_role("region", name="What it would do")
    expect(plan).to_contain_text("Every image has to be opened")
    plan.get_by_role("button", name=re.compile("Re-tag 1 person, 4 photos")).click()


def test_a_re_tag_is_ordered_watched_switched_and_rolled_back(
    visit: Visit, new_site: Site, album: Album
) -> None:
    person = new_site.new_person()
    person.upload(*album.photos[:4])
    page = visit(f"{new_site.url}/models/", new_site.admin)
    with new_site.idle_worker():
        order(page, person)
        row = page.get_by_role("row", name=re.compile(person.name))
        expect(row).to_contain_text("waiting")
        page.evaluate("document.documentElement.dataset.stayed = 'yes'")
        page.get_by_role("button", name="Cancel…").click()
        expect(page.get_by_role("dialog", name="Cancel for 1 person?")).to_be_visible()
        page.get_by_role("button", name="Go on").click()
    expect(row).to_contain_text("done")  # it updates by itself
    assert page.evaluate("document.documentElement.dataset.stayed") == "yes"
    expect(page.get_by_role("progressbar", name="All photos of this refill")).to_have_attribute(
        "aria-valuenow", "100"
    )
    expect(page.locator("[data-watch]")).to_have_count(0)  # what has ended is not asked for any more
    tells_its_owner(visit, new_site, person)
    page.get_by_role("button", name=f"Roll back {person.name}").click()
    expect(page.locator("main .notice")).to_contain_text(f"{person.name} is on efficientnet-lite2")
    expect(row).to_contain_text("rolled back")
    page.goto(f"{new_site.url}/models/audit/")
    trail = page.get_by_role("row").filter(has_text=person.name)
    expect(trail.first).to_contain_text("rolled back")
    expect(trail.last).to_contain_text("switched")


def tells_its_owner(visit: Visit, site: Site, person: Person) -> None:
    """The owner learns of the switch, once."""
    roll = visit(f"{site.url}/", person)
    note = roll.get_by_text("Another model tags your photos now.")
    expect(note).to_be_visible()
    assert findings(roll) == []
    roll.get_by_role("button", name="OK").click()
    expect(note).to_be_hidden()
    roll.reload()
    expect(roll.get_by_role("heading", level=1)).to_be_visible()
    expect(note).to_be_hidden()
    roll.get_by_role("button", name=re.compile("Account")).click()
    roll.get_by_role("link", name="What tags your photos").click()
    expect(roll.get_by_text(re.compile("^efficientnet-lite0")).first).to_be_visible()


def test_nobody_asks_behind_another_tab(visit: Visit, new_site: Site, waiting: Waiting) -> None:
    page = visit(new_site.url + waiting.refill, new_site.admin)
    page.clock.install()
    page.reload()
    with page.expect_response(lambda response: response.status == 304):
        page.clock.run_for(3_000)  # nothing has changed, and that is all the answer says
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    page.clock.run_for(60_000)
    assert asked == []
    page.evaluate("delete document.visibilityState")
    with page.expect_response(lambda response: response.status == 304):
        page.clock.run_for(3_000)


@pytest.mark.parametrize(
    "name", ["models", "re-tag", "refill", "failed", "report", "people", "audit", "my-model"]
)
def test_page_about_models_is_well_made(
    inspect: Callable[..., None], new_site: Site, waiting: Waiting, name: str
) -> None:
    paths = {
        "models": "/models/",
        "re-tag": "/models/re-tag/",
        "refill": waiting.refill,
        "failed": f"{waiting.refill}failed/",
        "report": waiting.report,
        "people": "/models/people/",
        "audit": "/models/audit/",
        "my-model": "/my-model/",
    }
    inspect(f"models-{name}", new_site.url + paths[name], new_site.admin)
