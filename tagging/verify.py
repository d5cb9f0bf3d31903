"""Hold what readers see against a recompute from nothing."""

from collections import Counter

from django.db.models import QuerySet

from magicroll.models import Photo
from tagging import own_heads
from tagging.counts import Counted, Cover
from tagging.models import Corpus, DayCount, Leftover, MonthCount, PhotoTag, TagCount
from tagging.published import Published, TagRow, published
from tagging.releases import release_tags


def differences(owner_id: int) -> list[str]:
    """Say in words where anything that is kept beside a corpus's truth is not what it should be.

    That is: reverse index, counts, covers, months, days and own tags.
    """
    corpus = Corpus.objects.get(owner=owner_id)
    truth = published(corpus)
    stored = {
        TagRow(row.release_id, row.tag_id, row.taken_at, row.photo_id): row.score
        for row in PhotoTag.objects.filter(owner=owner_id).exclude(release__in=_left_over(owner_id))
    }
    found = [f"missing {row}" for row in truth.rows.keys() - stored.keys()]
    found += [f"left over {row}" for row in stored.keys() - truth.rows.keys()]
    found += [f"score of {row}" for row, score in truth.rows.items() if stored.get(row, score) != score]
    found += _count_differences(corpus, truth.rows)
    for release_id in corpus.releases:
        found += own_heads.differences(owner_id, release_id, release_tags(release_id).encoder_id)
    months = dict(MonthCount.objects.filter(owner=owner_id).values_list("month", "count"))
    if months != dict(truth.months):
        found.append(f"months {months} instead of {dict(truth.months)}")
    return found + _day_differences(owner_id, truth)


def _day_differences(owner_id: int, truth: Published) -> list[str]:
    stored = {row.day: row for row in DayCount.objects.filter(owner=owner_id)}
    said = {day: (row.count, row.breadth) for day, row in stored.items()}
    wanted = {day: (count, truth.breadths[day]) for day, count in truth.days.items()}
    found = [] if said == wanted else [f"days {said} instead of {wanted}"]
    live = Photo.objects.owned_by(owner_id).live()
    return found + [
        f"version of {taken_at.date()} is older than that of its photo {photo_id}"
        for photo_id, taken_at, version in live.values_list("id", "taken_at", "version")
        if taken_at.date() in stored and stored[taken_at.date()].version < version
    ]


def _left_over(owner_id: int) -> QuerySet[Leftover, int]:
    """Releases whose rows nobody reaches and the Cleaner has yet to remove."""
    return Leftover.objects.filter(owner=owner_id).values_list("release_id", flat=True)


def _count_differences(corpus: Corpus, rows: dict[TagRow, float]) -> list[str]:
    counts = Counter(Counted(row.release_id, row.tag_id) for row in rows)
    covers: dict[Counted, Cover] = {}
    for row, score in rows.items():
        key = Counted(row.release_id, row.tag_id)
        covers[key] = max(filter(None, [covers.get(key), Cover(score, row.photo_id)]))
    stored = {
        Counted(row.release_id, row.tag_id): (row.count, Cover(row.cover_score, row.cover_id))
        for row in TagCount.objects.filter(owner=corpus.owner_id)
        if row.count or row.release_id != corpus.filling_id
    }
    wanted = {key: (count, covers[key]) for key, count in counts.items()}
    return [
        f"count or cover of {key}: {stored.get(key)} instead of {wanted.get(key)}"
        for key in stored.keys() | wanted.keys()
        if stored.get(key) != wanted.get(key)
    ]
