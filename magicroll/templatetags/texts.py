"""Stored words in the reader's language."""

from typing import Protocol

from django import template
from django.utils.translation import gettext

from tagging import local_names
from tagging.models import Tag

register = template.Library()


class Named(Protocol):
    """What a read tells of a tag: its name is in the reader's language already."""

    @property
    def name(self) -> str: ...


@register.filter
def said(reason: str) -> str:
    """Translate a reason that was stored in English."""
    return gettext(reason) if reason else ""


@register.filter
def called(tag: Tag | Named) -> str:
    """Name a tag or category in the reader's language."""
    return local_names.called(tag) if isinstance(tag, Tag) else tag.name
