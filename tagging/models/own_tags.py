"""What own tags have learnt, and what they say about photos."""

from django.db import models
from django.db.models import Q

from magicroll.constraints import OwnedPhotoKey
from magicroll.models import User
from tagging.models.corpora import Encoder, Release, Tag


class OwnHead(models.Model):
    """What one own tag has learnt for one network: a linear head as data (tagging/ml/own_head.py)."""

    pk = models.CompositePrimaryKey("owner_id", "encoder_id", "tag_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    encoder = models.ForeignKey(Encoder, models.PROTECT, related_name="+")
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="own_heads")
    weights = models.BinaryField()  # float32, little-endian, [dimensions of the index]
    bias = models.FloatField()
    cut = models.FloatField()  # the score from which a photo gets the tag
    confirmed = models.PositiveIntegerField()  # photos that it was fitted from
    rejected = models.PositiveIntegerField()
    lesson = models.PositiveBigIntegerField()  # corpus version when it was taught; one lesson, all networks
    settled = models.BooleanField(default=False)  # every photo that is there has been held against it
    ending = models.BooleanField(default=False)  # says nothing any more; goes once that is settled

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(cut__gt=0, cut__lte=1), name="own_head_cut_in_range"),
            models.CheckConstraint(
                condition=Q(ending=False) | Q(settled=False), name="own_head_ending_unsettled"
            ),
        ]
        indexes = [
            models.Index(fields=["owner"], condition=Q(settled=False), name="own_head_unsettled"),
        ]

    def __str__(self) -> str:
        return f"head of tag {self.tag_id} for encoder {self.encoder_id}"


class OwnAnnotation(models.Model):
    """That an own head gives its tag to a photo, beside what the release says. For the writer alone."""

    pk = models.CompositePrimaryKey("owner_id", "release_id", "photo_id", "tag_id")
    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, db_index=False, db_constraint=False, related_name="+"
    )
    release = models.ForeignKey(
        Release, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    photo = models.ForeignKey(
        "magicroll.Photo", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="+")
    score = models.FloatField()

    class Meta:
        constraints = [
            OwnedPhotoKey(name="ownannotation_owned_photo"),
            models.CheckConstraint(
                condition=Q(score__gt=0, score__lt=1), name="own_annotation_score_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"own tag {self.tag_id} on photo {self.photo_id}"
