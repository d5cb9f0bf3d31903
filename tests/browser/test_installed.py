"""The installed app in a real browser: its service worker, what it keeps and for whom, shared files, the keys."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.album import Album
from tests.browser.axe import findings
from tests.browser.conftest import Visit
from tests.browser.site import Person, Site, serving
from tests.browser.test_screens import DESKTOP, PHONE, SIZES, keep
from tests.browser.watch import Watch, pictures_are_shown

pytestmark = pytest.mark.browser

KEPT = """async () => {
  const found = {};
  for (const name of await caches.keys()) {
    const keys = await (await caches.open(name)).keys();
    found[name] = keys.map(({ url }) => new URL(url).pathname);
  }
  return found;
}"""


@pytest.fixture
def visit_as_app(visit: Visit) -> Visit:
    def open_page(address: str, person: Person | None = None, **options: Any) -> Page:
        page = visit(address, person, service_workers="allow", **options)
        page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
        page.wait_for_function("navigator.serviceWorker.controller !== null")
        return page

    return open_page


def kept(page: Page) -> dict[str, list[str]]:
    found: dict[str, list[str]] = page.evaluate(KEPT)
    return found


def thumbnails(page: Page) -> list[str]:
    """Name the pictures that are kept, for whomever."""
    return [one for name, paths in kept(page).items() if name.startswith("thumbnails-") for one in paths]


def wait_for_thumbnails(page: Page, count: int) -> None:
    page.wait_for_function(
        """async (count) => {
          let all = 0;
          for (const name of await caches.keys()) {
            if (name.startsWith("thumbnails-")) all += (await (await caches.open(name)).keys()).length;
          }
          return all === count;
        }""",
        arg=count,
    )


def test_without_a_network_there_is_a_page_and_the_thumbnails_lately_seen(
    visit_as_app: Visit, prepared: Path, tmp_path: Path, album: Album, watch: Watch
) -> None:
    with serving(prepared, tmp_path) as site:
        person = site.new_person()
        photos = person.upload(*album.photos[:2])
        page = visit_as_app(site.url, person)
        page.reload()  # the first time the pictures came before the worker did
        pictures_are_shown(page)
        wait_for_thumbnails(page, 2)
    page.goto(f"{site.url}/magic/")
    expect(page.get_by_role("heading", level=1)).to_have_text("No connection")
    expect(page.get_by_role("link", name="Try again")).to_have_css("display", "inline-flex")  # it is styled
    shown = page.evaluate(
        """(address) => fetch(address).then((answer) => answer.headers.get("content-type"))""",
        f"/photo/{photos[0]}/thumbnail.jpg?r=1",
    )
    assert shown == "image/jpeg"
    watch.complaints[:] = [one for one in watch.complaints if "ERR_CONNECTION_REFUSED" not in one]


def test_no_page_is_kept(visit_as_app: Visit, site: Site, person: Person, album: Album) -> None:
    person.upload(album.first)
    page = visit_as_app(site.url, person)
    page.goto(f"{site.url}/magic/")
    paths = {path for of_one in kept(page).values() for path in of_one}
    allowed = ("/static/", "/photo/", "/offline/")
    assert [path for path in paths if not path.startswith(allowed) and path != "/"] == []
    account = page.evaluate("caches.open('account').then((c) => c.match('/')).then((r) => r.text())")
    assert len(account) == 24
    assert [path for path in paths if path.startswith("/photo/") and not path.endswith("thumbnail.jpg")] == []


def test_log_out_drops_what_was_kept(visit_as_app: Visit, site: Site, album: Album) -> None:
    person = site.new_person()
    person.upload(album.first)
    page = visit_as_app(site.url, person)
    page.reload()
    wait_for_thumbnails(page, 1)
    page.get_by_role("button", name="Account:").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    wait_for_thumbnails(page, 0)
    assert "account" not in kept(page) or kept(page)["account"] == []


def test_another_account_sees_nothing_of_the_one_before(
    visit_as_app: Visit, site: Site, album: Album, watch: Watch
) -> None:
    alice, bob = site.new_person(), site.new_person()
    (photo,) = alice.upload(album.first)
    page = visit_as_app(site.url, alice)
    page.reload()
    wait_for_thumbnails(page, 1)
    page.context.clear_cookies()  # no log-out: a session that ended, or another one in its place
    page.context.add_cookies(bob.cookies)
    page.goto(site.url)
    expect(page.get_by_text("Drop your photos here")).to_be_visible()
    assert thumbnails(page) == []
    watch.expect(f"/photo/{photo}/")
    status = page.evaluate(
        """(address) => fetch(address, { cache: "no-store" }).then((answer) => answer.status)""",
        f"/photo/{photo}/thumbnail.jpg?r=1",
    )
    assert status == 404


FILL = """async () => {
  const name = (await caches.keys()).find((one) => one.startsWith("thumbnails-"));
  const cache = await caches.open(name);
  for (let n = 0; n < 1000; n += 1) {
    const picture = new Response("x", { headers: { "content-type": "image/jpeg" } });
    await cache.put(`/photo/${10 ** 6 + n}/thumbnail.jpg?r=1`, picture);
  }
}"""
LOOK = "(address) => fetch(address).then((answer) => answer.blob()).then(() => undefined)"


def test_thumbnails_are_bounded_and_the_least_lately_seen_goes_first(
    visit_as_app: Visit, site: Site, person: Person, album: Album
) -> None:
    (photo,) = person.upload(album.first)
    page = visit_as_app(site.url, person)
    page.reload()
    wait_for_thumbnails(page, 1)
    page.evaluate(FILL)
    page.evaluate(LOOK, "/photo/1000000/thumbnail.jpg?r=1")  # the oldest but one, and seen again
    for n in range(45):  # the worker counts what it has after every forty
        page.evaluate(LOOK, f"/photo/{photo}/thumbnail.jpg?r=1&n={n}")
    page.wait_for_function(
        """() => caches.match("/photo/1000001/thumbnail.jpg?r=1").then((answer) => answer === undefined)"""
    )
    names = thumbnails(page)
    assert "/photo/1000000/thumbnail.jpg" in names
    assert len(names) <= 1040


SHARE = """(names) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: "/share/", enctype: "multipart/form-data" });
  const input = Object.assign(document.createElement("input"), { type: "file", name: "files", multiple: true });
  form.id = "as-a-phone-does";
  form.append(input);
  document.body.append(form);
}"""


def share(page: Page, *photos: str) -> None:
    """Post files as the system's share sheet does: a form without a token."""
    page.evaluate(SHARE, [])
    page.locator("#as-a-phone-does input").set_input_files(list(photos))
    page.evaluate("HTMLFormElement.prototype.submit.call(document.getElementById('as-a-phone-does'))")
    page.wait_for_url("**/upload/**")


