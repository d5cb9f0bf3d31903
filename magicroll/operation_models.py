"""What a person does to many photos at once: the order, and the chunks that it is carried out in."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Operation(models.Model):
    """One order over a frozen selection. Its parts are the ledger: what is not applied is outstanding."""

    class Kind(models.TextChoices):
        ADD_TAG = "add-tag", "add a tag"
        REJECT_TAG = "reject-tag", "reject a tag"
        FAVOURITE = "favourite", "mark as favourite"
        UNFAVOURITE = "unfavourite", "no longer a favourite"
        SHIFT_DATE = "shift-date", "shift the date"
        SET_DATE = "set-date", "set the date"
        TRASH = "trash", "move to the trash"
        RESTORE = "restore", "take out of the trash"
        DELETE = "delete", "delete for good"

    class State(models.TextChoices):
        RUNNING = "running", "running"
        DONE = "done", "done"
        STOPPED = "stopped", "stopped"  # what was applied stays, the rest never is
        UNDOING = "undoing", "being undone"
        UNDONE = "undone", "undone"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="operations"
    )
    kind = models.CharField(max_length=12, choices=Kind)
    tag = models.ForeignKey(
        "tagging.Tag", on_delete=models.CASCADE, null=True, db_index=False, related_name="+"
    )
    shift_s = models.BigIntegerField(null=True)  # what SHIFT_DATE adds to the wall clock
    date = models.DateField(null=True)  # what SET_DATE sets ...
    time = models.TimeField(null=True)  # ... and when: without, each photo keeps its own time of day
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    total = models.PositiveIntegerField()  # photos selected
    seen = models.PositiveIntegerField(default=0)  # of them, in parts that were applied
    changed = models.PositiveIntegerField(default=0)  # of these, those that were not so already
    put_back = models.PositiveIntegerField(default=0)
    given_at = models.DateTimeField(default=timezone.now)  # also the mark that trash and verdicts carry
    finished_at = models.DateTimeField(null=True)  # no more parts will be applied
    undo_until = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)  # by a worker that is at it

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-given_at"], name="operation_recent"),
            models.Index(
                fields=["id"], condition=Q(state__in=["running", "undoing"]), name="operation_outstanding"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["add-tag", "reject-tag"], tag__isnull=False)
                | (~Q(kind__in=["add-tag", "reject-tag"]) & Q(tag__isnull=True)),
                name="operation_tag_where_it_is_about_one",
            ),
            models.CheckConstraint(
                condition=Q(kind="shift-date", shift_s__isnull=False)
                | (~Q(kind="shift-date") & Q(shift_s__isnull=True)),
                name="operation_shift_where_it_shifts",
            ),
            models.CheckConstraint(
                condition=Q(kind="set-date", date__isnull=False)
                | (~Q(kind="set-date") & Q(date__isnull=True, time__isnull=True)),
                name="operation_date_where_it_sets_one",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("add-tag", "reject-tag", "favourite", "unfavourite", "shift-date", "set-date"),
                        *("trash", "restore", "delete"),
                    ]
                ),
                name="operation_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(state="running", finished_at__isnull=True)
                | Q(state__in=["done", "stopped", "undoing", "undone"], finished_at__isnull=False),
                name="operation_finished_unless_running",
            ),
            models.CheckConstraint(
                condition=~Q(kind="delete") | ~Q(state__in=["undoing", "undone"]),
                name="operation_delete_is_for_good",
            ),
            models.CheckConstraint(
                condition=Q(total__gt=0, seen__lte=F("total"), changed__lte=F("seen")),
                name="operation_counts_are_parts_of_the_whole",
            ),
            models.CheckConstraint(
                condition=Q(put_back__lte=F("changed")), name="operation_puts_back_only_what_it_changed"
            ),
        ]

    def __str__(self) -> str:
        return f"operation {self.pk}"

    @property
    def is_working(self) -> bool:
        return self.state in (self.State.RUNNING, self.State.UNDOING)

    @property
    def percent(self) -> int:
        if self.state == self.State.UNDOING:
            return min(99, self.put_back * 100 // self.changed) if self.changed else 0
        return min(99, self.seen * 100 // self.total)

    def can_be_undone(self, now: datetime | None = None) -> bool:
        """Tell whether there is something to put back, and still time for it."""
        if self.kind == self.Kind.DELETE or self.state in (self.State.UNDOING, self.State.UNDONE):
            return False
        if self.state == self.State.RUNNING:
            return True
        in_time = self.undo_until is not None and self.undo_until > (now or timezone.now())
        return in_time and self.changed > 0


class OperationPart(models.Model):
    """A chunk of an operation: the photos, and once applied what each that changed was before."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        APPLIED = "applied", "applied"
        UNDONE = "undone", "undone"

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, db_index=False, related_name="parts")
    number = models.PositiveIntegerField()  # in the order of the list, newest photos first
    photo_ids = models.BinaryField()  # int64, little-endian
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    before = models.JSONField(null=True)  # photo id -> what it was, of those that were changed

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operation", "number"], name="operationpart_number_unique"),
            models.CheckConstraint(
                condition=Q(state="waiting", before__isnull=True)
                | Q(state__in=["applied", "undone"], before__isnull=False),
                name="operationpart_applied_knows_before",
            ),
        ]
        indexes = [models.Index(fields=["operation", "state", "number"], name="operationpart_next")]

    def __str__(self) -> str:
        return f"part {self.number} of operation {self.operation_id}"
