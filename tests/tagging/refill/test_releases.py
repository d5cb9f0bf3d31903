"""Who is on which release, and what that takes."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tagging.models import AuditEntry, Release
from tagging.refill import orders, releases
from tests.factories import make_user
from tests.tagging.refill.model import looking, make_releases
from tests.tagging.refill.people import make_person, start, work_off

pytestmark = pytest.mark.django_db


def test_both_networks_that_come_along_are_registered_the_larger_as_default(monkeypatch) -> None:
    monkeypatch.setattr("tagging.management.commands.install_encoders.install", lambda spec, models: spec)
    call_command("install_encoders", verbosity=0)
    found = {row.release.encoder.name: row.release.is_default for row in releases.releases()}
    assert found == {"efficientnet-lite0": False, "efficientnet-lite2": True}


def test_people_and_photos_are_counted_where_they_are() -> None:
    with looking():
        default, other, words = make_releases()
        alice = make_person("alice", 3)
        make_person("bob", 2)
        start(other, alice)
        work_off()
        found = {row.release: row for row in releases.releases()}
    assert (found[default].corpora, found[default].photos, found[default].way_back) == (1, 2, 1)
    assert (found[other].corpora, found[other].photos, found[other].way_back) == (1, 3, 0)
    assert (found[words].corpora, found[words].photos, found[words].own_bytes) == (0, 0, 0)


def test_disk_follows_the_rows_and_is_shared_by_an_encoder() -> None:
    with looking():
        default, other, words = make_releases()
        alice = make_person("alice", 6)
        before = {row.release: row for row in releases.releases()}
        start(words, alice, hold=True)
        work_off()
        after = {row.release: row for row in releases.releases()}
    assert before[words].own_bytes == 0 < after[words].own_bytes
    assert after[words].filling == 1
    assert after[default].shared_bytes == before[default].shared_bytes  # no embedding was added
    assert after[default].shared_bytes == after[words].shared_bytes
    assert (after[default].sharing, after[other].sharing) == (2, 1)


def test_queries_do_not_grow_with_people() -> None:
    make_releases()
    make_user("alice")
    with CaptureQueriesContext(connection) as few:
        releases.releases()
        releases.corpora()
    for _ in range(6):
        make_user()
    with CaptureQueriesContext(connection) as many:
        releases.releases()
        releases.corpora()
    assert len(many) == len(few) == 7


def test_people_come_by_name_a_page_at_a_time(monkeypatch) -> None:
    monkeypatch.setattr(releases, "PAGE", 2)
    for name in ("carol", "alice", "bob", "~doctor"):
        make_user(name)
    first = releases.corpora()
    assert [row.corpus.owner.username for row in first.rows] == ["alice", "bob"]
    second = releases.corpora(first.next)
    assert [row.corpus.owner.username for row in second.rows] == ["carol"]
    assert second.next == ""
    assert [row.corpus.owner.username for row in releases.corpora(words="OB").rows] == ["bob"]


def test_the_audit_trail_goes_back_page_by_page(monkeypatch) -> None:
    monkeypatch.setattr(releases, "PAGE", 2)
    default, other, _ = make_releases()
    admin = make_user("admin")
    orders.make_default(admin, other)
    orders.make_default(admin, default)
    orders.withdraw(admin, other)
    page = releases.audit_trail()
    assert [entry.action for entry in page.entries] == ["withdrawn", "made default"]
    older = releases.audit_trail(page.next)
    assert [entry.release for entry in older.entries] == [other]
    assert older.next is None
    assert AuditEntry.objects.count() == 3
    assert Release.objects.get(is_default=True) == default
