"""Rows of the reverse index as columns, held against the definition, and how they get into the database."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from tagging import pointers, rows
from tagging.columns import Live, TagColumns, tag_columns
from tagging.combine import Verdicts, visible_tags
from tagging.counts import Counted, Cover, Gain
from tagging.models import Annotation, Corpus, Embedding, PhotoTag, Release, Stream, TagCount
from tagging.releases import release_tags
from tagging.verify import differences
from tagging.writer import NewAnnotation, store_annotations
from tests.factories import make_photo, make_release, make_user

pytestmark = pytest.mark.django_db

TAGS = 60  # of the vocabulary's first ones, so that parents and children meet
DAY = datetime(2024, 5, 30, tzinfo=UTC)
SAID = st.dictionaries(st.integers(0, TAGS - 1), st.sampled_from([0.25, 0.3, 0.5, 1.0]), max_size=6)


def columns_of(release: Release, said: list[dict[int, float]]) -> TagColumns:
    photos = [Live(DAY + timedelta(hours=number // 2), 100 + number) for number in range(len(said))]
    tags = [np.array(list(one), np.int32) for one in said]
    scores = [np.array(list(one.values()), np.float32) for one in said]
    return tag_columns(release.pk, photos, tags, scores)


def test_it_is_what_the_combiner_says_of_photos_without_verdicts() -> None:
    release = make_release()
    tags = release_tags(release.pk)

    @given(st.lists(SAID, max_size=6))
    def holds(said: list[dict[int, float]]) -> None:
        columns = columns_of(release, said)
        found = list(
            zip(columns.tag_ids.tolist(), columns.places.tolist(), columns.scores.tolist(), strict=True)
        )
        wanted = [
            (tag, place, score)
            for place, one in enumerate(said)
            for tag, score in visible_tags(
                {int(tags.ids[at]): float(np.float16(score)) for at, score in one.items()},
                Verdicts(),
                tags.hierarchy,
            ).items()
        ]
        assert found == sorted(wanted)  # in the order of the reverse index, too

    holds()


def test_it_says_what_counts_and_covers_gain() -> None:
    release = make_release()
    columns = columns_of(release, [{3: 0.5}, {3: 1.0}, {3: 1.0}, {}])
    tag = int(release_tags(release.pk).ids[3])
    assert Gain(Counted(release.pk, tag), 3, Cover(1.0, 102)) in list(columns.gains())
    assert list(columns_of(release, []).gains()) == []


@pytest.mark.parametrize("copy_from", [1, 10_000], ids=["copied", "inserted"])
def test_it_leaves_the_same_rows_copied_or_inserted(copy_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if copy_from == 1 and connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has COPY")
    monkeypatch.setattr(rows, "COPY_FROM", copy_from)
    make_release()
    user, release = make_user(), make_release("efficientnet-lite0")
    photos = [
        make_photo(user, DAY - timedelta(days=9000 * number, microseconds=number)) for number in range(4)
    ]
    pointers.begin(user.pk, release.pk)
    vector = np.linspace(-3, 3, 1280).astype(np.float16)
    items = [
        NewAnnotation(
            photo.id, photo.revision, vector, np.array([1, 5], np.int32), np.array([0.3, 0.7], np.float32)
        )
        for photo in photos
    ]
    assert store_annotations(user.pk, release.pk, Stream.BULK, items) == 4
    assert store_annotations(user.pk, release.pk, Stream.BULK, items) == 4  # again changes nothing
    mine = Annotation.objects.filter(owner=user, release=release)
    ids = release_tags(release.pk).ids
    assert {bytes(one.tag_ids) for one in mine} == {ids[[1, 5]].astype("<i4").tobytes()}
    assert {(one.stream, one.revision) for one in mine} == {("bulk", 1)}
    assert {bytes(one.vector) for one in Embedding.objects.filter(owner=user)} == {vector.tobytes()}
    tagged = PhotoTag.objects.filter(owner=user, release=release, tag=int(ids[5]))
    assert set(tagged.values_list("photo_id", "taken_at")) == {(one.id, one.taken_at) for one in photos}
    assert TagCount.objects.get(owner=user, release=release, tag=int(ids[5])).count == 4
    assert Corpus.objects.get(owner=user).filling_id == release.pk
    assert differences(user.pk) == []
