"""Which photo stands for a tag: the one that its owner chose, or else the surest."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from tagging.models import Corpus, PhotoTag, TagCount, TagCover


def chosen_covers(corpus: Corpus) -> dict[int, int]:
    """Return the photo by tag id where its owner chose one that is live and has the tag now: one query."""
    has = PhotoTag.objects.seen_in(corpus).filter(
        tag=OuterRef("tag"), taken_at=OuterRef("photo__taken_at"), photo=OuterRef("photo")
    )
    mine = TagCover.objects.filter(Exists(has), owner=corpus.owner_id)
    return dict(mine.values_list("tag_id", "photo_id"))


def with_chosen(corpus: Corpus, rows: Iterable[TagCount]) -> list[TagCount]:
    """Put the chosen covers in place of the surest ones, in memory."""
    chosen, counted = chosen_covers(corpus), list(rows)
    for row in counted:
        if row.tag_id in chosen:
            row.cover_id, row.is_chosen = chosen[row.tag_id], True
    return counted
