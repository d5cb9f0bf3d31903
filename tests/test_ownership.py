"""Not a byte of one person's roll for anybody else: every address, every verb, found by introspection."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished
from django.db import close_old_connections
from django.db.models import Model
from django.test import Client

from magicroll import operations, services
from magicroll.models import Operation, Photo, User
from magicroll.operations import Order, Selection
from tagging import own_tags
from tagging.models import Corpus, Outstanding, Tag
from tagging.refill import filling, orders
from tagging.search.listing import Key
from tagging.services import add_tag, reject_tag
from tests.addresses import KNOWN, VERBS, Address, addresses, admin_addresses, unnamed
from tests.factories import annotate, make_photo, make_release, make_user
from tests.tagging.own_tags.eyes import few_dimensions
from tests.views.conftest import logged_in, picture_bytes

pytestmark = pytest.mark.django_db

OTHER_VERBS = ("PUT", "PATCH", "DELETE", "OPTIONS")
WORD = "zebrafinch"  # begins everything of alice's that has letters
MARCH_1987 = datetime(1987, 3, 5, 4, 3, 2, tzinfo=UTC)


@dataclass
class Roll:
    """A person with one photo of each kind, all with files, tags and camera facts."""

    user: User
    live: Photo
    trashed: Photo
    set_aside: Photo
    own_tag: Tag
    refill_id: int = 0
    operation_id: int = 0

    @property
    def photos(self) -> list[Photo]:
        return [self.live, self.trashed, self.set_aside]


def make_roll(name: str, word: str, taken_at: datetime, colour: str) -> Roll:
    user = make_user(name)
    facts: dict[str, Any] = {
        "camera": {"camera_make": f"{word}make", "camera_model": f"{word}model", "iso": 54321},
        "latitude": 12.34567,
        "longitude": 65.43219,
        "dominant_colour": colour,
    }
    live = make_photo(user, taken_at, name=f"{word}-live.jpg", favourite=True, **facts)
    trashed = make_photo(user, taken_at, name=f"{word}-trashed.jpg", **facts)
    aside = {"state": "set_aside", "set_aside_reason": f"{word} reason", "width": 0, "height": 0}
    set_aside = make_photo(user, taken_at, name=f"{word}-aside.jpg", **facts | aside)
    for photo in (live, trashed):
        annotate(photo, {"dog": 0.93, "beach": 0.81}, seed=7)
    own = add_tag(user, live, f"{word} party")
    assert own_tags.teach(user, own, 0.5, until=float("inf"))
    reject_tag(user, live, Tag.objects.get(slug="beach").pk)
    services.trash(user, [trashed.pk])
    Outstanding.objects.filter(photo=set_aside).update(set_aside_reason=f"{word} untaggable")
    return Roll(user, live, trashed, set_aside, own)


def wait_for_approval(user: User) -> int:
    """Let a refill of somebody's corpus stand where administrators have something to decide."""
    refill = orders.start(None, make_release("efficientnet-lite0"), [user], hold=True)
    assert filling.begin(refill.corpora.get().pk)
    refill.corpora.update(state="whole")
    return refill.pk


def something_done(roll: Roll) -> int:
    """Let somebody do something to several photos that they could undo."""
    order = Order(Operation.Kind.ADD_TAG, tag_id=roll.own_tag.pk)
    return operations.begin(roll.user, order, Selection(ids=[photo.pk for photo in roll.photos])).pk


def marked_bytes(word: str, name: str) -> bytes:
    return picture_bytes() + f"{word} {name}".encode()


@pytest.fixture(autouse=True)
def _no_attempts_counted() -> Iterator[None]:
    cache.clear()
    with few_dimensions():
        yield
    cache.clear()


@pytest.fixture
def rolls(db: None) -> Iterator[tuple[Roll, Roll]]:
    alice = make_roll(f"{WORD}-alice", WORD, MARCH_1987, "#a1b2c3")
    bob = make_roll("bob", "plainword", datetime(2024, 6, 15, 12, 30, tzinfo=UTC), "#101010")
    alice.refill_id = wait_for_approval(alice.user)
    for roll in (alice, bob):
        roll.operation_id = something_done(roll)
    names = []
    for roll, word in ((alice, WORD), (bob, "plainword")):
        for photo in roll.photos:
            names += [
                default_storage.save(name, ContentFile(marked_bytes(word, name))) for name in photo.files
            ]
    yield alice, bob
    for name in names:
        default_storage.delete(name)


