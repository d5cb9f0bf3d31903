"""What a page sends about selected photos and what to do with them, and the words for what is wrong with it."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from magicroll.models import Operation
from magicroll.operations import Order, Selection
from tagging.search.listing import LARGEST_ID

MOST_IDS = 200_000  # by number; for more there is "all"
UNREADABLE = gettext_lazy("This selection can't be read. Select the photos again.")
LONGEST_SHIFT_DAYS = 100 * 366
_DIGITS = len(str(LARGEST_ID))
_EARLIEST, _LATEST = date(1800, 1, 1), date(2200, 12, 31)
Kind = Operation.Kind


class IdsField(forms.Field):
    """Photo ids as digits with commas between them, or one field for each as check boxes send them."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[int]:
        texts = [text for part in value or [] for text in str(part).split(",") if text]
        if len(texts) > MOST_IDS:
            raise ValidationError(
                _("These are too many photos to name one by one. Select all of a list instead.")
            )
        if not all(text.isascii() and text.isdigit() and len(text) <= _DIGITS for text in texts):
            raise ValidationError(UNREADABLE)
        return [photo_id for photo_id in map(int, texts) if photo_id <= LARGEST_ID]


class SelectionForm(forms.Form):
    """ids: the photos; or all: a list by its name, as far as `upto`, without `but`."""

    ids = IdsField(required=False)
    all = forms.CharField(required=False, max_length=300)
    upto = forms.IntegerField(required=False, min_value=0, max_value=LARGEST_ID)
    but = IdsField(required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        if not data["all"] and not data["ids"]:
            raise ValidationError(_("Select photos first."))
        if data["all"] and data["upto"] is None:
            raise ValidationError(UNREADABLE)
        return data

    @property
    def selection(self) -> Selection:
        data = self.cleaned_data
        if data["all"]:
            return Selection(place=data["all"], upto=data["upto"], but=data["but"])
        return Selection(ids=data["ids"])

    @property
    def message(self) -> str:
        """Say what is wrong, in one line."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class OperationForm(SelectionForm):
    kind = forms.ChoiceField(
        choices=Kind.choices,
        error_messages={
            "required": gettext_lazy("Choose what to do with the photos."),
            "invalid_choice": gettext_lazy("This can't be done with photos."),
        },
    )
    name = forms.CharField(required=False, max_length=200)
    tag = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    days = forms.IntegerField(required=False, min_value=0, max_value=LONGEST_SHIFT_DAYS)
    hours = forms.IntegerField(required=False, min_value=0, max_value=LONGEST_SHIFT_DAYS * 24)
    minutes = forms.IntegerField(required=False, min_value=0, max_value=LONGEST_SHIFT_DAYS * 24 * 60)
    way = forms.ChoiceField(required=False, choices=[("later", "later"), ("earlier", "earlier")])
    date = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    time = forms.TimeField(required=False, input_formats=["%H:%M", "%H:%M:%S"])

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        kind = data.get("kind")
        if kind == Kind.ADD_TAG and not data.get("name"):
            self.add_error("name", _("Type a tag first."))
        elif kind == Kind.REJECT_TAG and not data.get("tag"):
            self.add_error("tag", _("Choose a tag first."))
        elif kind == Kind.SHIFT_DATE and "days" in data and not _shift(data):
            self.add_error("days", _("Say by how much to move the dates."))
        elif kind == Kind.SET_DATE and "date" in data and (wrong := _wrong_with(data["date"])):
            self.add_error("date", wrong)
        return data

    def order(self, tag_id: int | None = None) -> Order:
        """Return what to do; tag_id: the tag that was found to be meant."""
        data, kind = self.cleaned_data, Kind(self.cleaned_data["kind"])
        shift_s = int(_shift(data).total_seconds()) * (-1 if data["way"] == "earlier" else 1)
        return Order(
            kind,
            tag_id=tag_id,
            shift_s=shift_s if kind == Kind.SHIFT_DATE else None,
            date=data["date"] if kind == Kind.SET_DATE else None,
            time=data["time"] if kind == Kind.SET_DATE else None,
        )


def _wrong_with(day: date | None) -> str:
    if day is None:
        return _("Choose a date.")
    if not _EARLIEST <= day <= _LATEST:
        years = {"first": _EARLIEST.year, "last": _LATEST.year}
        return _("Choose a date between %(first)s and %(last)s.") % years
    return ""


def _shift(data: dict[str, Any]) -> timedelta:
    return timedelta(
        days=data.get("days") or 0, hours=data.get("hours") or 0, minutes=data.get("minutes") or 0
    )
