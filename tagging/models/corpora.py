"""What models and people say about photos. Every key of a large table begins with its owner."""

from django.db import models
from django.db.models import F, Q

from magicroll.constraints import OwnedPhotoKey
from magicroll.models import Photo, User
from tagging.querysets import (
    AnnotationQuerySet,
    EmbeddingQuerySet,
    PhotoTagQuerySet,
    TagQuerySet,
    VerdictQuerySet,
)


class Encoder(models.Model):
    """One network, down to its bytes."""

    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64, unique=True)
    dimensions = models.PositiveIntegerField()
    licence = models.CharField(max_length=200)
    training_data = models.CharField(max_length=200)
    measured_photos = models.PositiveBigIntegerField(default=0)  # encoded on this installation so far, and
    measured_ms = models.PositiveBigIntegerField(default=0)  # how long its workers were at it
    rescored_photos = models.PositiveBigIntegerField(default=0)  # the same from stored embeddings, where
    rescored_ms = models.PositiveBigIntegerField(default=0)  # no image had to be opened

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
    withdrawn_at = models.DateTimeField(null=True, blank=True)  # no refill may begin with it any more

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["encoder", "vocabulary_sha256"], name="release_pair_unique"),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="release_one_default"
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(withdrawn_at__isnull=True),
                name="release_default_not_withdrawn",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ReleaseCard(models.Model):
    """What trained and judged a release, as tagging.cards reads it; beside it, so that no list has to load it."""

    release = models.OneToOneField(Release, on_delete=models.CASCADE, primary_key=True, related_name="card")
    facts = models.JSONField()

    def __str__(self) -> str:
        return f"card of {self.release_id}"


class Tag(models.Model):
    """A word for what is in a photo. Verdicts refer to it, so it outlives every release."""

    class Kind(models.TextChoices):
        CATEGORY = "category", "category"
        TAG = "tag", "tag"
        OWN = "own", "own tag"

    FORGOTTEN = (
        "~"  # begins the slug of an own tag of which something is left to remove; no word has such a slug
    )

    owner = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="own_tags")
    slug = models.SlugField(max_length=80, allow_unicode=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind)

    objects = TagQuerySet.as_manager()

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

    class Automatic(models.TextChoices):
        ON = "on", "on"
        BEGINNING = "begin", "turned on, and photos are being noted as work"
        ENDING = "ending", "turned off, and what was computed is being removed"
        OFF = "off", "off"

    owner = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="corpus")
    active = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+")
    filling = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    previous = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    previous_until = models.DateTimeField(null=True, blank=True)  # then the Cleaner removes it
    # The release that its owner knows of; another active one is news to tell, once.
    told = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    version = models.PositiveBigIntegerField(default=0)  # adds one with everything a reader could notice
    swept_version = models.PositiveBigIntegerField(default=0)  # up to which the sweep has looked
    automatic = models.CharField(max_length=6, choices=Automatic, default=Automatic.ON)  # tags
    noting_below = models.BigIntegerField(
        null=True, blank=True
    )  # photo ids yet to be noted as work, while it begins
    # From which wishes of its owner to which, and how far: tagging/standing.py. None: all photos follow them.
    wishes_move = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "corpora"
        constraints = [
            models.CheckConstraint(
                condition=(Q(filling__isnull=True) | ~Q(filling=F("active")))
                & (Q(previous__isnull=True) | ~Q(previous=F("active")))
                & (Q(previous__isnull=True) | Q(filling__isnull=True) | ~Q(previous=F("filling"))),
                name="corpus_pointers_differ",
            ),
            models.CheckConstraint(
                condition=Q(previous__isnull=True, previous_until__isnull=True)
                | Q(previous__isnull=False, previous_until__isnull=False),
                name="corpus_previous_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(automatic="on")
                | Q(automatic__in=["begin", "ending", "off"], filling__isnull=True, previous__isnull=True),
                name="corpus_not_automatic_keeps_no_release_ready",
            ),
        ]

    def __str__(self) -> str:
        return f"corpus of {self.owner_id}"

    @property
    def releases(self) -> set[int]:
        """The releases whose rows of the reverse index are kept true for this corpus."""
        pointers = (self.active_id, self.filling_id, self.previous_id)
        return {release for release in pointers if release is not None}

    @property
    def is_automatic(self) -> bool:
        """Tell whether a release looks at the photos, or is about to."""
        return self.automatic in (self.Automatic.ON, self.Automatic.BEGINNING)

    @property
    def aside(self) -> list[int]:
        """Tags that were muted and may still have rows of the reverse index, which no reader is to find."""
        return self.wishes_move["aside"] if self.wishes_move else []


class Stream(models.TextChoices):
    REALTIME = "realtime", "real-time"
    BULK = "bulk", "bulk"
    CARRIED = "carried", "carried over from the release before"  # of a photo that the new one can't see


class Annotation(models.Model):
    """What one release says about one photo. The packed arrays are the truth; PhotoTag is made from them.

    The one foreign key is the photo's, whose owner is the owner: checking two more for each row takes a fifth of
    the bulk stream's time, and two workers that lock one person's row at once slow each other down.
    """

    pk = models.CompositePrimaryKey("owner_id", "release_id", "photo_id")
    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, db_index=False, db_constraint=False, related_name="+"
    )
    release = models.ForeignKey(
        Release, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    photo = models.ForeignKey(
        Photo, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    stream = models.CharField(max_length=8, choices=Stream)
    revision = models.PositiveIntegerField()  # of the pixels it was computed from
    tag_ids = models.BinaryField()  # int32, little-endian
    scores = models.BinaryField()  # float16, little-endian, same order
    # The same of tags that fell short of their threshold, by no more than somebody's own may be lower.
    faint_ids = models.BinaryField(default=b"")
    faint_scores = models.BinaryField(default=b"")

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
    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, db_index=False, db_constraint=False, related_name="+"
    )
    encoder = models.ForeignKey(
        Encoder, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    photo = models.ForeignKey(
        Photo, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    revision = models.PositiveIntegerField()  # of the pixels it was computed from
    vector = models.BinaryField()  # float16, little-endian, [dimensions]
    version = models.PositiveBigIntegerField(
        default=0
    )  # of the corpus; what a snapshot doesn't hold is later

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
    version = models.PositiveBigIntegerField(default=0)  # of the corpus, when the tag's rows last changed

    is_chosen = False  # the cover, by the owner, where a read filled it in

    class Meta:
        # Zero only in a release that is filling, whose rows several transactions add to at the same time.
        constraints = [models.CheckConstraint(condition=Q(count__gte=0), name="tag_count_not_negative")]

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


class DayCount(models.Model):
    """What a day of the roll has, for a page to know its length before it knows its photos."""

    pk = models.CompositePrimaryKey("owner_id", "day")
    owner = models.ForeignKey(User, models.CASCADE, db_index=False, related_name="+")
    day = models.DateField()
    count = models.PositiveIntegerField()  # of live photos
    breadth = models.PositiveBigIntegerField()  # of all of them side by side, in hundredths of their height
    version = models.PositiveBigIntegerField()  # of the corpus, when a photo of this day last changed

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(count__gt=0), name="day_count_positive")]

    def __str__(self) -> str:
        return f"{self.count} on {self.day:%Y-%m-%d}"


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
