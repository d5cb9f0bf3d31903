"""Notices that can be taken back."""

from django import template
from django.contrib.messages.storage.base import Message
from django.urls import reverse

register = template.Library()


@register.filter
def undo_url(message: Message) -> str:
    """Return where to post to undo what a notice tells of; empty if it can't be undone."""
    kind, _, photo_id = (message.extra_tags or "").partition("-")
    return reverse("photo_restore", args=[int(photo_id)]) if kind == "undo" else ""
