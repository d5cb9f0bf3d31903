"""The Magic View: photos by what is in them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from magicroll.models import Photo
from tagging.local_names import called
from tagging.models import Corpus, Tag, TagCount
from tagging.releases import release_tags
from tagging.search import listing
from tagging.search.covers import with_chosen
from tagging.search.pages import TagTile, by_count, category_order, counts, tile
from tagging.wishes import wishes_of

SHELF_PHOTOS = 10  # one row of a wide window


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category: its tags by count, its newest photos."""

    slug: str
    name: str
    count: int
    cover: Photo | None
    tags: list[TagTile]
    photos: list[Photo]
    chosen: bool = False  # the cover, by the owner


def magic_view(corpus: Corpus) -> list[Shelf]:
    """Return the categories in display order, without what their owner hid.

    The number of queries follows that of categories alone.
    """
    hidden = wishes_of(corpus.owner_id).hidden
    rows = with_chosen(corpus, counts(corpus).exclude(tag__in=hidden).select_related("tag"))
    order = category_order(corpus)
    categories = [row for row in rows if row.tag.kind == Tag.Kind.CATEGORY]
    categories.sort(key=lambda row: order.get(row.tag.slug, len(order)))
    newest = {row.tag_id: listing.tagged(corpus, row.tag_id).older(None, SHELF_PHOTOS) for row in categories}
    in_rows = {key.photo_id for keys in newest.values() for key in keys}
    wanted = {row.cover_id for row in rows} | in_rows
    photos = {photo.id: photo for photo in listing.covers(corpus, list(wanted))}
    listing.describe(corpus, [photos[photo_id] for photo_id in in_rows])
    tags = _tags_by_category(corpus, rows, photos)
    used: set[int] = set()
    return [
        Shelf(
            row.tag.slug,
            called(row.tag),
            row.count,
            _cover(row, shown := [photos[key.photo_id] for key in newest[row.tag_id]], photos, used),
            by_count(tags[row.tag_id]),
            shown,
            row.is_chosen,
        )
        for row in categories
    ]


def _tags_by_category(
    corpus: Corpus, rows: Sequence[TagCount], photos: Mapping[int, Photo]
) -> dict[int, list[TagTile]]:
    hierarchy = release_tags(corpus.active_id).hierarchy
    tags: dict[int, list[TagTile]] = defaultdict(list)
    for row in rows:
        if row.tag.kind != Tag.Kind.CATEGORY:
            tags[hierarchy.category(row.tag_id)].append(tile(row, photos))
    return tags


def _cover(row: TagCount, shown: Sequence[Photo], photos: Mapping[int, Photo], used: set[int]) -> Photo:
    """Return the category's cover, or a newest photo where an earlier category shows that cover already."""
    cover = photos[row.cover_id]
    if cover.id in used and not row.is_chosen:
        cover = next((photo for photo in shown if photo.id not in used), cover)
    used.add(cover.id)
    return cover