def test_what_a_phone_shares_lands_in_the_tray_once_it_is_confirmed(
    visit_as_app: Visit, site: Site, person: Person, album: Album
) -> None:
    page = visit_as_app(site.url, person, **SIZES[PHONE])
    share(page, *map(str, album.photos[:2]))
    expect(page.get_by_role("heading", name="Add 2 photos that you shared?")).to_be_visible()
    assert "data-id" not in person.http.get("/")  # nothing goes by itself
    page.get_by_role("button", name="Add them").click()
    tray = page.get_by_role("region", name="Uploads")
    expect(tray.locator(".tray-summary")).to_contain_text("2 photos added")
    expect(tray).to_contain_text(album.first.name)
    assert page.url == f"{site.url}/upload/"
    assert "shared" not in kept(page)


def test_shared_files_can_be_discarded(visit_as_app: Visit, site: Site, person: Person, album: Album) -> None:
    page = visit_as_app(site.url, person)
    share(page, str(album.first))
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name="Discard")).to_be_hidden()
    assert "shared" not in kept(page)
    page.goto(f"{site.url}/upload/?shared=yes")
    expect(page.get_by_text("Nothing that was shared is waiting")).to_be_visible()


def test_shared_files_wait_for_the_log_in(visit_as_app: Visit, site: Site, album: Album) -> None:
    person = site.new_person()
    page = visit_as_app(site.url, person)
    page.context.clear_cookies()
    page.evaluate(SHARE, [])
    page.locator("#as-a-phone-does input").set_input_files(str(album.first))
    page.evaluate("HTMLFormElement.prototype.submit.call(document.getElementById('as-a-phone-does'))")
    page.locator("[name=username]").fill(person.name)
    page.locator("[name=password]").fill(person.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Add 1 photo that you shared?")).to_be_visible()


def test_question_mark_shows_the_keys(visit: Visit, site: Site, person: Person) -> None:
    page = visit(site.url, person)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Search")
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_label("Search your photos")).to_be_focused()
    page.keyboard.type("what?")
    expect(page.get_by_label("Search your photos")).to_have_value("what?")
    expect(dialog).to_be_hidden()


def test_keys_and_shared_files_are_well_made(
    visit: Visit, visit_as_app: Visit, site: Site, person: Person, album: Album
) -> None:
    found: list[str] = []
    for size in (DESKTOP, PHONE):
        look = partial(_look, found=found, size=size)
        page = visit(site.url, person, reduced_motion="reduce", **SIZES[size])
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        look(page, "keys")
        page.goto(f"{site.url}/keys/")
        look(page, "keys-page")
        page.goto(f"{site.url}/offline/")
        look(page, "offline")
        page = visit_as_app(site.url, person, reduced_motion="reduce", **SIZES[size])
        share(page, *map(str, album.photos[:2]))
        expect(page.get_by_role("button", name="Add them")).to_be_visible()
        look(page, "shared")
    assert found == []


def _look(page: Page, name: str, *, found: list[str], size: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        keep(page, f"{name}-{size}-{scheme}")
        found += [f"{name} {size} {scheme}: {finding}" for finding in findings(page)]
