"""The first account, and how further people get theirs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.conftest import Visit
from tests.browser.site import Site, serving
from tests.browser.watch import Watch

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def new_site(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation that nobody has opened yet."""
    with serving(prepared, tmp_path_factory.mktemp("new-site")) as site:
        yield site


def make_account(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Password again").fill(password)
    page.get_by_role("button", name="Make my account").click()


def test_first_visit_makes_the_administrator_and_only_once(
    visit: Visit, watch: Watch, new_site: Site
) -> None:
    watch.expect("/setup/")  # 422 for a password that is too short
    page = visit(f"{new_site.url}/magic/")
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    make_account(page, "grace", "password")
    expect(page.get_by_text("too short")).to_be_visible()
    make_account(page, "grace")
    expect(page.get_by_text("Drop your photos here")).to_be_visible()
    page.get_by_role("button", name="Account: grace").click()
    expect(page.get_by_role("link", name="Accounts")).to_be_visible()

    stranger = visit(f"{new_site.url}/setup/")
    expect(stranger).to_have_url(re.compile("/login/"))
    expect(stranger.get_by_label("Password again")).to_have_count(0)
    page.goto(f"{new_site.url}/setup/")
    expect(page).to_have_url(f"{new_site.url}/")


def test_invited_person_gets_an_empty_roll_of_their_own(visit: Visit, site: Site, album: Album) -> None:
    site.admin.upload(album.first)
    page = visit(f"{site.url}/people/", site.admin)
    page.get_by_label("For whom").fill("Joan")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Invitation link").input_value()

    guest = visit(link)
    expect(guest.get_by_text("ada invites you")).to_be_visible()
    make_account(guest, "joan")
    expect(guest.get_by_text("Drop your photos here")).to_be_visible()
    guest.get_by_role("button", name="Account: joan").click()
    expect(guest.get_by_role("link", name="Accounts")).to_have_count(0)

    page.goto(f"{site.url}/people/")
    expect(page.get_by_role("row", name="joan")).to_contain_text("0 bytes")
    expect(page.get_by_role("region", name="Open invitations")).not_to_contain_text("Joan")


def test_used_invitation_says_so(visit: Visit, watch: Watch, site: Site) -> None:
    watch.expect("/invite/")  # 404, as for a link that never was
    link = site.invitation()
    make_account(visit(link), "dorothy")
    second = visit(link)
    expect(second.get_by_role("heading", name="This invitation has ended")).to_be_visible()
    second.get_by_role("link", name="I have an account").click()
    expect(second.get_by_role("heading", name="Log in")).to_be_visible()


def test_log_out_ends_the_session_and_log_in_leads_back(visit: Visit, site: Site) -> None:
    person = site.new_person()
    page = visit(f"{site.url}/magic/", person)
    page.get_by_role("button", name=f"Account: {person.name}").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto(f"{site.url}/magic/")
    page.get_by_label("Name").fill(person.name)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{site.url}/magic/")


def test_password_is_changed_and_the_old_one_no_longer_opens(visit: Visit, watch: Watch, site: Site) -> None:
    person = site.new_person()
    watch.expect("/login/")  # 422 for the old password
    page = visit(f"{site.url}/password/", person)
    page.get_by_label("Password now").fill(person.password)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed")).to_be_visible()

    other = visit(f"{site.url}/login/")
    other.get_by_label("Name").fill(person.name)
    other.get_by_label("Password").fill(person.password)
    other.get_by_role("button", name="Log in").click()
    expect(other.get_by_role("alert")).to_contain_text("don't match")


def test_deactivated_person_can_no_longer_log_in(visit: Visit, site: Site) -> None:
    person = site.new_person()
    page = visit(f"{site.url}/people/", site.admin)
    page.get_by_role("button", name=f"Deactivate {person.name}", exact=True).click()
    expect(page.get_by_text(f"{person.name} can no longer log in")).to_be_visible()
    guest = visit(f"{site.url}/", person)
    expect(guest.get_by_role("heading", name="Log in")).to_be_visible()
