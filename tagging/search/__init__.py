"""Reads. Every answer comes from one corpus's active release, plus verdicts.

A caller that makes several reads for one answer holds them in one database snapshot.
"""

from tagging.search.about import About, RefillLine, about, refill_of
from tagging.search.aside import SetAside, set_aside, set_aside_count
from tagging.search.choice import BadChoice, Choice, read, read_place
from tagging.search.choosing import Chosen, ChosenPage, Facets, TagFacet, chosen_page, facets_of, resolve
from tagging.search.covering import Covered, cover_of
from tagging.search.explaining import Alike, Why, why
from tagging.search.find import Found, Query, find
from tagging.search.listing import BadCursor, Key, Page, cards, last_day
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
    tag_by_slug,
    tag_page,
    tags_of,
)
from tagging.search.places import Neighbours, neighbours
from tagging.search.similar import Similar, similar_photos

__all__ = [
    "About",
    "Alike",
    "BadChoice",
    "BadCursor",
    "Choice",
    "Chosen",
    "ChosenPage",
    "Covered",
    "Facets",
    "Found",
    "Key",
    "Neighbours",
    "Page",
    "PhotoTags",
    "Query",
    "RefillLine",
    "SetAside",
    "Shelf",
    "Similar",
    "TagChip",
    "TagFacet",
    "TagPage",
    "TagTile",
    "UnknownTag",
    "Why",
    "about",
    "cards",
    "chosen_page",
    "corpus_of",
    "cover_of",
    "facets_of",
    "find",
    "last_day",
    "magic_view",
    "months",
    "neighbours",
    "outstanding_count",
    "photo_tags",
    "rail_counts",
    "read",
    "read_place",
    "refill_of",
    "resolve",
    "roll_page",
    "set_aside",
    "set_aside_count",
    "similar_photos",
    "suggest",
    "tag_by_slug",
    "tag_page",
    "tags_of",
    "why",
]
