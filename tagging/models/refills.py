"""Bringing corpora to another release: orders, corpora, chunks, what is left over, who did what."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from magicroll.models import User
from tagging.models.corpora import Release


class Refill(models.Model):
    """An administrator's order to bring people's corpora to a release."""

    class Scope(models.TextChoices):
        MISSING = "missing", _("only photos that the release has not seen")
        STALE = "stale", _("also photos whose pixels changed since")
        EVERYTHING = "everything", _("all photos again, opening each image")

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        CANCELLED = "cancelled", _("cancelled")
        DONE = "done", _("done")

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="refills")
    scope = models.CharField(max_length=10, choices=Scope)
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    hold = models.BooleanField(default=False)  # a whole corpus waits for approval before it switches
    priority = models.SmallIntegerField(default=0)  # higher first
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope__in=["missing", "stale", "everything"]), name="refill_scope_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["running", "paused"], ended_at__isnull=True)
                | Q(state__in=["cancelled", "done"], ended_at__isnull=False),
                name="refill_state_known",
            ),
        ]

    def __str__(self) -> str:
        return f"refill {self.pk}"


class CorpusRefill(models.Model):
    """One corpus of a refill: docs/refill.md draws its states."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        FILLING = "filling", _("filling")
        WHOLE = "whole", _("waiting for approval")
        DONE = "done", _("done")  # switched, or brought up to date in place
        ROLLED_BACK = "rolled_back", _("rolled back")
        REJECTED = "rejected", _("rejected")
        CANCELLED = "cancelled", _("cancelled")
        SKIPPED = "skipped", _("nothing to do")

    AT_WORK = (State.FILLING, State.WHOLE)
    OPEN = (State.WAITING, *AT_WORK)

    refill = models.ForeignKey(Refill, on_delete=models.CASCADE, related_name="corpora")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=11, choices=State, default=State.WAITING)
    note = models.CharField(max_length=200, blank=True)  # why it was skipped, for people
    total = models.PositiveIntegerField(default=0)  # photos to annotate
    done = models.PositiveIntegerField(default=0)  # of them, or handed over to the outstanding ones
    redone = models.PositiveIntegerField(default=0)  # handed out again because a worker was lost
    handed_out_to = models.PositiveBigIntegerField(
        default=0
    )  # photos with an id up to this one were handed out
    up_to = models.PositiveBigIntegerField(
        default=0
    )  # the newest photo when it began; later ones are uploads
    served_at = models.DateTimeField(null=True, blank=True)  # who waited longest comes next
    began_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["refill", "owner"], name="corpus_refill_once"),
            models.UniqueConstraint(
                fields=["owner"],
                condition=Q(state__in=["filling", "whole"]),
                name="corpus_refill_one_at_work",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        *("waiting", "filling", "whole", "done"),
                        *("rolled_back", "rejected", "cancelled", "skipped"),
                    ]
                ),
                name="corpus_refill_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["served_at", "id"],
                condition=Q(state__in=["waiting", "filling"]),
                name="corpus_refill_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.refill_id}: corpus of {self.owner_id}"


class Chunk(models.Model):
    """Photos of one corpus that a worker was handed for a refill: those from `first` to `last`, by id."""

    corpus_refill = models.ForeignKey(CorpusRefill, on_delete=models.CASCADE, related_name="chunks")
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()
    claimed_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus_refill", "first"], name="chunk_once"),
            models.CheckConstraint(condition=Q(last__gte=F("first")), name="chunk_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.corpus_refill_id}: photos {self.first} to {self.last}"


class Leftover(models.Model):
    """Rows of a release that a corpus no longer points at: unreachable, for the Cleaner to remove."""

    pk = models.CompositePrimaryKey("owner_id", "release_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    release = models.ForeignKey(Release, models.CASCADE, db_index=False, related_name="+")

    def __str__(self) -> str:
        return f"what release {self.release_id} left with {self.owner_id}"


class AuditEntry(models.Model):
    """Who did what with releases, when, to whom. Names are kept as they were."""

    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=150)  # empty: Magic Roll itself
    action = models.CharField(max_length=30)
    refill = models.ForeignKey(Refill, on_delete=models.SET_NULL, null=True, related_name="audit")
    release = models.ForeignKey(Release, on_delete=models.SET_NULL, null=True, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    owner_name = models.CharField(max_length=150, blank=True)  # empty: several people, or none
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} at {self.at:%Y-%m-%d %H:%M}"
