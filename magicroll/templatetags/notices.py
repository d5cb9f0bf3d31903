"""Notices that can be taken back."""

from django import template
from django.contrib.messages.storage.base import Message
from django.urls import reverse

register = template.Library()
_UNDONE_BY = {"undo": "photo_restore", "operation": "operation_undo"}


@register.filter
def undo_url(message: Message) -> str:
    """Return where to post to undo what a notice tells of; empty if it can't be undone."""
    kind, _, number = (message.extra_tags or "").partition("-")
    if kind not in _UNDONE_BY:
        return ""
    return reverse(_UNDONE_BY[kind], args=[int(number)])
