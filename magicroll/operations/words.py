"""What operations are called where people read of them."""

from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy, pgettext

from magicroll.models import Operation
from tagging.local_names import called

Kind, State = Operation.Kind, Operation.State
# In each, `n` says which form is taken, and `count` is the number as it is written.
_DOING = {
    Kind.ADD_TAG: ngettext_lazy(
        "Adding “%(name)s” to %(count)s photo…", "Adding “%(name)s” to %(count)s photos…", "n"
    ),
    Kind.REJECT_TAG: ngettext_lazy(
        "Taking “%(name)s” off %(count)s photo…", "Taking “%(name)s” off %(count)s photos…", "n"
    ),
    Kind.FAVOURITE: ngettext_lazy(
        "Marking as favourites: %(count)s photo…", "Marking as favourites: %(count)s photos…", "n"
    ),
    Kind.UNFAVOURITE: ngettext_lazy(
        "No longer favourites: %(count)s photo…", "No longer favourites: %(count)s photos…", "n"
    ),
    Kind.SHIFT_DATE: ngettext_lazy(
        "Shifting the dates of %(count)s photo…", "Shifting the dates of %(count)s photos…", "n"
    ),
    Kind.SET_DATE: ngettext_lazy(
        "Setting the dates of %(count)s photo…", "Setting the dates of %(count)s photos…", "n"
    ),
    Kind.TRASH: ngettext_lazy(
        "Moving to the trash: %(count)s photo…", "Moving to the trash: %(count)s photos…", "n"
    ),
    Kind.RESTORE: ngettext_lazy("Restoring %(count)s photo…", "Restoring %(count)s photos…", "n"),
    Kind.DELETE: ngettext_lazy(
        "Deleting for good: %(count)s photo…", "Deleting for good: %(count)s photos…", "n"
    ),
}
_DONE = {
    Kind.ADD_TAG: ngettext_lazy(
        "%(count)s photo tagged “%(name)s”.", "%(count)s photos tagged “%(name)s”.", "n"
    ),
    Kind.REJECT_TAG: ngettext_lazy(
        "%(count)s photo is not “%(name)s”: noted.", "%(count)s photos are not “%(name)s”: noted.", "n"
    ),
    Kind.FAVOURITE: ngettext_lazy(
        "%(count)s photo added to your favourites.", "%(count)s photos added to your favourites.", "n"
    ),
    Kind.UNFAVOURITE: ngettext_lazy(
        "%(count)s photo no longer a favourite.", "%(count)s photos no longer favourites.", "n"
    ),
    Kind.SHIFT_DATE: ngettext_lazy(
        "%(count)s photo moved %(shift)s.", "%(count)s photos moved %(shift)s.", "n"
    ),
    Kind.SET_DATE: ngettext_lazy("%(count)s photo dated %(date)s.", "%(count)s photos dated %(date)s.", "n"),
    Kind.TRASH: ngettext_lazy(
        "%(count)s photo moved to the trash.", "%(count)s photos moved to the trash.", "n"
    ),
    Kind.RESTORE: ngettext_lazy(
        "%(count)s photo back in your roll.", "%(count)s photos back in your roll.", "n"
    ),
    Kind.DELETE: ngettext_lazy(
        "%(count)s photo deleted for good.", "%(count)s photos deleted for good.", "n"
    ),
}
_ALREADY = {
    Kind.ADD_TAG: ngettext_lazy(
        "Nothing to change: it has “%(name)s” from you already.",
        "Nothing to change: they have “%(name)s” from you already.",
        "n",
    ),
    Kind.REJECT_TAG: ngettext_lazy(
        "Nothing to change: you said so before.", "Nothing to change: you said so before.", "n"
    ),
    Kind.FAVOURITE: ngettext_lazy(
        "Nothing to change: it was a favourite already.",
        "Nothing to change: they were favourites already.",
        "n",
    ),
    Kind.UNFAVOURITE: ngettext_lazy(
        "Nothing to change: it was no favourite.", "Nothing to change: none was a favourite.", "n"
    ),
    Kind.TRASH: ngettext_lazy(
        "Nothing to change: it was in the trash already.",
        "Nothing to change: they were in the trash already.",
        "n",
    ),
    Kind.RESTORE: ngettext_lazy(
        "Nothing to change: it was in your roll already.",
        "Nothing to change: they were in your roll already.",
        "n",
    ),
    Kind.DELETE: ngettext_lazy(
        "Nothing to change: it is not in the trash any more.",
        "Nothing to change: they are not in the trash any more.",
        "n",
    ),
}
_SO_ALREADY = ngettext_lazy(
    "Nothing to change: it was so already.", "Nothing to change: they were so already.", "n"
)


def told(operation: Operation) -> str:
    """Say what an operation has done, is doing or has taken back, in one sentence."""
    kind = Kind(operation.kind)
    if operation.state == State.RUNNING:
        return str(_DOING[kind] % _facts(operation, operation.total))
    if operation.state == State.UNDOING:
        return _("Putting everything back…")
    if operation.state == State.UNDONE:
        return _undone(operation)
    if operation.changed:
        said = str(_DONE[kind] % _facts(operation, operation.changed))
    else:
        said = str(_ALREADY.get(kind, _SO_ALREADY) % _facts(operation, operation.total))
    return f"{said} {_stopped(operation)}" if operation.state == State.STOPPED else said


def _facts(operation: Operation, count: int) -> dict[str, Any]:
    day = operation.date
    return {
        "n": count,
        "count": number(count),
        "name": called(operation.tag) if operation.tag else "…",
        "shift": shift(operation.shift_s or 0),
        "date": date_format(day, pgettext("date format", "j F Y")) if day else "",
    }


def _stopped(operation: Operation) -> str:
    left = operation.total - operation.seen
    text = ngettext("Stopped; %(count)s left as it was.", "Stopped; %(count)s left as they were.", left)
    return text % {"count": number(left)}


def _undone(operation: Operation) -> str:
    left = operation.changed - operation.put_back
    if not left:
        return _("Undone.")
    text = ngettext(
        "Undone; %(count)s photo that changed since stays as it is.",
        "Undone; %(count)s photos that changed since stay as they are.",
        left,
    )
    return text % {"count": number(left)}


def number(count: int) -> str:
    return str(number_format(count, force_grouping=True))


def shift(seconds: int) -> str:
    """Say by how much and which way: "1 day 2 hours earlier"."""
    days, rest = divmod(abs(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [
        (days, ngettext("%(count)s day", "%(count)s days", days)),
        (hours, ngettext("%(count)s hour", "%(count)s hours", hours)),
        (minutes, ngettext("%(count)s minute", "%(count)s minutes", minutes)),
        (rest, ngettext("%(count)s second", "%(count)s seconds", rest)),
    ]
    span = " ".join(text % {"count": number(count)} for count, text in parts if count)
    return (_("%(span)s later") if seconds > 0 else _("%(span)s earlier")) % {"span": span}
