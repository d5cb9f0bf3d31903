"""Selecting and what can be done with a selection, through HTTP."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from magicroll import services
from magicroll.models import Operation, Photo, User
from tagging.models import Tag, Verdict
from tagging.services import add_tag
from tests.factories import JUNE, annotate, make_photo
from tests.views.conftest import picture_bytes

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
POSTED = ("operate", "selection_tags", "selection_download")
ASKED = ("select", "selection_all", "selection_span")


def ids(*photos: Photo) -> str:
    return ",".join(str(photo.pk) for photo in photos)


def order(client: Client, **form: object):
    return client.post(reverse("operate"), form, headers=HTMX)


def live(user: User) -> set[int]:
    return set(Photo.objects.owned_by(user).live().values_list("pk", flat=True))


def test_trash_and_undo(as_alice: Client, alice):
    first, second, other = make_photo(alice), make_photo(alice), make_photo(alice)
    response = order(as_alice, kind="trash", ids=ids(first, second))
    page = response.content.decode()
    assert response.status_code == 200
    assert "2 photos moved to the trash." in page
    assert "photos-changed" in response.headers["HX-Trigger"]
    assert live(alice) == {other.pk}
    undo = reverse("operation_undo", args=[Operation.objects.get().pk])
    assert f'hx-post="{undo}"' in page
    response = as_alice.post(undo, headers=HTMX)
    assert "Undone." in response.content.decode()
    assert live(alice) == {first.pk, second.pk, other.pk}


def test_without_htmx_it_goes_back_with_a_notice_that_can_be_undone(as_alice: Client, alice):
    photo = make_photo(alice)
    form = {"kind": "favourite", "ids": [photo.pk], "next": "/favourites/"}
    response = as_alice.post(reverse("operate"), form, follow=True)
    assert response.redirect_chain == [("/favourites/", 302)]
    page = response.content.decode()
    undo = reverse("operation_undo", args=[Operation.objects.get().pk])
    assert "1 photo added to your favourites." in page
    assert f'action="{undo}"' in page
    as_alice.post(undo)
    photo.refresh_from_db()
    assert not photo.favourite


def test_it_sends_nobody_to_another_site(as_alice: Client, alice):
    form = {"kind": "favourite", "ids": [make_photo(alice).pk], "next": "https://example.org/"}
    assert as_alice.post(reverse("operate"), form).url == reverse("roll")


def test_dates_are_shifted_and_set(as_alice: Client, alice):
    photo = make_photo(alice)
    order(as_alice, kind="shift-date", ids=ids(photo), days="1", hours="2", minutes="3", way="earlier")
    photo.refresh_from_db()
    assert photo.taken_at == JUNE - timedelta(days=1, hours=2, minutes=3)
    order(as_alice, kind="set-date", ids=ids(photo), date="2001-02-03")
    photo.refresh_from_db()
    assert photo.taken_at == (JUNE - timedelta(hours=2, minutes=3)).replace(year=2001, month=2, day=3)
    order(as_alice, kind="set-date", ids=ids(photo), date="2001-02-03", time="04:05")
    photo.refresh_from_db()
    assert (photo.taken_at.hour, photo.taken_at.minute, photo.taken_from) == (4, 5, "person")


def test_tags_are_added_by_name_and_rejected_by_choice(as_alice: Client, alice):
    photos = [make_photo(alice) for _ in range(2)]
    for photo in photos:
        annotate(photo, {"dog": 0.9})
    assert (
        "2 photos tagged “holiday 99”."
        in order(as_alice, kind="add-tag", ids=ids(*photos), name="holiday 99").content.decode()
    )
    assert Tag.objects.get(owner=alice).name == "holiday 99"
    dog = Tag.objects.get(slug="dog")
    assert as_alice.get(reverse("tag", args=["dog"])).content.count(b'class="cell" data-id') == 2
    order(as_alice, kind="reject-tag", ids=ids(*photos), tag=dog.pk)
    assert set(Verdict.objects.filter(tag=dog).values_list("kind", flat=True)) == {"rejected"}
    assert as_alice.get(reverse("tag", args=["dog"])).content.count(b'class="cell" data-id') == 0


def test_a_large_one_answers_at_once_and_tells_how_far_it_is(
    as_alice: Client, alice, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr("magicroll.operations.ordering.AT_ONCE", 1)
    sent: list[int] = []
    monkeypatch.setattr("magicroll.tasks._send", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        response = order(as_alice, kind="trash", ids=ids(make_photo(alice), make_photo(alice)))
    page = response.content.decode()
    running = Operation.objects.get()
    assert sent == [running.pk]
    assert "Moving to the trash: 2 photos…" in page
    assert f'hx-get="{reverse("operation", args=[running.pk])}?watched"' in page
    assert "HX-Trigger" not in response.headers
    response = as_alice.post(reverse("operation_stop", args=[running.pk]), headers=HTMX)
    assert "Stopped; 2 left as they were." in response.content.decode()
    assert len(live(alice)) == 2


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"kind": "trash"}, "Select photos first."),
        ({"kind": "trash", "ids": "1,x"}, "This selection can&#x27;t be read."),
        ({"kind": "trash", "ids": "-1"}, "This selection can&#x27;t be read."),
        ({"kind": "trash", "ids": "9" * 5000}, "This selection can&#x27;t be read."),
        ({"kind": "trash", "ids": "9" * 19}, "Select photos first."),
        ({"kind": "trash", "ids": "1" * 12}, "None of these photos is in your roll any more."),
        ({"kind": "trash", "all": "roll"}, "This selection can&#x27;t be read."),
        ({"kind": "trash", "all": "tag:nothing", "upto": "9"}, "This list is not there any more."),
        ({"kind": "trash", "all": "trash", "upto": str(2**63 - 1)}, "None of these photos"),
        ({"ids": "{mine}"}, "Choose what to do with the photos."),
        ({"kind": "burn", "ids": "{mine}"}, "This can&#x27;t be done with photos."),
        ({"kind": "add-tag", "ids": "{mine}"}, "Type a tag first."),
        ({"kind": "add-tag", "ids": "{mine}", "name": "???"}, "A tag needs at least one letter or number."),
        ({"kind": "add-tag", "ids": "{mine}", "name": "animals"}, "is a category"),
        ({"kind": "reject-tag", "ids": "{mine}"}, "Choose a tag first."),
        ({"kind": "reject-tag", "ids": "{mine}", "tag": "999999"}, "There is no such tag."),
        ({"kind": "shift-date", "ids": "{mine}"}, "Say by how much to move the dates."),
        ({"kind": "shift-date", "ids": "{mine}", "days": "x"}, "Enter a whole number."),
        ({"kind": "shift-date", "ids": "{mine}", "days": "99999999"}, "less than or equal to"),
        ({"kind": "set-date", "ids": "{mine}"}, "Choose a date."),
        ({"kind": "set-date", "ids": "{mine}", "date": "31.12.2000"}, "Enter a valid date."),
        ({"kind": "set-date", "ids": "{mine}", "date": "0900-01-01"}, "Choose a date between 1800 and 2200."),
        ({"kind": "set-date", "ids": "{mine}", "date": "2000-01-01", "time": "25:00"}, "Enter a valid time."),
    ],
)
@pytest.mark.parametrize("headers", [HTMX, {}])
def test_bad_input_changes_nothing_and_says_what_to_do(as_alice: Client, alice, form, message, headers):
    photo = make_photo(alice)
    filled = {key: value.replace("{mine}", str(photo.pk)) for key, value in form.items()}
    response = as_alice.post(reverse("operate"), filled, headers=headers)
    assert response.status_code == 422
    assert message in response.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("name", [*POSTED, *ASKED])
def test_it_sends_anonymous_to_log_in(client: Client, alice, name: str):
    ask = client.post if name in POSTED else client.get
    assert ask(reverse(name)).url == f"/login/?next={reverse(name)}"


@pytest.mark.parametrize("name", [*POSTED, *ASKED])
def test_it_rejects_the_wrong_method(as_alice: Client, name: str):
    ask = as_alice.get if name in POSTED else as_alice.post
    assert ask(reverse(name)).status_code == 405


@pytest.mark.parametrize("kind", [kind for kind, _ in Operation.Kind.choices])
def test_it_ignores_what_is_somebody_elses(as_alice: Client, alice, bob, kind: str):
    theirs = make_photo(bob)
    own = add_tag(bob, theirs, "secret party")
    more = {"name": "mine", "tag": Tag.objects.get(slug="dog").pk, "days": 1, "date": "2001-02-03"}
    before = Photo.objects.filter(pk=theirs.pk).values().get()
    assert order(as_alice, kind=kind, ids=ids(theirs), **more).status_code == 422
    mixed = order(as_alice, kind=kind, ids=f"{ids(theirs)},{ids(make_photo(alice))}", **more)
    assert mixed.status_code == 200
    assert Operation.objects.get().total == 1
    assert Photo.objects.filter(pk=theirs.pk).values().get() == before
    assert list(Verdict.objects.owned_by(bob).values_list("tag", flat=True)) == [own.pk]
    assert order(as_alice, kind="reject-tag", ids=ids(make_photo(alice)), tag=own.pk).status_code == 422


def test_a_download_has_ones_own_originals_alone(
    as_alice: Client, alice, bob, stored_photo: Callable[..., Photo]
):
    mine, theirs = stored_photo(alice, name="mine.jpg"), stored_photo(bob, name="theirs.jpg")
    response = as_alice.post(reverse("selection_download"), {"ids": ids(mine, theirs)})
    assert response.streaming
    assert response["Content-Type"] == "application/zip"
    assert re.fullmatch(
        r'attachment; filename="magic-roll-\d{4}-\d\d-\d\d\.zip"', response["Content-Disposition"]
    )
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    assert archive.namelist() == ["mine.jpg"]
    with default_storage.open(mine.original_file) as original:
        assert archive.read("mine.jpg") == original.read() == picture_bytes()
    only_theirs = as_alice.post(reverse("selection_download"), {"ids": ids(theirs)})
    assert only_theirs.status_code == 422
    assert b"theirs" not in only_theirs.content


def test_a_download_has_an_end(as_alice: Client, alice, monkeypatch):
    monkeypatch.setattr("magicroll.views.selection.MOST_IN_ZIP", 1)
    form = {"ids": ids(make_photo(alice), make_photo(alice))}
    response = as_alice.post(reverse("selection_download"), form)
    assert response.status_code == 422
    assert "at most 1 photos, and you selected 2" in response.content.decode()


def test_the_tags_of_a_selection(as_alice: Client, alice, bob):
    photos = [make_photo(alice) for _ in range(2)]
    annotate(photos[0], {"dog": 0.9})
    annotate(photos[1], {"dog": 0.9, "beach": 0.8})
    theirs = make_photo(bob)
    annotate(theirs, {"cat": 0.9})
    response = as_alice.post(reverse("selection_tags"), {"ids": ids(*photos, theirs)}, headers=HTMX)
    found = re.findall(r'<span>([\w ]+) <span class="count">(\d+)</span>', response.content.decode())
    assert ("dog", "2") in found
    assert ("beach", "1") in found
    assert "cat" not in dict(found)
    assert as_alice.post(reverse("selection_tags"), headers=HTMX).status_code == 422


def test_all_tells_how_many_and_up_to_where(as_alice: Client, alice):
    photos = [make_photo(alice) for _ in range(3)]
    assert as_alice.get(reverse("selection_all"), {"in": "roll"}).json() == {
        "count": 3,
        "upto": photos[-1].pk,
    }
    assert as_alice.get(reverse("selection_all"), {"in": "tag:nothing"}).status_code == 404
    assert as_alice.get(reverse("selection_all")).status_code == 404


def test_a_span_names_photos_that_the_page_may_not_have(as_alice: Client, alice, bob):
    photos = [make_photo(alice) for _ in range(4)]
    ask = {"in": "roll", "from": photos[1].pk, "to": photos[3].pk}
    answer = as_alice.get(reverse("selection_span"), ask)
    assert json.loads(answer.content) == {"ids": [photos[3].pk, photos[2].pk, photos[1].pk]}
    theirs = as_alice.get(reverse("selection_span"), ask | {"to": make_photo(bob).pk})
    assert theirs.json() == {"ids": []}
    assert as_alice.get(reverse("selection_span"), {"in": "roll", "day": "nonsense"}).status_code == 422
    assert as_alice.get(reverse("selection_span"), {"in": "nowhere", "day": "2024-06-15"}).status_code == 404


@pytest.mark.parametrize("place", ["roll", "trash", "tag:dog", "favourites", "search:dog"])
def test_the_page_without_javascript_shows_boxes_and_goes_on(
    as_alice: Client, alice, monkeypatch, place: str
):
    monkeypatch.setattr("magicroll.views.selection.PAGE", 2)
    photos = [make_photo(alice, favourite=True) for _ in range(3)]
    for photo in photos:
        annotate(photo, {"dog": 0.9})
    if place == "trash":
        services.trash(alice, [photo.pk for photo in photos])
    page = as_alice.get(reverse("select"), {"in": place}).content.decode()
    shown = re.findall(r'name="ids" value="(\d+)"', page)
    older = re.search(r'href="(/select/\?[^"]+)"', page)
    assert older
    rest = as_alice.get(older[1].replace("&amp;", "&")).content.decode()
    shown += re.findall(r'name="ids" value="(\d+)"', rest)
    assert shown == [str(photo.pk) for photo in reversed(photos)]
    assert "All 3 photos of this list" in page
    assert ('value="restore"' in page) == (place == "trash")


def test_the_page_of_a_list_that_is_not_there(as_alice: Client):
    assert as_alice.get(reverse("select"), {"in": "tag:nothing"}).status_code == 404
    assert as_alice.get(reverse("select"), {"in": "roll", "before": "x"}).status_code == 404


def test_its_number_of_queries_does_not_follow_the_photos(as_alice: Client, alice):
    counts = []
    as_alice.get(reverse("select"))  # what a process reads once
    for more in (1, 30):
        for _ in range(more):
            annotate(make_photo(alice), {"dog": 0.9})
        with CaptureQueriesContext(connection) as counted:
            as_alice.get(reverse("select"))
        counts.append(len(counted))
    assert counts[0] == counts[1] > 0
