"""What a person wants of tags: not to see some of them, and thresholds that were learnt from their verdicts."""

from django.db import models
from django.db.models import Q

from magicroll.models import User
from tagging.models.corpora import Release, Tag
from tagging.thresholds import MAX_OFFSET


class TagChoice(models.Model):
    """A tag or category that its owner does not want to see: anywhere, or in the Magic View."""

    class Kind(models.TextChoices):
        MUTED = "muted", "muted"
        HIDDEN = "hidden", "hidden from the Magic View"
        FORGOTTEN = "gone", "an own tag that is being removed"

    pk = models.CompositePrimaryKey("owner_id", "tag_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    tag = models.ForeignKey(Tag, models.CASCADE, db_index=False, related_name="+")
    kind = models.CharField(max_length=6, choices=Kind)
    chosen_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["muted", "hidden", "gone"]), name="tag_choice_kind_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} tag {self.tag_id}"


class LearnedThreshold(models.Model):
    """How much surer, or less sure, a release must be of a tag on one person's photos.

    It was learnt from what they said, on the scores of one release, and goes for every release (tagging/learning.py
    has the rule). A row without an offset remembers that there was nothing to change.
    """

    pk = models.CompositePrimaryKey("owner_id", "tag_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    tag = models.ForeignKey(Tag, models.CASCADE, db_index=False, related_name="+")
    offset = models.FloatField()  # in log-odds, added to the release's threshold
    release = models.ForeignKey(Release, models.CASCADE, db_index=False, related_name="+")  # whose scores
    verdicts = models.PositiveIntegerField()  # that there were; of them, within reach of the threshold:
    added = models.PositiveIntegerField()
    rejected = models.PositiveIntegerField()
    learned_at = models.DateTimeField(auto_now=True)
    ignored = models.BooleanField(default=False)  # its owner wants the release's own threshold

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(offset__gte=-MAX_OFFSET, offset__lte=MAX_OFFSET), name="learned_offset_in_range"
            )
        ]

    def __str__(self) -> str:
        return f"{self.offset:+.1f} for tag {self.tag_id}"
