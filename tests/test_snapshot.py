"""`snapshot()` really holds one state of the database, while others write, and keeps nobody waiting."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from magicroll.models import Photo, User
from magicroll.snapshot import snapshot
from tagging import search
from tests.factories import annotate, make_photo, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(act: Callable[[], Any]) -> Any:
    """Do something on another connection, and wait until it is committed."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(act())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert result, "it failed or had to wait"
    return result[0]


def count(user: User) -> int:
    return Photo.objects.owned_by(user).count()


def test_what_others_commit_meanwhile_is_not_seen():
    user = make_user()
    make_photo(user)
    with snapshot():
        assert count(user) == 1
        elsewhere(lambda: make_photo(user))
        assert count(user) == 1
        assert elsewhere(lambda: count(user)) == 2
        assert len(search.roll_page(search.corpus_of(user)).photos) == 1
    assert count(user) == 2


def test_without_it_reads_see_what_is_committed_in_between():
    user = make_user()
    assert count(user) == 0
    elsewhere(lambda: make_photo(user))
    assert count(user) == 1


def test_it_keeps_no_writer_waiting_and_waits_for_none():
    user = make_user()
    photo = make_photo(user)
    with snapshot():
        assert count(user) == 1
        begun = time.monotonic()
        assert elsewhere(lambda: annotate(photo, {"dog": 0.9})) == 1
        assert time.monotonic() - begun < 20  # SQLite would give up after 30 s
        assert search.rail_counts(search.corpus_of(user)) == []
    assert [tile.slug for tile in search.rail_counts(search.corpus_of(user))] == ["animals"]


def test_afterwards_the_connection_writes_as_before():
    user = make_user()
    with snapshot():
        count(user)
    make_photo(user)
    with pytest.raises(ZeroDivisionError), snapshot():
        _ = 1 / 0
    make_photo(user)
    assert count(user) == 2


def test_nothing_is_written_inside_on_postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no read-only transactions")
    user = make_user()
    with pytest.raises(DatabaseError), snapshot():
        User.objects.filter(pk=user.pk).update(first_name="x")


@pytest.mark.parametrize("url", ["/", "/magic/", "/magic/dog/", "/search/?q=dog"])
def test_a_page_shows_one_state_though_the_corpus_changes_while_it_is_made(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    """Counts in the rail, made last, agree with the list, made first."""
    user = make_user()
    annotate(make_photo(user), {"dog": 0.9})
    client = Client()
    client.force_login(user)
    whole = client.get(url).content
    real = search.corpus_of
    meanwhile = [lambda: annotate(make_photo(user), {"dog": 0.95, "cat": 0.9})]

    def corpus_then_change(owner: User) -> Any:
        corpus = real(owner)
        if meanwhile and connection.in_atomic_block:
            elsewhere(meanwhile.pop())
        return corpus

    monkeypatch.setattr(search, "corpus_of", corpus_then_change)
    during = client.get(url).content
    assert not meanwhile
    assert during.count(b"/thumbnail.jpg") == whole.count(b"/thumbnail.jpg")
    assert b"/magic/cat/" not in during
    monkeypatch.undo()
    afterwards = client.get(url).content
    assert b"/magic/cat/" in afterwards or afterwards.count(b"/thumbnail.jpg") > whole.count(
        b"/thumbnail.jpg"
    )


def test_it_may_be_the_first_thing_that_a_process_reads():
    def look() -> int:
        with snapshot():
            return User.objects.count()

    assert elsewhere(look) == 0