def secrets_of(roll: Roll) -> list[bytes]:
    """What no answer to somebody else may contain, whoever asks for what."""
    secrets = [WORD, "#a1b2c3", "54321", "12.345", "65.432", "1987", "March"]
    secrets += [photo.key.hex for photo in roll.photos] + [str(photo.key) for photo in roll.photos]
    secrets += [photo.sha256.hex() for photo in roll.photos]
    return [secret.encode() for secret in secrets]


def everything(response: Any) -> bytes:
    """Return headers and body, as they would go over the wire."""
    if hasattr(response, "body"):
        return bytes(response.body)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    headers = [f"{name}: {value}" for name, value in response.items()]
    headers += [morsel.OutputString() for morsel in response.cookies.values()]
    return "\n".join(headers).encode() + b"\n\n" + body


def leaked(response: Any, roll: Roll, asked: str) -> list[bytes]:
    """Name the secrets in an answer, beyond what the question itself contained."""
    answer = everything(response)
    echo = asked.encode()
    found = [secret for secret in secrets_of(roll) if secret in answer and secret not in echo]
    if WORD.encode() in echo:  # a search box shows what was typed; nothing longer may come back
        typed = re.findall(rb"%s[\w .-]*" % WORD.encode(), echo.replace(b"%20", b" ").replace(b"+", b" "))
        rest = answer.replace(b"%20", b" ").replace(b"+", b" ")
        for text in sorted(typed, key=len, reverse=True):
            rest = rest.replace(text, b"")
        found += [WORD.encode()] if WORD.encode() in rest else []
    numbers = {str(photo.pk).encode() for photo in roll.photos}
    found += [link for link in re.findall(rb"/photo/(\d+)/", answer) if link in numbers and link not in echo]
    return found


def filled(roll: Roll, text: str, *, encoded: bool = True) -> str:
    """Fill in what an attacker who knows a lot about a roll would ask for."""
    values = {
        "word": WORD,
        "own_tag": roll.own_tag.name,
        "own_slug": roll.own_tag.slug,
        "own_tag_id": roll.own_tag.pk,
        "photo": roll.live.pk,
        "dog_id": Tag.objects.get(slug="dog").pk,
        "file": roll.live.name,
        "live": roll.live.pk,
        "newest": Key(roll.live.taken_at, roll.live.pk + 1),
        "trash_cursor": Key(datetime(2100, 1, 1, tzinfo=UTC), roll.trashed.pk),
        "release": Corpus.objects.get(owner=roll.user).active_id,
        "live_id": roll.live.pk,
        "ids": ",".join(str(photo.pk) for photo in roll.photos),
        "operation": roll.operation_id,
    }
    return text.format_map({key: quote(str(value)) if encoded else value for key, value in values.items()})


def questions(address: Address, roll: Roll) -> Iterator[tuple[str, bool]]:
    """Yield URLs that ask for something of a roll, and whether they name an object of it."""
    named: list[dict[str, object]] = [{}]
    if "photo_id" in address.parameters:
        named = [{"photo_id": photo.pk} for photo in roll.photos]
    elif "tag_id" in address.parameters:
        named = [{"tag_id": roll.own_tag.pk}]
    elif "slug" in address.parameters:
        named = [{"slug": roll.own_tag.slug}, {"slug": "dog"}, {"slug": "my-tags"}, {"slug": "animals"}]
    elif "operation_id" in address.parameters:
        named = [{"operation_id": roll.operation_id}]
    elif address.parameters:
        release_id = Corpus.objects.get(owner=roll.user).active_id
        named = [
            {"user_id": roll.user.pk, "invitation_id": 1, "token": "guessed"}
            | {"refill_id": roll.refill_id or 1, "release_id": release_id}
        ]
    for values in named:
        is_object = (
            not values.keys().isdisjoint({"photo_id", "tag_id", "operation_id"})
            or values.get("slug") == roll.own_tag.slug
        )
        for query in ("", *KNOWN[address.name].query):
            yield address.url(**values) + filled(roll, query), is_object


def forms(address: Address, roll: Roll) -> list[dict[str, Any]]:
    sent = [
        {key: filled(roll, value, encoded=False) for key, value in form.items()}
        for form in KNOWN[address.name].send
    ]
    if address.name == "upload":
        sent += [{"files": SimpleUploadedFile("mine.jpg", picture_bytes("navy"))}]
    return sent


