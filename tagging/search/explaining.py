"""Why a photo has a tag, or has it not: the score, the threshold, what the network saw, photos confirmed before."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from django.utils.translation import gettext
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging.certainty import in_words
from tagging.combine import Verdicts, unpack
from tagging.local_names import language, names_of
from tagging.ml.classes import ClassSeen, class_names, strongest
from tagging.ml.install import InstallError
from tagging.ml.tagger import scores_of
from tagging.models import Annotation, Corpus, Embedding, Outstanding, Tag, Verdict
from tagging.published import PACKED, verdicts_on
from tagging.querysets import near
from tagging.releases import ReleaseTags, release_tags
from tagging.search import listing
from tagging.standing import standing_of
from tagging.taggers import head_of
from tagging.thresholds import moved
from tagging.wishes import Rules

CONFIRMED = 2000  # the newest verdicts among which the nearest photos are looked for
ALIKE = 4
_ROUNDING = 1e-3  # of stored scores, which are float16


@dataclass(frozen=True, slots=True)
class Alike:
    """A photo of the same person on which they confirmed the tag; likeness: a cosine."""

    photo: Photo
    likeness: float

    @property
    def percent(self) -> int:
        return round(max(0.0, self.likeness) * 100)


@dataclass(frozen=True, slots=True)
class Why:
    """The answer about one tag on one photo.

    case: what decides, one of "muted", "added", "rejected", "wider" (a wider tag was rejected, named by `other`),
    "off", "unknown", "waiting", "aside", "search", "shown", "brought" (by the narrower tag `other`), "below".
    score, shipped, own: what the release says, its threshold, and this person's; None where it says nothing.
    calibrated: the score is a probability. classes: what the network saw that speaks for it; None where that can't
    be told, as this machine lacks the network's file or the photo its embedding.
    """

    tag: Tag
    case: str
    release: str
    calibrated: bool
    score: float | None = None
    shipped: float | None = None
    own: float | None = None
    other: str = ""
    classes: list[ClassSeen] | None = None
    alike: list[Alike] = field(default_factory=list)

    @property
    def on_it(self) -> bool:
        """Tell whether the photo shows the tag."""
        return self.case in ("added", "shown", "brought")

    @property
    def words(self) -> str:
        return gettext(in_words(self.score or 0.0))

    @property
    def adjusted(self) -> bool:
        return self.shipped is not None and self.own is not None and abs(self.own - self.shipped) > 1e-6


@dataclass(frozen=True, slots=True)
class _Photo:
    """What is known of the photo in question."""

    photo: Photo
    said: Mapping[int, float]  # with its owner's thresholds
    every: Mapping[int, float]  # also what fell short
    verdicts: Verdicts
    vector: NDArray[np.float16] | None  # of its present pixels
    waits: str  # "waiting", "aside", or empty where the release has looked


def why(corpus: Corpus, photo: Photo, tag: Tag) -> Why:
    """Explain a tag of any kind on a photo of this corpus; about eight queries.

    The scores are computed anew from the stored embedding, for every tag of the vocabulary; where this machine lacks
    the network's file, the stored ones are told.
    """
    standing, tags = standing_of(corpus), release_tags(corpus.active_id)
    wishes = standing.of(photo.id)
    rules = wishes.rules(corpus.active_id)
    known = _known(corpus, photo, rules)
    spec = next((s for s, t in zip(tags.vocabulary.tags, tags.ids, strict=True) if t == tag.pk), None)
    score, classes = (None, None) if spec is None else _seen(corpus, known, tags, tag)
    shipped = tags.thresholds.get(tag.pk)
    case, other = ("muted", "") if tag.pk in standing.aside else _case(corpus, tag, tags, rules, known)
    return Why(
        tag=tag,
        case=case,
        release=corpus.active.name,
        calibrated=tags.vocabulary.heads is not None,
        score=score,
        shipped=shipped,
        own=None if shipped is None else moved(shipped, wishes.offsets.get(tag.pk, 0.0)),
        other=other,
        classes=classes,
        alike=[] if case == "muted" else _alike(corpus, known, tag),
    )


def _known(corpus: Corpus, photo: Photo, rules: Rules) -> _Photo:
    mine = {"owner": corpus.owner_id, "release": corpus.active_id, "photo": photo.id}
    packed = Annotation.objects.filter(**mine).values_list(*PACKED).first()
    todo = Outstanding.objects.filter(**mine).first()
    rows = Embedding.objects.seen_in(corpus).filter(photo=photo.id, revision=photo.revision)
    vector = rows.values_list("vector", flat=True).first()
    waits = "" if packed else "waiting"
    return _Photo(
        photo,
        rules.said(*packed) if packed else {},
        unpack(*packed[2:]) | unpack(*packed[:2]) if packed else {},
        verdicts_on(corpus.owner_id, [photo.id])[photo.id],
        None if vector is None else np.frombuffer(vector, "<f2"),
        "aside" if todo is not None and todo.set_aside_reason else waits,
    )


def _case(corpus: Corpus, tag: Tag, tags: ReleaseTags, rules: Rules, known: _Photo) -> tuple[str, str]:
    """Find what decides, in the order of the Combiner: its owner first."""
    if rules.mutes(tag.pk):
        return "muted", ""
    if tag.pk in known.verdicts.added:
        return "added", ""
    if tag.pk in known.verdicts.rejected:
        return "rejected", ""
    wider = [above for above in rules.hierarchy.ancestors(tag.pk) if above in known.verdicts.rejected]
    if wider:
        return "wider", names_of(tags)[wider[0]]
    narrower = _narrower(tag, rules, known)
    own = rules.own.get(tag.pk, rules.shipped.get(tag.pk, 0.0))
    if tag.pk in known.said and (known.said[tag.pk] >= own - _ROUNDING or not narrower):
        return "shown", ""
    if narrower:
        return "brought", names_of(tags)[narrower[0]]
    return _absent(corpus, tag, tags, known), ""


def _narrower(tag: Tag, rules: Rules, known: _Photo) -> list[int]:
    """Return the tags on the photo that bring this one along, what was said by its owner first."""
    there = (*known.verdicts.added, *known.said)
    kept = (one for one in there if one not in known.verdicts.rejected and not rules.mutes(one))
    return [one for one in kept if tag.pk in rules.hierarchy.ancestors(one)]


def _absent(corpus: Corpus, tag: Tag, tags: ReleaseTags, known: _Photo) -> str:
    if tag.pk not in tags.tag_names:
        return "unknown"
    if not corpus.is_automatic:
        return "off"
    if known.waits:
        return known.waits
    return "below" if tag.pk in tags.thresholds else "search"


def _seen(
    corpus: Corpus, known: _Photo, tags: ReleaseTags, tag: Tag
) -> tuple[float | None, list[ClassSeen] | None]:
    """Return the tag's score and the classes behind it."""
    stored = known.every.get(tag.pk)
    if known.vector is None:
        return stored, None
    try:
        head = head_of(corpus.active.encoder.name)
    except (InstallError, KeyError):  # a web server without models; what is stored can still be told
        return stored, None
    rows = known.vector[None]
    column = int(np.flatnonzero(tags.ids == tag.pk)[0])
    score = float(scores_of(head, tags.vocabulary, rows)[0, column])
    return score, strongest(
        head.logits(rows)[0], tags.vocabulary.class_weights(tag.slug), class_names(language())
    )


