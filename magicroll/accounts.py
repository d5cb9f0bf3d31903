"""Accounts: the first one, invitations to further ones, and who may still log in."""

import hashlib
import hmac
import os
import secrets
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from magicroll.models import Installation, Invitation, Photo, User
from tagging.models import Outstanding
from tagging.services import open_corpus

_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without 0/O and 1/I: it is read off a screen
_CODE_GROUPS = 3
_GROUP_LETTERS = 4  # 12 letters of 32: 60 bits


class AlreadySetUp(Exception):
    """The first account exists."""


class InvitationGone(Exception):
    """The invitation was used, withdrawn or has expired in the meantime."""


class UsernameTaken(Exception):
    """Somebody took the name in the meantime."""


def needs_setup() -> bool:
    """Tell whether the first account is still to be made."""
    return not (Installation.objects.exists() or User.objects.filter(is_active=True).exists())


def setup_code() -> str:
    """Return the one-time code for setting up from another machine; make it on first demand.

    The file appears whole or not at all, so that web and launcher, starting together, agree on one code.
    """
    path = _code_path()
    if not path.exists():
        _publish(path, "-".join(_group() for _ in range(_CODE_GROUPS)))
    return path.read_text(encoding="ascii").strip()


def is_setup_code(typed: str) -> bool:
    """Compare in constant time, whatever the case, dashes and spaces."""
    return hmac.compare_digest(_bare(typed), _bare(setup_code()))


def create_first_account(username: str, password: str) -> User:
    """Make the administrator. Raises AlreadySetUp; of two at the same time the second gets it."""
    try:
        with transaction.atomic():
            if not needs_setup():
                raise AlreadySetUp
            Installation.objects.create(id=1)
            user = _create(username, password, as_admin=True)
    except IntegrityError as error:
        raise AlreadySetUp from error
    _code_path().unlink(missing_ok=True)
    return user


def invite(by: User, note: str, as_admin: bool) -> str:
    """Make an invitation and return its token, which is kept nowhere: the database has only its hash."""
    token = secrets.token_urlsafe(32)
    Invitation.objects.create(created_by=by, note=note, as_admin=as_admin, token_sha256=_hash(token))
    return token


def open_invitation(token: str) -> Invitation | None:
    """Find the invitation that the token still opens."""
    return open_invitations().filter(token_sha256=_hash(token)).first()


def open_invitations() -> QuerySet[Invitation]:
    """List what can still be accepted; those of somebody who may no longer log in can't."""
    return Invitation.objects.filter(
        used_at__isnull=True, expires_at__gt=timezone.now(), created_by__is_active=True
    ).select_related("created_by")


def accept_invitation(token: str, username: str, password: str) -> User:
    """Make the account an invitation is for, or change nothing. Raises InvitationGone or UsernameTaken."""
    try:
        with transaction.atomic():
            invitation = open_invitation(token)
            if invitation is None or not _claim(invitation):
                raise InvitationGone
            user = _create(username, password, as_admin=invitation.as_admin)
            Invitation.objects.filter(pk=invitation.pk).update(used_by=user)
    except IntegrityError as error:
        raise UsernameTaken from error
    return user


def withdraw(invitation_id: int) -> bool:
    """Delete an invitation that nobody has used; tell whether there was one."""
    deleted, _ = Invitation.objects.filter(pk=invitation_id, used_at__isnull=True).delete()
    return deleted == 1


def set_active(by: User, user_id: int, active: bool) -> User | None:
    """Let a person log in again, or no longer; None if there is no such other person."""
    changed = User.objects.filter(pk=user_id).exclude(pk=by.pk).update(is_active=active)
    return User.objects.get(pk=user_id) if changed else None


def change_password(user: User, password: str) -> None:
    """Set a new password, which ends the person's other sessions."""
    user.set_password(password)
    user.save(update_fields=["password"])


def choose_language(user: User, language: str) -> None:
    """Remember in which language a person reads; empty: as the browser asks."""
    user.language = language
    user.save(update_fields=["language"])


def set_row_px(user: User, row_px: int) -> None:
    """Keep how high somebody wants photos in the grid, 120 to 360."""
    User.objects.filter(pk=user.pk).update(row_px=row_px)


@dataclass(frozen=True, slots=True)
class SetAside:
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Person:
    user: User
    photos: int
    byte_size: int
    set_aside: list[SetAside] = field(default_factory=list)


def people() -> list[Person]:
    """List every account with what it holds, and why photos of it could not be read or tagged.

    The only place that counts over owners; it reads sums and reasons, never a photo.
    """
    sums = Photo.objects.values("owner").annotate(n=Count("id"), size=Sum("byte_size"))
    stored = {row["owner"]: (row["n"], row["size"]) for row in sums}
    reasons: dict[int, list[SetAside]] = defaultdict(list)
    unread = Photo.objects.filter(state=Photo.State.SET_ASIDE)
    untagged = Outstanding.objects.exclude(set_aside_reason="")
    for rows in (unread, untagged):
        for row in rows.values("owner", "set_aside_reason").annotate(n=Count("*")).order_by("-n"):
            reasons[row["owner"]].append(SetAside(row["set_aside_reason"], row["n"]))
    everybody = User.objects.exclude(username__startswith="~").order_by("-is_active", "username")
    return [Person(user, *stored.get(user.pk, (0, 0)), reasons[user.pk]) for user in everybody]


def _create(username: str, password: str, *, as_admin: bool) -> User:
    user = User.objects.create_user(username, password=password, is_staff=as_admin, is_superuser=as_admin)
    open_corpus(user)
    return user


def _claim(invitation: Invitation) -> bool:
    unused = Invitation.objects.filter(pk=invitation.pk, used_at__isnull=True)
    return unused.update(used_at=timezone.now()) == 1


def _group() -> str:
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(_GROUP_LETTERS))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _bare(code: str) -> bytes:
    return "".join(code.split()).replace("-", "").upper().encode()


def _code_path() -> Path:
    return Path(settings.DATA_DIR) / "setup-code"


def _publish(path: Path, text: str) -> None:
    """Write a new file with mode 0600 in one step; whoever is first wins."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".setup-code-")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.link(draft, path)
    except FileExistsError:
        pass  # the other process was first
    finally:
        Path(draft).unlink()
