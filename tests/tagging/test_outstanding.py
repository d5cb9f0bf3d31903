import random
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from magicroll.models import Photo, User
from tagging import outstanding, search
from tagging.models import Corpus, Outstanding
from tagging.outstanding import MAX_ATTEMPTS, Claim, claim, needs, reconcile, release_claims, set_aside
from tagging.sweeping import owners_with_work, sweep_changed
from tagging.verify import differences
from tagging.writer import corpus_change
from tests.factories import annotate, make_photo, make_release, make_user

pytestmark = pytest.mark.django_db


def corpus_of(user: User) -> Corpus:
    return Corpus.objects.get(owner=user)


def claimed(user: User, limit: int = 10) -> list[int]:
    found = claim(corpus_of(user), limit)
    return [work.photo_id for work in found.work] if found else []


def expire_leases() -> None:
    """Let a minute pass."""
    Outstanding.objects.exclude(claimed_until=None).update(
        claimed_until=timezone.now() - timedelta(seconds=1)
    )


def note(photo: Photo) -> Outstanding:
    return Outstanding.objects.get(photo=photo)


def rotate(photo: Photo) -> None:
    """Give a photo new pixels, as an edit does."""
    with corpus_change(photo.owner_id) as change:
        change.touch([photo.id])
        Photo.objects.filter(pk=photo.pk).update(revision=photo.revision + 1)
        needs(change.corpus, [photo.id])


def test_the_newest_photos_come_first():
    user = make_user()
    photos = [make_photo(user).id for _ in range(5)]
    assert claimed(user, 2) == [photos[4], photos[3]]
    assert claimed(user, 2) == [photos[2], photos[1]]


def test_work_says_where_the_pictures_are_and_which_pixels_they_show():
    photo = make_photo(make_user(), revision=3, width=4000, height=3000)
    (work,) = claim(corpus_of(photo.owner), 1).work
    assert (work.photo_id, work.revision, work.width, work.height) == (photo.id, 3, 4000, 3000)
    assert (work.preview_file, work.thumbnail_file) == (photo.preview_file, photo.thumbnail_file)


def test_two_workers_never_get_the_same_photo():
    user = make_user()
    photos = {make_photo(user).id for _ in range(7)}
    first, second, third = claimed(user, 4), claimed(user, 4), claimed(user, 4)
    assert set(first) | set(second) == photos
    assert not set(first) & set(second)
    assert third == []


@pytest.mark.django_db(transaction=True)
def test_workers_that_ask_at_the_same_time_never_get_the_same_photo():
    user = make_user()
    photos = {make_photo(user).id for _ in range(24)}
    start, found = threading.Barrier(4), []

    def work() -> None:
        start.wait(30)
        try:
            while ids := claimed(user, 3):
                found.extend(ids)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    # One that finds every row locked by others goes home early; what it left is the sweep's.
    while ids := claimed(user, 3):
        found.extend(ids)
    assert len(found) == len(photos)
    assert set(found) == photos


def test_another_persons_photos_are_not_touched():
    alice, bob = make_user(), make_user()
    photo = make_photo(bob)
    make_photo(alice)
    claimed(alice)
    assert (note(photo).attempts, note(photo).claimed_until) == (0, None)


def test_the_attempt_is_counted_before_the_work_begins():
    user = make_user()
    photo = make_photo(user)
    claimed(user)
    assert note(photo).attempts == 1
    assert timezone.now() < note(photo).claimed_until <= timezone.now() + outstanding.LEASE


def test_an_expired_lease_is_free_again():
    user = make_user()
    photo = make_photo(user)
    assert claimed(user) == [photo.id]
    assert claimed(user) == []
    assert owners_with_work() == []
    expire_leases()
    assert owners_with_work() == [user.pk]
    assert claimed(user) == [photo.id]


def test_a_photo_that_was_tried_before_goes_alone_and_after_the_untried():
    user = make_user()
    tried = [make_photo(user).id for _ in range(3)]
    claimed(user)
    expire_leases()
    untried = [make_photo(user).id for _ in range(2)]
    assert claimed(user) == untried[::-1]
    assert [claimed(user) for _ in range(4)] == [[tried[2]], [tried[1]], [tried[0]], []]


def test_a_photo_that_kills_its_worker_is_set_aside_and_its_neighbours_are_not():
    user = make_user()
    photos = [make_photo(user) for _ in range(4)]
    killer = photos[1]
    deaths = 0
    while ids := claimed(user):
        if killer.id in ids:
            deaths += 1  # whoever is at it dies
        else:
            for photo in photos:
                if photo.id in ids:
                    annotate(photo, {"dog": 0.9})
        expire_leases()
    assert deaths == MAX_ATTEMPTS
    (left,) = Outstanding.objects.all()
    assert left.photo_id == killer.id
    assert left.set_aside_reason == "Tagging this photo failed 3 times."
    assert owners_with_work() == []
    tags = search.photo_tags(search.corpus_of(user), killer)
    assert (tags.pending, tags.set_aside_reason) == (False, left.set_aside_reason)


