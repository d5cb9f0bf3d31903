"""The cover that a person chose for a tag. It outlives every release, as a verdict does."""

from django.db import models

from magicroll.constraints import OwnedPhotoKey
from magicroll.models import Photo, User
from tagging.models.corpora import Tag


class TagCover(models.Model):
    """A person's word on which photo stands for a tag; it goes with its photo.

    It holds while the photo is live and has the tag: otherwise the surest photo stands in, and the choice counts
    again when the photo is back.
    """

    pk = models.CompositePrimaryKey("owner_id", "tag_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    tag = models.ForeignKey(Tag, models.CASCADE, db_index=False, related_name="+")
    photo = models.ForeignKey(Photo, models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+")

    class Meta:
        constraints = [OwnedPhotoKey(name="tagcover_owned_photo")]

    def __str__(self) -> str:
        return f"photo {self.photo_id} for tag {self.tag_id}"
