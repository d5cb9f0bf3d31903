"""What people say of one photo: its caption, its date, which way is up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from magicroll.imaging.dates import FIRST_PHOTO_YEAR
from magicroll.models import Photo

CAPTION_CHARS = 2000
_WRONG_DATE = gettext_lazy("Type a date and a time, such as 2024-06-15 12:30.")
_WRITTEN_AS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


class CaptionForm(forms.Form):
    caption = forms.CharField(required=False)

    def clean_caption(self) -> str:
        caption: str = self.cleaned_data["caption"].replace("\r\n", "\n")  # as forms send it
        if len(caption) > CAPTION_CHARS:
            most = number_format(CAPTION_CHARS, force_grouping=True)
            raise ValidationError(_("Keep the caption under %(count)s characters.") % {"count": most})
        return caption


class DateForm(forms.Form):
    """A date to set, or the wish to have the file's own back."""

    reset = forms.BooleanField(required=False)
    taken_at = forms.DateTimeField(
        required=False, input_formats=_WRITTEN_AS, error_messages={"invalid": _WRONG_DATE}
    )

    def clean_taken_at(self) -> datetime:
        taken_at: datetime | None = self.cleaned_data["taken_at"]
        if taken_at is None:
            raise ValidationError(_WRONG_DATE, code="required")
        wall_clock = timezone.make_naive(taken_at).replace(tzinfo=UTC)
        if wall_clock.year < FIRST_PHOTO_YEAR:
            oldest = _("No photo is that old. Type a year from %(year)s on.") % {"year": FIRST_PHOTO_YEAR}
            raise ValidationError(oldest, "old")
        if wall_clock > timezone.now() + timedelta(days=1):  # it is tomorrow somewhere
            raise ValidationError(_("This date is still to come. Type one up to today."), "future")
        return wall_clock

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("reset"):  # then it does not matter what stands in the field
            self.errors.pop("taken_at", None)
        return data


class RotateForm(forms.Form):
    turn = forms.ChoiceField(
        choices=(("left", "left"), ("right", "right")),
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), gettext_lazy("Say turn=left or turn=right.")
        ),
    )


def date_as_typed(photo: Photo) -> str:
    """Write a photo's date as a date field takes it."""
    return f"{photo.taken_at:%Y-%m-%dT%H:%M:%S}"
