"""What models and people say about photos. Every key of a large table begins with its owner."""

from django.db import models
from django.db.models import F, Q

from magicroll.constraints import OwnedPhotoKey
from magicroll.models import Photo, User
from tagging.querysets import AnnotationQuerySet, EmbeddingQuerySet, PhotoTagQuerySet, VerdictQuerySet


class Encoder(models.Model):
    """One network, down to its bytes."""

    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64, unique=True)
    dimensions = models.PositiveIntegerField()
    licence = models.CharField(max_length=200)
    training_data = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Release(models.Model):
    """One immutable pair of encoder and vocabulary."""

    name = models.CharField(max_length=100, unique=True)
    encoder = models.ForeignKey(Encoder, on_delete=models.PROTECT, related_name="releases")
    vocabulary = models.CharField(max_length=100)
    vocabulary_sha256 = models.CharField(max_length=64)
    vocabulary_json = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    is_default = models.BooleanField(default=False)  # what new corpora begin with

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["encoder", "vocabulary_sha256"], name="release_pair_unique"),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="release_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A word for what is in a photo. Verdicts refer to it, so it outlives every release."""

    class Kind(models.TextChoices):
        CATEGORY = "category", "category"
        TAG = "tag", "tag"
        OWN = "own", "own tag"

    owner = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="own_tags")
    slug = models.SlugField(max_length=80, allow_unicode=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["slug"], condition=Q(owner__isnull=True), name="tag_shared_slug_unique"
            ),
            models.UniqueConstraint(fields=["owner", "slug"], name="tag_owner_slug_unique"),
            models.CheckConstraint(
                condition=Q(kind="own", owner__isnull=False)
                | Q(kind__in=["category", "tag"], owner__isnull=True),
                name="tag_own_has_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Corpus(models.Model):
    """One person's photos as readers see them: one release, one version."""

    owner = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="corpus")
    active = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+")
    filling = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    previous = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    version = models.PositiveBigIntegerField(default=0)  # adds one with everything a reader could notice
    swept_version = models.PositiveBigIntegerField(default=0)  # up to which the sweep has looked

    class Meta:
        verbose_name_plural = "corpora"
        constraints = [
            models.CheckConstraint(
                condition=(Q(filling__isnull=True) | ~Q(filling=F("active")))
                & (Q(previous__isnull=True) | ~Q(previous=F("active"))),
                name="corpus_pointers_differ",
            ),
        ]

    def __str__(self) -> str:
        return f"corpus of {self.owner_id}"

    @property
    def releases(self) -> set[int]:
        """The releases whose rows of the reverse index are kept true for this corpus."""
        pointers = (self.active_id, self.filling_id, self.previous_id)
        return {release for release in pointers if release is not None}


class Stream(models.TextChoices):
    REALTIME = "realtime", "real-time"
    BULK = "bulk", "bulk"


