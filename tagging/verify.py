"""Hold what readers see against a recompute from nothing."""

from collections import Counter

from tagging.counts import Counted, Cover
from tagging.models import Corpus, MonthCount, PhotoTag, TagCount
from tagging.published import TagRow, published


def differences(owner_id: int) -> list[str]:
    """Say in words where reverse index, counts, covers or months of a corpus aren't what they should be."""
    corpus = Corpus.objects.get(owner=owner_id)
    truth = published(corpus)
    stored = {
        TagRow(row.release_id, row.tag_id, row.taken_at, row.photo_id): row.score
        for row in PhotoTag.objects.filter(owner=owner_id)
    }
    found = [f"missing {row}" for row in truth.rows.keys() - stored.keys()]
    found += [f"left over {row}" for row in stored.keys() - truth.rows.keys()]
    found += [f"score of {row}" for row, score in truth.rows.items() if stored.get(row, score) != score]
    seen = {row: score for row, score in truth.rows.items() if row.release_id != corpus.filling_id}
    found += _count_differences(owner_id, seen)
    months = dict(MonthCount.objects.filter(owner=owner_id).values_list("month", "count"))
    if months != dict(truth.months):
        found.append(f"months {months} instead of {dict(truth.months)}")
    return found


def _count_differences(owner_id: int, rows: dict[TagRow, float]) -> list[str]:
    counts = Counter(Counted(row.release_id, row.tag_id) for row in rows)
    covers: dict[Counted, Cover] = {}
    for row, score in rows.items():
        key = Counted(row.release_id, row.tag_id)
        covers[key] = max(filter(None, [covers.get(key), Cover(score, row.photo_id)]))
    stored = {
        Counted(row.release_id, row.tag_id): (row.count, Cover(row.cover_score, row.cover_id))
        for row in TagCount.objects.filter(owner=owner_id)
    }
    wanted = {key: (count, covers[key]) for key, count in counts.items()}
    return [
        f"count or cover of {key}: {stored.get(key)} instead of {wanted.get(key)}"
        for key in stored.keys() | wanted.keys()
        if stored.get(key) != wanted.get(key)
    ]
