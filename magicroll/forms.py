"""What people type into accounts pages, and the words for what is wrong with it."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from magicroll import accounts
from magicroll.models import User

_NAME_TAKEN = "This name is taken. Choose another one."


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
        form.add_error("again", "The two passwords differ.")
        return
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        form.add_error("password", error)


class NewAccountForm(forms.Form):
    username = forms.CharField(
        label="Name",
        max_length=150,
        validators=[UnicodeUsernameValidator(message="Use letters, digits and @ . + - _ only.")],
        widget=_name_input(),
        error_messages={"required": "Choose a name."},
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=1000,
        widget=_password_input("new-password"),
        help_text="At least 10 characters.",
        error_messages={"required": "Choose a password."},
    )
    again = forms.CharField(
        label="Password again",
        strip=False,
        max_length=1000,
        widget=_password_input("new-password"),
        error_messages={"required": "Type the password a second time."},
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
        label="Set-up code",
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
        help_text="Printed where Magic Roll was started.",
    )

    field_order = ["code", "username", "password", "again"]

    def __init__(self, *args: Any, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_code:
            del self.fields["code"]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not accounts.is_setup_code(code):
            raise ValidationError("This is not the code that was printed at start.", code="wrong")
        return code


class LoginForm(forms.Form):
    username = forms.CharField(
        label="Name",
        max_length=150,
        widget=_name_input(),
        error_messages={"required": "Type your name."},
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=1000,
        widget=_password_input("current-password"),
        error_messages={"required": "Type your password."},
    )
    user: User | None = None

    def check(self, request: HttpRequest) -> User | None:
        """Look the person up; adds the one error that doesn't tell which of the two was wrong."""
        typed = self.cleaned_data["username"]
        known = User.objects.filter(username__iexact=typed).values_list("username", flat=True).first()
        user = authenticate(request, username=known or typed, password=self.cleaned_data["password"])
        if isinstance(user, User):
            return user
        self.add_error(None, "Name and password don't match. Check capital letters in the password.")
        return None


class PasswordForm(forms.Form):
    old = forms.CharField(
        label="Password now",
        strip=False,
        max_length=1000,
        widget=_password_input("current-password"),
        error_messages={"required": "Type the password you have now."},
    )
    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=1000,
        widget=_password_input("new-password"),
        help_text="At least 10 characters.",
        error_messages={"required": "Choose a new password."},
    )
    again = forms.CharField(
        label="New password again",
        strip=False,
        max_length=1000,
        widget=_password_input("new-password"),
        error_messages={"required": "Type the new password a second time."},
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old(self) -> str:
        old: str = self.cleaned_data["old"]
        if not self.user.check_password(old):
            raise ValidationError("This is not your password.", code="wrong")
        return old

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        _check_new_password(self, data, self.user)
        return data


class InvitationForm(forms.Form):
    note = forms.CharField(
        label="For whom",
        max_length=100,
        required=False,
        help_text="Only administrators see it.",
        error_messages={"max_length": "Keep the note under 100 characters."},
    )
    as_admin = forms.BooleanField(label="May manage people too", required=False)
