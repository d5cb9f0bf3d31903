"""What people said moves with a copy of the database, and readers see the same in it."""

import sqlite3
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from magicroll.models import Photo, User
from tagging.models import Corpus, Tag, Verdict
from tagging.services import add_tag, reject_tag
from tagging.verify import differences
from tests.factories import annotate, make_photo, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    alice = make_user("alice")
    photo = make_photo(alice, name="a.jpg")
    annotate(photo, {"dog": 0.9, "beach": 0.8})
    add_tag(alice, photo, "Fluffy")
    reject_tag(alice, photo, Tag.objects.get(slug="beach").pk)
    return alice


def said(user: User) -> set[tuple[str, str, str]]:
    rows = Verdict.objects.owned_by(user).values_list("photo__name", "tag__slug", "kind")
    return set(rows)


def test_verdicts_come_back_with_a_dump(alice: User, tmp_path: Path) -> None:
    before = said(alice)
    assert before == {("a.jpg", "fluffy", "added"), ("a.jpg", "beach", "rejected")}
    dump = str(tmp_path / "dump.json")
    excluded = ["--exclude", "contenttypes", "--exclude", "auth.permission"]
    call_command("dumpdata", "--output", dump, *excluded, verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    assert not Photo.objects.exists()
    call_command("loaddata", dump, verbosity=0)
    again = User.objects.get(username="alice")
    assert said(again) == before
    assert Corpus.objects.get(owner=again).version > 0
    assert differences(again.pk) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has pg_dump")
def test_a_copy_of_the_sqlite_file_has_them_while_it_is_in_use(alice: User, tmp_path: Path) -> None:
    connection.ensure_connection()
    with sqlite3.connect(tmp_path / "copy.sqlite3") as copy:
        connection.connection.backup(copy)
        rows = copy.execute(
            "SELECT p.name, t.slug, v.kind FROM tagging_verdict v JOIN tagging_tag t ON t.id = v.tag_id"
            " JOIN magicroll_photo p ON p.id = v.photo_id AND p.owner_id = v.owner_id"
        ).fetchall()
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
    copy.close()
    assert set(rows) == said(alice)