class Annotation(models.Model):
    """What one release says about one photo. The packed arrays are the truth; PhotoTag is made from them."""

    pk = models.CompositePrimaryKey("owner_id", "release_id", "photo_id")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False, related_name="+")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, db_index=False, related_name="+")
    photo = models.ForeignKey(
        Photo, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    stream = models.CharField(max_length=8, choices=Stream)
    revision = models.PositiveIntegerField()  # of the pixels it was computed from
    tag_ids = models.BinaryField()  # int32, little-endian
    scores = models.BinaryField()  # float16, little-endian, same order

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        constraints = [
            OwnedPhotoKey(name="annotation_owned_photo"),
            models.CheckConstraint(condition=Q(stream__in=Stream.values), name="annotation_stream_known"),
        ]

    def __str__(self) -> str:
        return f"annotation of photo {self.photo_id} by release {self.release_id}"


class Embedding(models.Model):
    """What an encoder makes of one photo's pixels; all releases with that encoder read their tags from it."""

    pk = models.CompositePrimaryKey("owner_id", "encoder_id", "photo_id")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False, related_name="+")
    encoder = models.ForeignKey(Encoder, on_delete=models.PROTECT, db_index=False, related_name="+")
    photo = models.ForeignKey(
        Photo, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    revision = models.PositiveIntegerField()  # of the pixels it was computed from
    vector = models.BinaryField()  # float16, little-endian, [dimensions]
    version = models.PositiveBigIntegerField(default=0)  # of the corpus; 0 = published by a switch

    objects = EmbeddingQuerySet.as_manager()

    class Meta:
        constraints = [OwnedPhotoKey(name="embedding_owned_photo")]
        indexes = [models.Index(fields=["owner", "encoder", "version"], name="embedding_tail")]

    def __str__(self) -> str:
        return f"embedding of photo {self.photo_id} by encoder {self.encoder_id}"


class PhotoTag(models.Model):
    """Reverse index: the live photos of a tag, newest first, verdicts and parents merged in.

    Derived from Photo, Annotation and Verdict by the writer alone; no foreign keys, because checking four
    for each of some ten rows a photo would cost more than writing them.
    """

    pk = models.CompositePrimaryKey("owner_id", "release_id", "tag_id", "taken_at", "photo_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, db_constraint=False, related_name="+")
    release = models.ForeignKey(
        Release, models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    tag = models.ForeignKey(Tag, models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+")
    taken_at = models.DateTimeField()
    photo = models.ForeignKey(Photo, models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+")
    score = models.FloatField()  # 0..1; 1 = said by a person

    objects = PhotoTagQuerySet.as_manager()

    def __str__(self) -> str:
        return f"tag {self.tag_id} on photo {self.photo_id}"


class TagCount(models.Model):
    """How many rows of PhotoTag a tag has, and its surest photo as cover."""

    pk = models.CompositePrimaryKey("owner_id", "release_id", "tag_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    release = models.ForeignKey(Release, models.CASCADE, db_index=False, related_name="+")
    tag = models.ForeignKey(Tag, models.CASCADE, db_index=False, related_name="+")
    count = models.PositiveIntegerField()
    cover = models.ForeignKey(Photo, models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+")
    cover_score = models.FloatField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(count__gt=0), name="tag_count_positive")]

    def __str__(self) -> str:
        return f"{self.count} of tag {self.tag_id}"


class MonthCount(models.Model):
    """How many live photos a month of the roll has."""

    pk = models.CompositePrimaryKey("owner_id", "month")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    month = models.DateField()  # its first day
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(count__gt=0), name="month_count_positive")]

    def __str__(self) -> str:
        return f"{self.count} in {self.month:%Y-%m}"


class Verdict(models.Model):
    """What a person said about a tag on a photo. Outranks every release, for ever."""

    class Kind(models.TextChoices):
        ADDED = "added", "added"
        REJECTED = "rejected", "rejected"

    pk = models.CompositePrimaryKey("owner_id", "photo_id", "tag_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    photo = models.ForeignKey(Photo, models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+")
    tag = models.ForeignKey(Tag, models.CASCADE, db_index=False, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    said_at = models.DateTimeField(auto_now=True)

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            OwnedPhotoKey(name="verdict_owned_photo"),
            models.CheckConstraint(condition=Q(kind__in=["added", "rejected"]), name="verdict_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} tag {self.tag_id} on photo {self.photo_id}"


class Outstanding(models.Model):
    """A photo that a release has yet to annotate, or could not.

    Written with the photo and removed with its annotation, in their transactions. The sweep holds it
    against the photos and annotations themselves, which are the ledger.
    """

    pk = models.CompositePrimaryKey("owner_id", "release_id", "photo_id")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    release = models.ForeignKey(Release, models.CASCADE, db_index=False, related_name="+")
    photo = models.ForeignKey(Photo, models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    set_aside_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "outstanding"
        constraints = [OwnedPhotoKey(name="outstanding_owned_photo")]
        indexes = [
            models.Index(
                fields=["owner", "release", "photo"], condition=Q(attempts__gt=0), name="outstanding_tried"
            )
        ]

    def __str__(self) -> str:
        return f"photo {self.photo_id} for release {self.release_id}"
