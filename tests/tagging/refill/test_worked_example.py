"""The worked example of Flickr's simplified lambda architecture, through our writer, Combiner and Cleaner.

Theirs is one table: a key has a bulk and a real-time value. The Combiner reads the real-time value where there is
one, else the bulk value; the Cleaner removes real-time values that a bulk load has overtaken. Here a key is a photo,
a value is the tag that a release says, and both streams write to one annotation for each release.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from magicroll.models import Photo, User
from tagging import pointers, search
from tagging.models import Annotation, Corpus, Leftover, Release, Stream
from tagging.refill import cleaning
from tagging.services import annotate_some
from tagging.verify import differences
from tagging.writer import NewAnnotation, store_annotations
from tests.factories import annotation, make_photo, make_release, make_user
from tests.tagging.refill.model import looking
from tests.tagging.test_outstanding import rotate

pytestmark = pytest.mark.django_db
# Each write is known by its word.
BEFORE, BULK_1, REALTIME_1, REALTIME_2, BULK_2 = "dog", "cat", "pizza", "car", "flower"

Table = dict[str, Photo]


@pytest.fixture
def table() -> Table:
    """Photos of a corpus that some release has tagged before the example begins."""
    user = make_user()
    table = {key: make_photo(user) for key in "ABC"}
    store(Corpus.objects.get(owner=user).active, Stream.REALTIME, said(table, "ABC", BEFORE))
    return table


@pytest.fixture
def first() -> Release:
    return make_release("efficientnet-lite0")


@pytest.fixture
def second() -> Release:
    """The one that the corpus was on at first: cleaned away by then, it is as good as any other."""
    return make_release()


def owner_of(table: Table) -> User:
    return table["A"].owner


def said(table: Table, keys: str, word: str) -> list[NewAnnotation]:
    """What a model says about the pixels that photos have now."""
    return [annotation(Photo.objects.get(pk=table[key].pk), {word: 0.75}) for key in keys]


def store(release: Release, stream: Stream, values: list[NewAnnotation]) -> int:
    owner_id = Photo.objects.get(pk=values[0].photo_id).owner_id
    return store_annotations(owner_id, release.pk, stream, values)


def edit(table: Table, keys: str, word: str) -> None:
    """Write real-time values: an edit gives new pixels, and each release of the corpus looks at them."""
    for key in keys:
        rotate(Photo.objects.get(pk=table[key].pk))
    corpus = Corpus.objects.get(owner=owner_of(table))
    for release in Release.objects.filter(pk__in=corpus.releases):
        assert store(release, Stream.REALTIME, said(table, keys, word)) == len(keys)


def clean(table: Table) -> None:
    """Run the Cleaner when the time of the way back is over."""
    over = timezone.now() - timedelta(seconds=1)
    Corpus.objects.filter(owner=owner_of(table), previous__isnull=False).update(previous_until=over)
    assert not cleaning.clean_some(float("inf"))
    assert not Leftover.objects.exists()


def combined(table: Table) -> dict[str, str]:
    """Read each key as its owner does."""
    assert differences(owner_of(table).pk) == []
    corpus = search.corpus_of(owner_of(table))
    words = {BEFORE, BULK_1, REALTIME_1, REALTIME_2, BULK_2}
    return {
        key: "+".join({chip.slug for chip in search.photo_tags(corpus, photo).tags} & words)
        for key, photo in table.items()
    }


def test_the_published_example_gives_the_published_values(table: Table, first: Release, second: Release):
    owner_id = owner_of(table).pk

    # Bulk load A, B, C: a refill fills a release that nobody sees, then the corpus switches to it.
    pointers.begin(owner_id, first.pk)
    store(first, Stream.BULK, said(table, "ABC", BULK_1))
    assert combined(table) == dict.fromkeys("ABC", BEFORE)  # theirs shows a mix until the Cleaner has passed
    pointers.switch(owner_id, first.pk)
    assert combined(table) == dict.fromkeys("ABC", BULK_1)

    # Real-time on A, B: edits.
    edit(table, "AB", REALTIME_1)
    assert combined(table) == {"A": REALTIME_1, "B": REALTIME_1, "C": BULK_1}

    # Clean: what nobody reaches any more goes; what is read stays as it is.
    clean(table)
    assert combined(table) == {"A": REALTIME_1, "B": REALTIME_1, "C": BULK_1}

    # Real-time on B, C, while the next load is under way: written to the active and to the filling release.
    pointers.begin(owner_id, second.pk)
    edit(table, "BC", REALTIME_2)
    assert combined(table) == {"A": REALTIME_1, "B": REALTIME_2, "C": REALTIME_2}

    # Bulk on A, B. With it the corpus is whole: C has the real-time value of the same release.
    assert store(second, Stream.BULK, said(table, "AB", BULK_2)) == 2
    pointers.switch(owner_id, second.pk)
    published = {"A": BULK_2, "B": BULK_2, "C": REALTIME_2}
    assert (
        combined(table) == published
    )  # in theirs A and B stay hidden behind older values until it is cleaned

    # Clean.
    clean(table)
    assert combined(table) == published
    rows = Annotation.objects.filter(owner=owner_id).values_list("photo_id", "release", "stream")
    assert set(rows) == {
        (table["A"].pk, second.pk, Stream.BULK),
        (table["B"].pk, second.pk, Stream.BULK),
        (table["C"].pk, second.pk, Stream.REALTIME),
    }


@pytest.mark.parametrize("edited_by", ["both releases", "the active one only"])
def test_a_bulk_result_of_what_a_photo_was_never_hides_a_newer_realtime_one(
    table: Table, first: Release, edited_by: str
):
    """Theirs orders values by when they were written, so the load's result for B would win here."""
    owner_id = owner_of(table).pk
    pointers.begin(owner_id, first.pk)
    loaded = said(table, "ABC", BULK_1)  # the load has read its input
    if edited_by == "both releases":
        edit(table, "B", REALTIME_1)
        assert store(first, Stream.BULK, loaded) == 2
    else:
        rotate(Photo.objects.get(pk=table["B"].pk))
        active = Corpus.objects.get(owner=owner_id).active
        store(active, Stream.REALTIME, said(table, "B", REALTIME_1))
        assert store(first, Stream.BULK, loaded) == 2
        with pytest.raises(pointers.CannotMove, match="have to be tagged first"):
            pointers.switch(owner_id, first.pk)  # B's new pixels are outstanding for the new release
        store(first, Stream.REALTIME, said(table, "B", REALTIME_1))
    assert combined(table) == {"A": BEFORE, "B": REALTIME_1, "C": BEFORE}
    pointers.switch(owner_id, first.pk)
    assert combined(table) == {"A": BULK_1, "B": REALTIME_1, "C": BULK_1}
    clean(table)
    assert combined(table) == {"A": BULK_1, "B": REALTIME_1, "C": BULK_1}


def test_what_a_release_says_itself_replaces_what_was_carried_over(table: Table, first: Release):
    """A photo that the load can't read keeps its old value, and its own one comes whenever it is read."""
    owner_id = owner_of(table).pk
    pointers.begin(owner_id, first.pk)
    store(first, Stream.BULK, said(table, "AB", BULK_1))
    table["C"].refresh_from_db()
    with looking() as model:
        model.broken.add(table["C"].pk)
        rotate(table["C"])
        while annotate_some(owner_id):  # for the active release it can be read
            pass
    store(Corpus.objects.get(owner=owner_id).active, Stream.REALTIME, said(table, "C", REALTIME_1))
    pointers.switch(owner_id, first.pk)
    assert combined(table) == {"A": BULK_1, "B": BULK_1, "C": REALTIME_1}
    assert Annotation.objects.get(owner=owner_id, release=first, photo=table["C"]).stream == Stream.CARRIED
    store(first, Stream.BULK, said(table, "C", BULK_2))
    assert combined(table) == {"A": BULK_1, "B": BULK_1, "C": BULK_2}