def dump(user: User) -> dict[str, list[dict[str, Any]]]:
    """Copy every row that is somebody's, and the names of their files."""
    rows: dict[str, list[dict[str, Any]]] = {"files": _files(user)}
    for model in apps.get_models():
        owner = "pk" if model is User else _owner_field(model)
        if owner:
            mine = model._default_manager.filter(**{owner: user.pk})
            rows[model.__name__] = sorted(mine.values(), key=repr)
    for volatile in rows["User"]:
        volatile.pop("last_login")
    return rows


def _owner_field(model: type[Model]) -> str | None:
    names = {field.name for field in model._meta.get_fields() if field.is_relation and not field.auto_created}
    return next((name for name in ("owner", "created_by", "user") if name in names), None)


def _files(user: User) -> list[dict[str, Any]]:
    found = []
    for top in (f"originals/{user.pk}", f"previews/{user.pk}"):
        folders = default_storage.listdir(top)[0] if default_storage.exists(top) else []
        found += [{top: sorted(default_storage.listdir(f"{top}/{folder}")[1])} for folder in sorted(folders)]
    return found


def test_every_address_is_known_here_by_name():
    assert {address.name for address in addresses()} == KNOWN.keys()
    assert set(unnamed()) <= {"(?P<url>.*)$", "<path:object_id>/", "admin/login/"}  # redirects


@pytest.mark.parametrize("address", addresses(), ids=lambda address: address.name)
def test_another_person_gets_nothing_and_changes_nothing(rolls: tuple[Roll, Roll], address: Address) -> None:
    alice, bob = rolls
    before = dump(alice.user)
    client = logged_in(bob.user)
    for verb, url, form, names_object in attempts(address, alice):
        response = ask(client, verb, url, form)
        what = (verb, url, form, response.status_code)
        assert response.status_code < 500, what
        assert leaked(response, alice, url) == [], what
        if KNOWN[address.name].staff:
            assert response.status_code == 404, what
        elif verb in OTHER_VERBS:
            assert response.status_code in ({403, 405} if KNOWN[address.name].admin else {405}), what
        elif names_object:
            assert response.status_code in (404, 405), what
        if address.name == "logout":
            client = logged_in(bob.user)
    assert dump(alice.user) == before


def test_somebody_unknown_is_sent_to_log_in(rolls: tuple[Roll, Roll]) -> None:
    alice, _ = rolls
    before = dump(alice.user)
    client = Client()
    for address in addresses():
        known = KNOWN[address.name]
        for verb, url, form, _ in attempts(address, alice):
            response = ask(client, verb, url, form)
            what = (verb, url, form, response.status_code)
            assert response.status_code < 500, what
            if known.open:
                assert leaked(response, alice, url) == [], what
            elif response.status_code == 405:
                assert verb not in ("GET", "HEAD") or not known.get, what
            else:
                assert response.status_code == 302, what
                assert response["Location"].startswith("/login/?next="), what
                assert everything(response).partition(b"\n\n")[2] == b"", what
    assert dump(alice.user) == before


def test_every_address_answers_its_own_verbs_only(rolls: tuple[Roll, Roll]) -> None:
    alice, _ = rolls
    User.objects.filter(pk=alice.user.pk).update(is_superuser=True, is_staff=True)
    client = logged_in(alice.user)
    for address in addresses():
        known = KNOWN[address.name]
        taken = ({"GET", "HEAD"} if known.get else set()) | ({"POST"} if known.post else set())
        url = next(questions(address, alice))[0]
        for verb in set(VERBS) - taken:
            response = ask(client, verb, url, {})
            assert response.status_code == 405, (verb, url)
            assert set(response["Allow"].split(", ")) == taken, (verb, url)
        for verb in taken & {"GET", "HEAD"}:
            response = ask(client, verb, url, {})
            assert response.status_code in (200, 302, 404, 422), (verb, url)
            assert verb == "GET" or everything(response).partition(b"\n\n")[2] == b"", url


def attempts(address: Address, roll: Roll) -> Iterator[tuple[str, str, dict[str, Any], bool]]:
    """Yield verb, URL, form, and whether the URL names something of the roll: all that is worth trying."""
    asked = list(questions(address, roll))
    for url, names_object in asked:
        yield "GET", url, {}, names_object
        for form in forms(address, roll) if "?" not in url else []:
            yield "POST", url, form, names_object
    for verb in ("HEAD", *OTHER_VERBS):
        yield verb, asked[0][0], {}, asked[0][1]


