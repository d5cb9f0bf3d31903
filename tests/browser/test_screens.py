"""Every page at two sizes, light and dark: well made for axe, quiet in the console, kept as a picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.collection import Collection, collect
from tests.browser.conftest import ARTIFACTS, Visit
from tests.browser.site import Person, Site, serving
from tests.browser.watch import Watch, pictures_are_shown

pytestmark = pytest.mark.browser

SIZES = {"1440x900": (1440, 900), "390x844": (390, 844)}
TABLET = {"820x1180": (820, 1180)}
SCHEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Screen:
    name: str
    path: Callable[[Collection], str]
    status: int = 200
    tablet: bool = False


def at(path: str) -> Callable[[Collection], str]:
    return lambda _: path


FULL = [
    Screen("roll", at("/"), tablet=True),
    Screen("magic", at("/magic/"), tablet=True),
    Screen("category", lambda its: f"/magic/{its.album.category}/"),
    Screen("tag", lambda its: f"/magic/{its.album.word}/"),
    Screen("search", lambda its: f"/search/?q={its.album.word}"),
    Screen("search-nothing", at("/search/?q=nothing+like+this")),
    Screen("search-blank", at("/search/")),
    Screen("photo", lambda its: f"/photo/{its.photo}/", tablet=True),
    Screen("photo-trashed", lambda its: f"/photo/{its.trashed}/"),
    Screen("photo-set-aside", lambda its: f"/photo/{its.set_aside}/"),
    Screen("similar", lambda its: f"/photo/{its.photo}/similar/"),
    Screen("upload", at("/upload/")),
    Screen("favourites", at("/favourites/")),
    Screen("trash", at("/trash/")),
    Screen("set-aside", at("/set-aside/")),
    Screen("password", at("/password/")),
    Screen("not-for-you", at("/people/"), status=403),
    Screen("not-here", at("/photo/999999999/"), status=404),
]
EMPTY = [
    Screen("roll-empty", at("/")),
    Screen("magic-empty", at("/magic/")),
    Screen("favourites-empty", at("/favourites/")),
    Screen("trash-empty", at("/trash/")),
    Screen("set-aside-empty", at("/set-aside/")),
]


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
    """Look at an address at all sizes in both schemes: keep pictures, and fail on what axe finds."""

    def look(name: str, address: str, person: Person | None = None, *, tablet: bool = False) -> None:
        found: list[str] = []
        for size, (width, height) in (SIZES | (TABLET if tablet else {})).items():
            for scheme in SCHEMES:
                page = visit(
                    address,
                    person,
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                    has_touch=width < 640,
                    is_mobile=width < 640,
                )
                keep(page, f"{name}-{size}-{scheme}")
                found += [f"{size} {scheme}: {finding}" for finding in findings(page)]
                page.context.close()
        assert found == []

    return look


def keep(page: Page, name: str) -> None:
    folder = ARTIFACTS / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    pictures_are_shown(page)
    page.screenshot(path=folder / f"{name}.png")


@pytest.mark.parametrize("screen", FULL, ids=named)
def test_page_of_a_full_roll_is_well_made(
    inspect: Callable[..., None], site: Site, collection: Collection, watch: Watch, screen: Screen
) -> None:
    address = site.url + screen.path(collection)
    if screen.status != 200:
        watch.expect(screen.path(collection))
    inspect(screen.name, address, collection.owner, tablet=screen.tablet)


@pytest.mark.parametrize("screen", EMPTY, ids=named)
def test_page_of_an_empty_roll_is_well_made(
    inspect: Callable[..., None], site: Site, newcomer: Person, screen: Screen
) -> None:
    inspect(screen.name, site.url + screen.path(None), newcomer)


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
