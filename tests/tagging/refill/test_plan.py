"""The dry run says what the refill then has to do, and from what it is estimated."""

from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tagging.models import CorpusRefill, Encoder, Refill
from tagging.refill import choice, cleaning, filling, orders
from tagging.refill.plan import plan
from tests.factories import make_photo, make_user
from tests.tagging.refill.model import looking, make_releases
from tests.tagging.refill.people import make_person, start, state_of, work_off
from tests.tagging.test_outstanding import rotate

pytestmark = pytest.mark.django_db
Scope = Refill.Scope


@pytest.mark.parametrize("scope", Scope.values)
def test_it_counts_what_the_refill_then_has_to_do(scope: str) -> None:
    with looking():
        _, other, words = make_releases()
        alice, bob = make_person("alice", 4), make_person("bob", 2)
        before = start(other, alice)
        work_off()
        assert state_of(before, alice) == "done"
        rotate(alice.photos.order_by("id")[0])
        for release in (other, words):
            said = plan(release, [alice.pk, bob.pk], scope)
            refill = start(release, alice, bob, scope=scope)
            for one in refill.corpora.all():
                filling.begin(one.pk)
            totals = dict(refill.corpora.values_list("owner", "total"))
            assert {person.owner_id: person.photos for person in said.people} == totals
            CorpusRefill.objects.filter(refill=refill).exclude(state="skipped").update(state="whole")
            orders.cancel(None, refill)
            cleaning.clean_some(10**9)


class TestPlan:
    def test_words_alone_open_no_image(self) -> None:
        with looking():
            _, other, words = make_releases()
            alice = make_person("alice", 3)
            assert (
                plan(words, [alice.pk], Scope.MISSING).stored,
                plan(words, [alice.pk], Scope.MISSING).opened,
            ) == (3, 0)
            assert (
                plan(other, [alice.pk], Scope.MISSING).stored,
                plan(other, [alice.pk], Scope.MISSING).opened,
            ) == (0, 3)

    def test_everything_opens_each_image(self) -> None:
        with looking():
            _, _, words = make_releases()
            alice = make_person("alice", 3)
            assert plan(words, [alice.pk], Scope.EVERYTHING).opened == 3

    def test_new_pixels_have_to_be_opened(self) -> None:
        with looking():
            _, _, words = make_releases()
            alice = make_person("alice", 3)
            rotate(alice.photos.order_by("id")[0])
            said = plan(words, [alice.pk], Scope.MISSING)
            assert (said.stored, said.opened) == (2, 1)

    def test_time_comes_from_what_was_measured_here_or_not_at_all(self) -> None:
        with looking():
            _, other, words = make_releases()
            alice = make_person("alice", 4)
            assert plan(other, [alice.pk], Scope.MISSING).seconds is None
            assert plan(words, [alice.pk], Scope.MISSING).seconds is None
            Encoder.objects.filter(pk=other.encoder_id).update(measured_photos=100, measured_ms=5_000)
            Encoder.objects.filter(pk=words.encoder_id).update(rescored_photos=1000, rescored_ms=500)
            other.refresh_from_db()
            words.refresh_from_db()
            assert plan(other, [alice.pk], Scope.MISSING).seconds == pytest.approx(0.2)
            assert plan(words, [alice.pk], Scope.MISSING).seconds == pytest.approx(0.002)

    def test_refills_measure_for_the_next_estimate(self) -> None:
        with looking():
            _, other, words = make_releases()
            alice = make_person("alice", 4)
            start(other, alice)
            work_off()
            start(words, alice)
            work_off()
            first, second = (Encoder.objects.get(pk=one.encoder_id) for one in (other, words))
            assert (first.measured_photos, first.rescored_photos) == (4, 0)
            assert (second.measured_photos, second.rescored_photos) == (0, 4)

    def test_disk_is_less_where_the_embeddings_are_there(self) -> None:
        with looking():
            _, other, words = make_releases()
            alice = make_person("alice", 4)
            vectors = 4 * 1280 * 2
            assert plan(other, [alice.pk], Scope.MISSING).extra_bytes > vectors
            assert 0 < plan(words, [alice.pk], Scope.MISSING).extra_bytes < vectors

    def test_it_says_who_is_on_it_and_who_has_to_wait(self) -> None:
        with looking():
            default, other, words = make_releases()
            alice, bob = make_person("alice", 2), make_person("bob", 1)
            refill = start(words, bob, hold=True)
            work_off()
            assert state_of(refill, bob) == "whole"
            assert plan(default, [alice.pk, bob.pk], Scope.MISSING).on_it == 2
            said = plan(other, [alice.pk, bob.pk], Scope.MISSING)
            assert [(one.name, one.photos, one.waits) for one in said.people] == [
                ("alice", 2, False),
                ("bob", 1, True),
            ]

    def test_queries_do_not_grow_with_people(self) -> None:
        with looking():
            _, other, words = make_releases()
            people = [make_person("", 1)]
            for release in (other, words):
                with CaptureQueriesContext(connection) as few:
                    plan(release, [one.pk for one in people], Scope.STALE)
                more = [*people, *(make_person("", 1) for _ in range(4))]
                with CaptureQueriesContext(connection) as many:
                    plan(release, [one.pk for one in more], Scope.STALE)
                assert len(many) == len(few)


class TestChoice:
    def test_a_canary_grows_and_never_moves(self) -> None:
        people = [make_user() for _ in range(60)]
        shares = [{user.pk for user in choice.share(percent)} for percent in (5, 25, 50, 100)]
        assert all(small <= large for small, large in pairwise(shares))
        assert shares[-1] == {user.pk for user in people}
        assert 10 < len(shares[2]) < 50
        assert shares[0] == {user.pk for user in choice.share(5)}

    def test_it_is_at_least_one_person(self) -> None:
        make_user("alice")
        assert len(choice.share(0.01)) == 1

    def test_the_accounts_of_doctor_are_nobody(self) -> None:
        make_user("alice")
        make_user("~doctor")
        assert [user.username for user in choice.everybody()] == ["alice"]
        with pytest.raises(choice.UnknownPeople, match="Nobody here is called carol, ~doctor"):
            choice.named(["alice", "~doctor", "carol"])

    def test_photos_are_counted_before_anybody_has_tags(self) -> None:
        user = make_user("alice")
        make_photo(user)
        _, other, _ = make_releases()
        assert plan(other, [user.pk], Scope.MISSING).photos == 1