def ask(client: Client, verb: str, url: str, form: dict[str, Any]) -> Any:
    """Send a request; as a server does, close the answer's files whether or not they were read."""
    response = client.post(url, form) if verb == "POST" else client.generic(verb, url)
    response.body = everything(response)
    request_finished.disconnect(close_old_connections)  # the test's transaction has to stay open
    response.close()
    request_finished.connect(close_old_connections)
    return response


def test_nobody_but_administrators_gets_into_djangos_admin(rolls: tuple[Roll, Roll]) -> None:
    alice, bob = rolls
    clients = [Client(), logged_in(bob.user)]
    for address in admin_addresses():
        values = dict.fromkeys(address.parameters, str(alice.user.pk)) | {"app_label": "magicroll"}
        url = address.url(**values)
        for client in clients if address.name != "admin:logout" else clients[:1]:
            for verb in ("GET", "POST", "DELETE"):
                response = ask(client, verb, url, {})
                expected = {302, 404, 405} | ({200} if address.name == "admin:login" else set())
                assert response.status_code in expected, (verb, url)
                assert leaked(response, alice, url) == []


def test_answers_are_the_same_to_the_byte_whether_others_have_photos_or_not(rolls: tuple[Roll, Roll]) -> None:
    alice, bob = rolls
    cache.clear()
    urls = [
        url
        for address in addresses()
        if KNOWN[address.name].get and address.name not in ("logout", "invite", "healthz")
        for url, _ in questions(address, bob)
    ]
    client = logged_in(bob.user)
    with_alice = {url: _settled(client, url) for url in urls}
    services.trash(alice.user, [photo.pk for photo in alice.photos])
    services.purge(alice.user, [photo.pk for photo in alice.photos])
    alice.user.delete()
    for url in urls:
        assert _settled(client, url) == with_alice[url], url
    assert sum(status == 200 for status, _ in with_alice.values()) > 20


def _settled(client: Client, url: str) -> tuple[int, bytes]:
    """Answer to a question, without the token that differs each time, and how long ago something was."""
    response = ask(client, "GET", url, {})
    token = rb'(csrfmiddlewaretoken" value=|X-CSRFToken\\?[^:]*: ?\\?)"[^"]+"|[A-Za-z0-9]{64}|(?<=class="ago" )[^<]+'
    body = everything(response).partition(b"\n\n")[2]
    return response.status_code, re.sub(token, b"", body)


def test_sending_a_photo_that_somebody_else_has_makes_one_of_ones_own(
    rolls: tuple[Roll, Roll],
) -> None:
    alice, bob = rolls
    content = picture_bytes("crimson")
    sent = {}
    for user in (alice.user, bob.user):
        upload = {"files": SimpleUploadedFile("same.jpg", content)}
        answer = logged_in(user).post("/upload/", upload, headers={"Accept": "application/json"})
        assert answer.status_code == 201
        (sent[user.pk],) = json.loads(answer.content)["files"]
    assert {file["outcome"] for file in sent.values()} == {"stored"}
    assert sent[alice.user.pk]["photo"] != sent[bob.user.pk]["photo"]
    for photo in Photo.objects.filter(name="same.jpg"):
        for name in photo.files:
            default_storage.delete(name)


def test_one_cannot_say_anything_with_somebody_elses_own_tag(rolls: tuple[Roll, Roll]) -> None:
    alice, bob = rolls
    mine = f"/photo/{bob.live.pk}/tags/"
    for verdict, status in (("reject", 422), ("undo", 302), ("add", 422)):
        response = logged_in(bob.user).post(mine, {"verdict": verdict, "tag": str(alice.own_tag.pk)})
        assert response.status_code == status, verdict
        assert leaked(response, alice, mine) == []
    page = logged_in(bob.user).get(mine)
    assert leaked(page, alice, mine) == []
    assert Tag.objects.filter(owner=bob.user).count() == 1
    named = logged_in(bob.user).post(mine, {"verdict": "add", "name": alice.own_tag.name})
    assert named.status_code == 302
    assert Tag.objects.filter(owner=bob.user, name=alice.own_tag.name).exists()
    assert list(Tag.objects.filter(owner=alice.user)) == [alice.own_tag]