def _alike(corpus: Corpus, known: _Photo, tag: Tag) -> list[Alike]:
    """Return the photos most like this one among those on which their owner confirmed the tag: exact."""
    if known.vector is None:
        return []
    said = Verdict.objects.owned_by(corpus.owner_id).filter(tag=tag, kind=Verdict.Kind.ADDED)
    newest = said.exclude(photo=known.photo.id).order_by("-said_at", "-photo_id")
    confirmed = set(newest.values_list("photo_id", flat=True)[:CONFIRMED])
    rows = Embedding.objects.seen_in(corpus).filter(near(confirmed)).values_list("photo_id", "vector")
    there = {photo_id: vector for photo_id, vector in rows if photo_id in confirmed}
    if not there:
        return []
    xb = np.stack([np.frombuffer(vector, "<f2") for vector in there.values()]).astype(np.float32)
    xq = known.vector.astype(np.float32)
    lengths = np.linalg.norm(xb, axis=1) * np.linalg.norm(xq)
    D = (xb @ xq) / np.maximum(lengths, 1e-12)
    order = np.argsort(-D, kind="stable").tolist()
    ids = list(there)
    likeness = {ids[place]: float(D[place]) for place in order}
    photos = listing.cards(corpus, [ids[place] for place in order[: 2 * ALIKE]])  # some may be in the trash
    return [Alike(photo, likeness[photo.id]) for photo in photos[:ALIKE]]