def test_the_release_that_people_see_comes_before_the_one_that_fills():
    user = make_user()
    filling = make_release("efficientnet-lite0")
    Corpus.objects.filter(owner=user).update(filling=filling)
    photo = make_photo(user)
    first, second = claim(corpus_of(user), 5), claim(corpus_of(user), 5)
    assert (first.release_id, second.release_id) == (corpus_of(user).active_id, filling.pk)
    assert [work.photo_id for work in first.work + second.work] == [photo.id, photo.id]


def lease(user: User) -> Claim:
    found = claim(corpus_of(user), 10)
    assert found is not None
    return found


def test_work_handed_back_counts_no_attempt():
    user = make_user()
    photo = make_photo(user)
    release_claims(user.pk, lease(user))
    assert (note(photo).attempts, note(photo).claimed_until) == (0, None)
    assert claimed(user) == [photo.id]


def test_a_set_aside_photo_is_left_alone():
    user = make_user()
    photo = make_photo(user)
    set_aside(user.pk, lease(user), photo.id, "It has no preview.")
    expire_leases()
    assert claimed(user) == []
    assert note(photo).set_aside_reason == "It has no preview."


class TestNewPixelsMeanwhile:
    """Whoever claimed the old pixels says nothing about the new ones."""

    def test_handing_back_the_old_claim_changes_nothing(self):
        user = make_user()
        photo = make_photo(user)
        old = lease(user)
        rotate(photo)
        release_claims(user.pk, old)
        assert (note(photo).attempts, note(photo).claimed_until) == (0, None)

    def test_what_was_wrong_with_the_old_pixels_does_not_set_the_new_ones_aside(self):
        user = make_user()
        photo = make_photo(user)
        old = lease(user)
        rotate(photo)
        set_aside(user.pk, old, photo.id, "The preview of this photo is missing from the storage.")
        assert note(photo).set_aside_reason == ""
        assert claim(corpus_of(user), 1).work[0].revision == 2

    def test_a_worker_that_slept_over_its_lease_does_not_end_the_next_ones(self):
        user = make_user()
        photo = make_photo(user)
        slept = lease(user)
        expire_leases()
        awake = lease(user)
        release_claims(user.pk, slept)
        assert note(photo).attempts == 2
        assert claimed(user) == []
        release_claims(user.pk, awake)
        assert claimed(user) == [photo.id]


class TestReconcile:
    def test_lost_notes_come_back(self):
        user = make_user()
        photos = {make_photo(user).id for _ in range(3)}
        Outstanding.objects.all().delete()
        assert reconcile(corpus_of(user)) == 3
        assert set(Outstanding.objects.values_list("photo", flat=True)) == photos
        assert reconcile(corpus_of(user)) == 0

    def test_annotated_photos_need_no_note(self):
        photo = make_photo(make_user())
        annotate(photo, {"dog": 0.9})
        assert reconcile(corpus_of(photo.owner)) == 0

    def test_an_annotation_of_older_pixels_does_not_count(self):
        photo = make_photo(make_user())
        annotate(photo, {"dog": 0.9})
        Photo.objects.filter(pk=photo.pk).update(revision=2)
        assert reconcile(corpus_of(photo.owner)) == 1

    def test_a_photo_that_could_not_be_read_needs_no_tags(self):
        aside = {"state": "set_aside", "set_aside_reason": "It crashed.", "width": 0, "height": 0}
        photo = make_photo(make_user(), **aside)
        Outstanding.objects.all().delete()
        assert reconcile(corpus_of(photo.owner)) == 0

    def test_a_filling_release_is_left_to_its_refill(self):
        photo = make_photo(make_user())
        annotate(photo, {"dog": 0.9})
        filling = make_release("efficientnet-lite0")
        Corpus.objects.filter(owner=photo.owner).update(filling=filling)
        assert reconcile(corpus_of(photo.owner)) == 0
        assert not Outstanding.objects.exists()

    def test_the_sweep_looks_at_a_corpus_that_changed_and_once_only(self, django_assert_num_queries):
        user = make_user()
        make_photo(user)
        Outstanding.objects.all().delete()
        sweep_changed()
        assert owners_with_work() == [user.pk]
        with django_assert_num_queries(1):
            sweep_changed()


@given(seed=st.integers(0, 2**32), photos=st.integers(1, 6), killers=st.integers(0, 2))
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_however_workers_die_everything_is_done_but_what_kills_them(seed: int, photos: int, killers: int):
    rng = random.Random(seed)
    user = make_user()
    made = {photo.id: photo for photo in (make_photo(user) for _ in range(photos))}
    deadly = set(rng.sample(sorted(made), min(killers, photos)))
    while Outstanding.objects.filter(owner=user, set_aside_reason="").exists():
        ids = claimed(user, rng.randint(1, 4))
        if not ids and rng.random() < 0.5:
            expire_leases()
        if deadly.intersection(ids):
            continue  # the worker dies: nothing is stored, the lease runs out some time
        for photo_id in ids:
            if rng.random() < 0.5:
                annotate(made[photo_id], {"dog": 0.9})
            else:
                rotate(made[photo_id])
                made[photo_id].refresh_from_db()
    left = {row.photo_id: row for row in Outstanding.objects.filter(owner=user)}
    assert left.keys() == deadly
    assert all(row.set_aside_reason for row in left.values())
    assert differences(user.pk) == []
