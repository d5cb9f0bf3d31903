"""What people type into pages, and the words for what is wrong with it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from magicroll import accounts
from magicroll.models import User
from tagging.models import Refill, Release
from tagging.refill import choice

_NAME_TAKEN = _("This name is taken. Choose another one.")
PRIORITIES = (
    (10, _("Before others")),
    (0, _("Normal")),
    (-10, _("After others")),
)


def _name_input() -> forms.TextInput:
    return forms.TextInput(
        attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
    )


def _password_input(autocomplete: str) -> forms.PasswordInput:
    return forms.PasswordInput(attrs={"autocomplete": autocomplete})


def _check_new_password(form: forms.Form, data: dict[str, Any], user: User) -> None:
    password = data.get("password")
    if not password:
        return
    if data.get("again") and password != data["again"]:
        form.add_error("again", gettext("The two passwords differ."))
        return
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        form.add_error("password", error)


class NewAccountForm(forms.Form):
    username = forms.CharField(
        label=_("Name"),
        max_length=150,
        validators=[UnicodeUsernameValidator(message=_("Use letters, digits and @ . + - _ only."))],
        widget=_name_input(),
        error_messages={"required": _("Choose a name.")},
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        widget=_password_input("new-password"),
        help_text=_("At least 10 characters."),
        error_messages={"required": _("Choose a password.")},
    )
    again = forms.CharField(
        label=_("Password again"),
        strip=False,
        max_length=1000,
        widget=_password_input("new-password"),
        error_messages={"required": _("Type the password a second time.")},
    )

    def clean_username(self) -> str:
        username: str = User.normalize_username(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=username).exists():
            raise ValidationError(_NAME_TAKEN, code="taken")
        return username

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        _check_new_password(self, data, User(username=data.get("username", "")))
        return data

    @property
    def account(self) -> dict[str, str]:
        return {"username": self.cleaned_data["username"], "password": self.cleaned_data["password"]}

    def refuse_name(self) -> None:
        """Say that somebody took the name between the check and the saving."""
        self.add_error("username", _NAME_TAKEN)


class SetupForm(NewAccountForm):
    code = forms.CharField(
        label=_("Set-up code"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
        help_text=_("Printed where Magic Roll was started."),
    )

    field_order = ["code", "username", "password", "again"]

    def __init__(self, *args: Any, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_code:
            del self.fields["code"]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not accounts.is_setup_code(code):
            raise ValidationError(gettext("This is not the code that was printed at start."), code="wrong")
        return code


class LoginForm(forms.Form):
    username = forms.CharField(
        label=_("Name"),
        max_length=150,
        widget=_name_input(),
        error_messages={"required": _("Type your name.")},
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        widget=_password_input("current-password"),
        error_messages={"required": _("Type your password.")},
    )
    user: User | None = None

    def check(self, request: HttpRequest) -> User | None:
        """Look the person up; adds the one error that doesn't tell which of the two was wrong."""
        typed = self.cleaned_data["username"]
        known = User.objects.filter(username__iexact=typed).values_list("username", flat=True).first()
        user = authenticate(request, username=known or typed, password=self.cleaned_data["password"])
        if isinstance(user, User):
            return user
        self.add_error(None, gettext("Name and password don't match. Check capital letters in the password."))
        return None


