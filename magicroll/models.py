"""People and their photos. Photo's key (owner, id) is what every other large table refers to."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from magicroll.imaging.picture import PREVIEW_PX, THUMB_PX
from magicroll.querysets import PhotoQuerySet


class User(AbstractUser):
    language = models.CharField(max_length=10, blank=True)  # one of LANGUAGES; empty: as the browser asks
    row_px = models.PositiveSmallIntegerField(default=220)  # how high photos stand in the grid

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_username_ci_unique"),
            models.CheckConstraint(condition=Q(row_px__range=(120, 360)), name="user_row_in_range"),
        ]


class Installation(models.Model):
    """The one row that says that the first account has been made."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    set_up_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="installation_single_row")]

    def __str__(self) -> str:
        return f"set up at {self.set_up_at:%Y-%m-%d}"


def _in_a_week() -> datetime:
    return timezone.now() + timedelta(days=7)


class Invitation(models.Model):
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    note = models.CharField(max_length=100, blank=True)
    as_admin = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations_sent")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=_in_a_week)
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"invitation {self.pk}"


class TakenFrom(models.TextChoices):
    """Where the date of a photo comes from, best first."""

    PERSON = "person", "set by hand"
    EXIF = "exif", "camera"
    SIDECAR = "sidecar", "sidecar file"
    NAME = "file-name", "file name"
    FILE = "file-time", "file date"
    UPLOAD = "upload", "day of upload"


class Pictured:
    """What has an owner, a key and a revision of its pixels, as a photo has: the files of its pictures."""

    __slots__ = ()

    @property
    def preview_file(self) -> str:
        return self._picture_file(PREVIEW_PX)

    @property
    def thumbnail_file(self) -> str:
        return self._picture_file(THUMB_PX)

    @property
    def pictures(self) -> list[str]:
        """Name the files that were made from the original and show the pixels of this revision."""
        return [self.preview_file, self.thumbnail_file]

    def _picture_file(self: Any, size_px: int) -> str:
        return f"previews/{self.owner_id}/{self.key.hex[:2]}/{self.key.hex}-{self.revision}-{size_px}.jpg"


class Photo(Pictured, models.Model):
    class State(models.TextChoices):
        READY = "ready", "ready"
        SET_ASIDE = "set_aside", "set aside"

    owner = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False, related_name="photos")
    key = models.UUIDField(default=uuid.uuid4, editable=False)  # names its files; never reused
    sha256 = models.BinaryField(max_length=32)
    name = models.CharField(max_length=255)
    name_folded = models.CharField(max_length=600)  # what words are looked for in; see `search_text`
    byte_size = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=12)
    width = models.PositiveIntegerField(default=0)  # px, after orientation
    height = models.PositiveIntegerField(default=0)
    dominant_colour = models.CharField(max_length=7, default="#808080")
    # The wall clock at the place of capture, kept as if it were UTC: days and months are the camera's.
    taken_at = models.DateTimeField()
    taken_offset_min = models.SmallIntegerField(null=True, blank=True)
    taken_from = models.CharField(max_length=10, choices=TakenFrom)
    # What the file itself says, kept while a person's date stands in its place.
    found_at = models.DateTimeField(null=True, blank=True)
    found_offset_min = models.SmallIntegerField(null=True, blank=True)
    found_from = models.CharField(max_length=10, choices=TakenFrom, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    camera = models.JSONField(default=dict, blank=True)
    favourite = models.BooleanField(default=False)
    caption = models.CharField(max_length=2000, blank=True)
    turns = models.PositiveSmallIntegerField(default=0)  # quarter turns clockwise, after the camera's own
    revision = models.PositiveIntegerField(default=1)  # of the pixels: an edit adds one
    state = models.CharField(max_length=10, choices=State, default=State.READY)
    set_aside_reason = models.CharField(max_length=200, blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveBigIntegerField(default=0)  # of the corpus, when a reader last saw it change

    objects = PhotoQuerySet.as_manager()

    seen = ""  # its surest tags in words, where a read filled them in

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "sha256"], name="photo_owner_sha256_unique"),
            models.UniqueConstraint(fields=["owner", "id"], name="photo_owner_id_unique"),
            models.CheckConstraint(condition=Q(state__in=["ready", "set_aside"]), name="photo_state_known"),
            models.CheckConstraint(
                condition=Q(state="ready", width__gt=0, height__gt=0, set_aside_reason="")
                | (Q(state="set_aside") & ~Q(set_aside_reason="")),
                name="photo_ready_has_pixels_set_aside_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(taken_from__in=TakenFrom.values), name="photo_taken_from_known"
            ),
            models.CheckConstraint(
                condition=Q(found_at__isnull=True, found_offset_min__isnull=True, found_from="")
                & ~Q(taken_from=TakenFrom.PERSON)
                | Q(
                    taken_from=TakenFrom.PERSON,
                    found_at__isnull=False,
                    found_from__in=[source for source in TakenFrom.values if source != TakenFrom.PERSON],
                ),
                name="photo_found_date_kept_beside_a_persons",
            ),
            models.CheckConstraint(condition=Q(turns__lte=3), name="photo_turns_under_a_whole"),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="photo_place_whole_and_in_range",
            ),
        ]
        indexes = [
            models.Index(  # with the name, so that a search for a part of it reads the index alone
                fields=["owner", "taken_at", "id", "name_folded"],
                condition=Q(state="ready", trashed_at__isnull=True),
                name="photo_roll",
            ),
            models.Index(
                fields=["owner", "taken_at", "id"],
                condition=Q(state="ready", trashed_at__isnull=True, favourite=True),
                name="photo_favourites",
            ),
            models.Index(
                fields=["owner", "trashed_at", "id"],
                condition=Q(trashed_at__isnull=False),
                name="photo_trash",
            ),
            models.Index(fields=["owner", "id"], condition=Q(state="set_aside"), name="photo_set_aside"),
        ]

    def __str__(self) -> str:
        return f"photo {self.pk}"

    @property
    def is_live(self) -> bool:
        return self.state == self.State.READY and self.trashed_at is None

    @property
    def original_file(self) -> str:
        return f"originals/{self.owner_id}/{self.key.hex[:2]}/{self.key.hex}"

    @property
    def files(self) -> list[str]:
        if self.state == self.State.SET_ASIDE:
            return [self.original_file]
        return [self.original_file, *self.pictures]


def search_text(name: str, caption: str = "") -> str:
    """Return what words are looked for in: the file name, then the beginning of the caption, case folded.

    It stands in the roll's index, whose entries PostgreSQL bounds at 2,704 bytes: 600 characters of four.
    """
    return f"{name}\n{caption}".strip().casefold()[:600]


class UnclaimedFile(models.Model):
    """A stored file that no photo claims: not yet (an upload under way) or no longer (a deleted photo).

    The row is written before the file appears and goes in the transaction that claims the file, so
    whatever is killed in between leaves a row for the hourly tidying, never a lost or a leaked file.
    """

    name = models.CharField(max_length=200, primary_key=True)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["since"], name="unclaimed_since")]

    def __str__(self) -> str:
        return self.name


from magicroll.operation_models import Operation, OperationPart  # noqa: E402 - this module is what Django loads

__all__ = [
    "Installation",
    "Invitation",
    "Operation",
    "OperationPart",
    "Photo",
    "TakenFrom",
    "UnclaimedFile",
    "User",
]
