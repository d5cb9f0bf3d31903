"""Every page at two sizes, light and dark: well made for axe, quiet in the console, kept as a picture."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.collection import Collection, collect, make_own_tag
from tests.browser.conftest import ARTIFACTS, Visit
from tests.browser.site import Person, Site, serving
from tests.browser.watch import Watch, pictures_are_shown
from tests.browser.wishes import learnt, with_cards

pytestmark = pytest.mark.browser

DESKTOP, TABLET, PHONE = "1440x900", "820x1180", "390x844"
SIZES: dict[str, dict[str, Any]] = {
    DESKTOP: {"viewport": {"width": 1440, "height": 900}},
    TABLET: {"viewport": {"width": 820, "height": 1180}, "has_touch": True, "is_mobile": True},
    PHONE: {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


@dataclass(frozen=True, slots=True)
class Screen:
    name: str
    path: Callable[[Collection], str]
    status: int = 200
    sizes: tuple[str, ...] = (DESKTOP, PHONE)


def at(path: str) -> Callable[[Collection], str]:
    return lambda _: path


FULL = [
    Screen("roll", at("/"), sizes=(DESKTOP, TABLET, PHONE)),
    Screen("magic", at("/magic/"), sizes=(DESKTOP, TABLET, PHONE)),
    Screen("category", lambda its: f"/magic/{its.album.category}/"),
    Screen("tag", lambda its: f"/magic/{its.album.word}/"),
    Screen("search", lambda its: f"/search/?q={its.album.word}"),
    Screen("search-nothing", at("/search/?q=nothing+like+this")),
    Screen("search-blank", at("/search/")),
    Screen("photo", lambda its: f"/photo/{its.photo}/", sizes=(DESKTOP, TABLET, PHONE)),
    Screen("photo-trashed", lambda its: f"/photo/{its.trashed}/"),
    Screen("photo-set-aside", lambda its: f"/photo/{its.set_aside}/"),
    Screen("similar", lambda its: f"/photo/{its.photo}/similar/"),
    Screen("own-tags", at("/my-tags/"), sizes=(DESKTOP, TABLET, PHONE)),
    Screen("own-tag", lambda its: f"/my-tags/{its.own_tag}/", sizes=(DESKTOP, TABLET, PHONE)),
    Screen("upload", at("/upload/")),
    Screen("favourites", at("/favourites/")),
    Screen("trash", at("/trash/")),
    Screen("set-aside", at("/set-aside/")),
    Screen("password", at("/password/")),
    Screen("not-for-you", at("/people/"), status=403),
    Screen("not-here", at("/photo/999999999/"), status=404),
]
EMPTY = {
    "roll-empty": "/",
    "magic-empty": "/magic/",
    "favourites-empty": "/favourites/",
    "trash-empty": "/trash/",
    "set-aside-empty": "/set-aside/",
    "own-tags-empty": "/my-tags/",
    "your-tags-empty": "/your-tags/",
}


def named(screen: Screen) -> str:
    return screen.name


@pytest.fixture(scope="session")
def collection(site: Site, album: Album, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return collect(site, album, tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="session")
def newcomer(site: Site) -> Person:
    return site.new_person()


@pytest.fixture
def inspect(visit: Visit) -> Callable[..., None]:
    """Look at an address at all sizes in both schemes: keep pictures, and fail on what axe finds.

    `act` brings the page into the state that is looked at, where loading it is not enough.
    """

    def look(
        name: str,
        address: str,
        person: Person | None = None,
        *,
        sizes: tuple[str, ...] = (DESKTOP, PHONE),
        act: Callable[[Page], object] = lambda page: None,
    ) -> None:
        found: list[str] = []
        for size in sizes:
            page = visit(address, person, reduced_motion="reduce", **SIZES[size])
            act(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                pictures_are_shown(page)
                page.mouse.move(1, 1)  # stirs what fades away after a while
                keep(page, f"{name}-{size}-{scheme}")
                found += [f"{size} {scheme}: {finding}" for finding in findings(page)]
            page.context.close()
        assert found == []

    return look


def keep(page: Page, name: str) -> None:
    folder = ARTIFACTS / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


@pytest.mark.parametrize("screen", FULL, ids=named)
def test_page_of_a_full_roll_is_well_made(
    inspect: Callable[..., None], site: Site, collection: Collection, watch: Watch, screen: Screen
) -> None:
    address = site.url + screen.path(collection)
    if screen.status != 200:
        watch.expect(screen.path(collection))
    inspect(screen.name, address, collection.owner, sizes=screen.sizes)


@pytest.mark.parametrize("name", EMPTY)
def test_page_of_an_empty_roll_is_well_made(
    inspect: Callable[..., None], site: Site, newcomer: Person, name: str
) -> None:
    inspect(name, site.url + EMPTY[name], newcomer)


def test_information_on_a_phone_is_well_made(
    inspect: Callable[..., None], site: Site, collection: Collection
) -> None:
    def unfold(page: Page) -> None:
        page.get_by_role("button", name="Information").click()
        expect(page.locator("#similar .strip a").first).to_be_visible()

    inspect(
        "photo-info", f"{site.url}/photo/{collection.photo}/", collection.owner, sizes=(PHONE,), act=unfold
    )


def test_question_before_the_trash_is_emptied_is_well_made(
    inspect: Callable[..., None], site: Site, collection: Collection
) -> None:
    inspect(
        "trash-question",
        f"{site.url}/trash/",
        collection.owner,
        act=lambda page: page.get_by_role("button", name="Empty trash").click(),
    )


def test_question_before_a_photo_is_deleted_is_well_made(
    inspect: Callable[..., None], site: Site, collection: Collection
) -> None:
    inspect(
        "photo-question",
        f"{site.url}/photo/{collection.trashed}/",
        collection.owner,
        act=lambda page: page.get_by_role("button", name="Delete for good").first.click(),
    )


def test_menus_are_well_made(inspect: Callable[..., None], site: Site, newcomer: Person) -> None:
    account = functools.partial(inspect, "menu-account", f"{site.url}/", newcomer)
    account(act=lambda page: page.get_by_role("button", name="Account:").click())
    more = functools.partial(inspect, "menu-more", f"{site.url}/", newcomer, sizes=(PHONE,))
    more(act=lambda page: page.get_by_role("button", name="More").click())
    upload = functools.partial(inspect, "menu-upload", f"{site.url}/", newcomer, sizes=(DESKTOP,))
    upload(act=lambda page: page.get_by_role("link", name="Upload").first.click())


def test_tray_is_well_made(
    inspect: Callable[..., None], watch: Watch, site: Site, album: Album, no_picture: Path
) -> None:
    watch.expect("/upload/$")

    def send(page: Page) -> None:
        with page.expect_file_chooser() as chooser:
            page.get_by_role("link", name="Choose photos").click()
        chooser.value.set_files([*album.photos[:5], no_picture])
        tray = page.get_by_role("region", name="Uploads")
        expect(tray.locator(".tray-summary")).to_contain_text("1 not taken")
        expect(tray.get_by_role("listitem").filter(has_text=album.first.name)).to_contain_text(album.word)
        expect(page.locator(".roll .cell")).to_have_count(len(album.photos[:5]))
        expect(page.get_by_text("Tagging")).to_have_count(0)

    for size in (DESKTOP, PHONE):
        inspect("tray", site.url, site.new_person(), sizes=(size,), act=send)


def test_pages_without_javascript_are_kept(visit: Visit, site: Site, album: Album, no_picture: Path) -> None:
    for size in (DESKTOP, PHONE):
        page = visit(f"{site.url}/upload/", site.new_person(), java_script_enabled=False, **SIZES[size])
        page.get_by_label("Choose photos").set_input_files([*album.photos[:3], no_picture])
        page.get_by_role("button", name="Upload").click()
        expect(page.locator(".received")).to_be_visible()
        keep(page, f"plain-upload-{size}-light")
        page.locator(".received a").first.click()
        expect(page.get_by_label("Add a tag")).to_be_visible()
        keep(page, f"plain-photo-{size}-light")


def test_an_own_tag_that_has_just_begun_is_well_made(
    inspect: Callable[..., None], site: Site, album: Album
) -> None:
    person = site.new_person()
    person.upload(*album.photos[:4])
    own = make_own_tag(person, "Rex", [])
    inspect("own-tag-begun", f"{site.url}/my-tags/{own}/", person, sizes=(DESKTOP, TABLET, PHONE))


def test_your_tags_are_well_made(inspect: Callable[..., None], site: Site, album: Album) -> None:
    person = site.new_person()
    person.upload(*album.photos[:3])
    own = make_own_tag(person, "Grandma and Grandpa’s allotment behind the old railway station", [])
    for order, names in (("mute", ["people", "snake", "spider"]), ("hide", ["text", "food"])):
        for name in names:
            person.http.post("/your-tags/", {"order": order, "name": name})
    person.http.post("/your-tags/", {"order": "mute", "tag": str(own)})
    learnt(site, person, "dog:0.7:4:31", "cat:-1.3:1204:12", "bird:0.3:0:24")
    sizes = (DESKTOP, TABLET, PHONE)
    inspect("your-tags", f"{site.url}/your-tags/", person, sizes=sizes)
    inspect(
        "your-tags-off",
        f"{site.url}/your-tags/",
        person,
        sizes=(DESKTOP, PHONE),
        act=lambda page: page.get_by_role("button", name="Turn off…").click(),
    )


def test_cards_of_releases_are_well_made(inspect: Callable[..., None], site: Site) -> None:
    with_cards(site)
    cards = re.findall(r'href="(/models/releases/\d+/card/)"', site.admin.http.get("/models/"))
    pages = {card: site.admin.http.get(card) for card in cards}
    full = next(card for card, page in pages.items() if "How right it is" in page)
    bare = next(card for card, page in pages.items() if "Nobody wrote down" in page)
    for name, card in (("card", full), ("card-bare", bare)):
        inspect(name, site.url + card, site.admin, sizes=(DESKTOP, TABLET, PHONE))


def test_login_page_is_well_made(inspect: Callable[..., None], site: Site) -> None:
    assert site.admin
    inspect("login", f"{site.url}/login/")


def test_invitation_is_well_made(inspect: Callable[..., None], site: Site) -> None:
    inspect("invitation", site.invitation())


def test_people_page_is_well_made(inspect: Callable[..., None], site: Site, collection: Collection) -> None:
    site.invitation("Grace, from the rowing club")
    inspect("people", f"{site.url}/people/", site.admin)


def test_setup_page_is_well_made(inspect: Callable[..., None], prepared: Path, tmp_path: Path) -> None:
    with serving(prepared, tmp_path) as site:
        inspect("setup", f"{site.url}/")