class PasswordForm(forms.Form):
    old = forms.CharField(
        label=_("Password now"),
        strip=False,
        max_length=1000,
        widget=_password_input("current-password"),
        error_messages={"required": _("Type the password you have now.")},
    )
    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=1000,
        widget=_password_input("new-password"),
        help_text=_("At least 10 characters."),
        error_messages={"required": _("Choose a new password.")},
    )
    again = forms.CharField(
        label=_("New password again"),
        strip=False,
        max_length=1000,
        widget=_password_input("new-password"),
        error_messages={"required": _("Type the new password a second time.")},
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old(self) -> str:
        old: str = self.cleaned_data["old"]
        if not self.user.check_password(old):
            raise ValidationError(gettext("This is not your password."), code="wrong")
        return old

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        _check_new_password(self, data, self.user)
        return data


class InvitationForm(forms.Form):
    note = forms.CharField(
        label=_("For whom"),
        max_length=100,
        required=False,
        help_text=_("Only administrators see it."),
        error_messages={"max_length": _("Keep the note under 100 characters.")},
    )
    as_admin = forms.BooleanField(label=_("May manage people too"), required=False)


class NamesInput(forms.TextInput):
    """One field of names separated by commas, or several of one name each, such as checkboxes."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        values: list[str] = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
        return ", ".join(filter(None, values))


class RetagForm(forms.Form):
    """Whom to bring to which release, and how."""

    SOME, SHARE, ALL = "some", "share", "all"
    WHOM = (
        (SOME, _("Some people")),
        (SHARE, _("A share of everybody")),
        (ALL, _("Everybody")),
    )

    release = forms.ModelChoiceField(
        Release.objects.filter(withdrawn_at=None).defer("vocabulary_json"),
        label=_("Release"),
        empty_label=None,
        error_messages={
            "required": _("Choose a release."),
            "invalid_choice": _("There is no such release, or it was withdrawn. Choose another one."),
        },
    )
    whom = forms.ChoiceField(
        label=_("Whom"), choices=WHOM, initial=SOME, widget=forms.RadioSelect,
        error_messages={"required": _("Choose whom."), "invalid_choice": _("Choose one of the three.")},
    )  # fmt: skip
    people = forms.CharField(
        label=_("Names"), required=False, max_length=20_000, widget=NamesInput(),
        help_text=_("Separated by commas."),
        error_messages={"max_length": _("These are too many names. Choose everybody instead.")},
    )  # fmt: skip
    percent = forms.FloatField(
        label=_("Percent"), required=False, initial=5, min_value=0.1, max_value=100,
        help_text=_("Always the same people for a number: a larger share only adds to them."),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), _("Type a number from 0.1 to 100.")
        ),
    )  # fmt: skip
    scope = forms.ChoiceField(
        label=_("Photos"), choices=Refill.Scope.choices, initial=Refill.Scope.MISSING, widget=forms.RadioSelect,
        error_messages={"required": _("Choose which photos."), "invalid_choice": _("Choose one of the three.")},
    )  # fmt: skip
    hold = forms.BooleanField(
        label=_("Wait for approval before anybody sees it"), required=False,
        help_text=_("Then a report for each person compares old and new."),
    )  # fmt: skip
    priority = forms.ChoiceField(
        label=_("Priority"),
        choices=PRIORITIES,
        initial=0,
        required=False,
        error_messages={"invalid_choice": _("Choose one of the three.")},
    )

    def clean_priority(self) -> int:
        return int(self.cleaned_data["priority"] or 0)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "whom" in data and not self.errors:
            data["users"] = self._users(data)
        return data

    def _users(self, data: dict[str, Any]) -> list[User]:
        if data["whom"] == self.ALL:
            return list(choice.everybody())
        if data["whom"] == self.SHARE:
            if data["percent"] is None:
                self.add_error("percent", gettext("Type how many percent."))
                return []
            return choice.share(data["percent"])
        names = {
            name for part in data["people"].splitlines() for name in map(str.strip, part.split(",")) if name
        }
        if not names:
            self.add_error("people", gettext("Choose at least one person."))
            return []
        try:
            return choice.named(names)
        except choice.UnknownPeople as error:
            self.add_error("people", str(error))
            return []


class OrderForm(forms.Form):
    """One of some orders, as sent by a button."""

    order = forms.ChoiceField()

    def __init__(self, data: Any, *orders: str) -> None:
        super().__init__(data)
        field = self.fields["order"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [(order, order) for order in orders]

    @property
    def chosen(self) -> str:
        """Return the order; empty if it is none of them."""
        return self.cleaned_data["order"] if self.is_valid() else ""


class PriorityForm(forms.Form):
    priority = forms.TypedChoiceField(choices=PRIORITIES, coerce=int)


class LanguageForm(forms.Form):
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        error_messages={"invalid_choice": _("Choose one of the languages in the list.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["language"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [("", gettext("As the browser asks")), *settings.LANGUAGES]


class RowSizeForm(forms.Form):
    row = forms.IntegerField(min_value=120, max_value=360)
