"""Who did what, when, to whom."""

from django.utils.translation import gettext_noop as N_

from magicroll.models import User
from tagging.models import AuditEntry, Refill, Release

# Stored in English, and said in the reader's language.
ACTIONS = (
    N_("started"), N_("paused"), N_("resumed"), N_("priority"), N_("cancelled"), N_("approved"), N_("rejected"),
    N_("switched"), N_("rolled back"), N_("withdrawn"), N_("made default"), N_("tried again"), N_("cleaned"),
)  # fmt: skip


def record(
    by: User | None,
    action: str,
    *,
    refill: Refill | None = None,
    release: Release | None = None,
    owner: User | None = None,
    detail: str = "",
) -> None:
    """Write an entry, inside the caller's transaction; by None: Magic Roll itself.

    action: one of ACTIONS; raises ValueError.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is none of the actions that have a name in every language")
    AuditEntry.objects.create(
        by=by,
        by_name=by.username if by else "",
        action=action,
        refill=refill,
        release=release or (refill.release if refill else None),
        owner=owner,
        owner_name=owner.username if owner else "",
        detail=detail[:300],
    )
