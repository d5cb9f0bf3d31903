"""Reads. Every answer comes from one corpus's active release, plus verdicts.

A caller that makes several reads for one answer holds them in one database snapshot.
"""

from tagging.search.aside import SetAside, set_aside, set_aside_count
from tagging.search.find import Found, Query, find
from tagging.search.listing import BadCursor, Key, Page, cards
from tagging.search.magic import Shelf, magic_view
from tagging.search.pages import (
    PhotoTags,
    TagChip,
    TagPage,
    TagTile,
    UnknownTag,
    corpus_of,
    months,
    outstanding_count,
    photo_tags,
    rail_counts,
    roll_page,
    suggest,
    tag_page,
    tags_of,
)
from tagging.search.places import Neighbours, neighbours
from tagging.search.similar import Similar, similar_photos

__all__ = [
    "BadCursor",
    "Found",
    "Key",
    "Neighbours",
    "Page",
    "PhotoTags",
    "Query",
    "SetAside",
    "Shelf",
    "Similar",
    "TagChip",
    "TagPage",
    "TagTile",
    "UnknownTag",
    "cards",
    "corpus_of",
    "find",
    "magic_view",
    "months",
    "neighbours",
    "outstanding_count",
    "photo_tags",
    "rail_counts",
    "roll_page",
    "set_aside",
    "set_aside_count",
    "similar_photos",
    "suggest",
    "tag_page",
    "tags_of",
]
