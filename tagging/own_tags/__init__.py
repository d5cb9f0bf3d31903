"""A person's own tags that learn: judged photos -> a head -> the tag on photos like them, and on new ones."""

from tagging.own_tags.forgetting import forget, forget_some, is_forgetting, owners_forgetting
from tagging.own_tags.settling import owners_with_work, settle
from tagging.own_tags.showing import Candidate, Cut, Learning, OwnTagTile, learning, own_tag, own_tags
from tagging.own_tags.teaching import OwnTagRefused, bring_along, judge, make, rename, stop, teach

__all__ = [
    "Candidate",
    "Cut",
    "Learning",
    "OwnTagRefused",
    "OwnTagTile",
    "bring_along",
    "forget",
    "forget_some",
    "is_forgetting",
    "judge",
    "learning",
    "make",
    "own_tag",
    "own_tags",
    "owners_forgetting",
    "owners_with_work",
    "rename",
    "settle",
    "stop",
    "teach",
]
