"""What the page of an own tag shows: likely photos, where the cut lies, what was said. Reads only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magicroll.models import Photo
from tagging.models import Corpus, OwnHead, Tag, TagCount, Verdict
from tagging.own_tags.learning import Evidence, evidence_of, learn
from tagging.own_tags.space import live_ids, open_space
from tagging.search import listing
from tagging.search.pages import UnknownTag
from tagging.search.pages import counts as counts_of
from tagging.snapshots import IndexMissing

CANDIDATES = 18
BESIDE_CUT = 6
SHOWN_JUDGED = 24
PERCENTS = range(1, 100)  # where the cut can stand
FIRST_CUT = 0.5


@dataclass(frozen=True, slots=True)
class OwnTagTile:
    """An own tag in the list of them; taught: given by itself."""

    id: int
    slug: str
    name: str
    count: int
    cover: Photo | None
    taught: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that nobody has judged, and its score, 0 to 1."""

    photo: Photo
    score: float

    @property
    def percent(self) -> int:
        return int(self.score * 100)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the line is drawn. takes: photos with the tag then, by percent from 1 to 99; above, below: the
    photos on either side of it, nearest first."""

    percent: int
    takes: list[int]
    above: list[Candidate]
    below: list[Candidate]

    @property
    def taken(self) -> int:
        return self.takes[self.percent - 1]


@dataclass(frozen=True, slots=True)
class Learning:
    """An own tag as it stands. cut: None until a confirmed photo has been looked at.

    index_missing: the index has to be built anew before anything can be ranked.
    """

    tag: Tag
    confirmed: list[Photo]
    rejected: list[Photo]
    confirmed_count: int
    rejected_count: int
    candidates: list[Candidate]
    cut: Cut | None
    head: OwnHead | None
    index_missing: bool = False

    @property
    def judged_since(self) -> int:
        """Return how many verdicts more or fewer there are than the head was taught with."""
        if self.head is None:
            return 0
        head = self.head
        return abs(self.confirmed_count - head.confirmed) + abs(self.rejected_count - head.rejected)

    @property
    def taught_percent(self) -> int:
        return round(self.head.cut * 100) if self.head else 0


def own_tag(owner_id: int, tag_id: int) -> Tag:
    """Return one of a person's own tags. Raises UnknownTag."""
    tag = Tag.objects.owned_by(owner_id).filter(pk=tag_id).first()
    if tag is None:
        raise UnknownTag(str(tag_id))
    return tag


def own_tags(corpus: Corpus) -> list[OwnTagTile]:
    """Return a person's own tags by name: four queries, whatever their number."""
    tags = Tag.objects.owned_by(corpus.owner_id).order_by("name", "id")
    counts = {row.tag_id: row for row in counts_of(corpus).filter(tag__owner=corpus.owner_id)}
    taught = set(OwnHead.objects.filter(owner=corpus.owner_id, ending=False).values_list("tag", flat=True))
    covers = {p.id: p for p in listing.covers(corpus, [row.cover_id for row in counts.values()])}
    return [_tile(tag, counts.get(tag.pk), covers, taught) for tag in tags]


def _tile(tag: Tag, row: TagCount | None, covers: dict[int, Photo], taught: set[int]) -> OwnTagTile:
    count, cover = (row.count, covers.get(row.cover_id)) if row else (0, None)
    return OwnTagTile(tag.pk, tag.slug, tag.name, count, cover, tag.pk in taught)


def learning(corpus: Corpus, tag: Tag, percent: int | None = None) -> Learning:
    """Rank a person's photos for one of their own tags, by what they have said so far; exact over all photos.

    percent: where the cut is to be shown, 1 to 99; None: where it was taught, else in the middle.
    """
    mine = OwnHead.objects.filter(owner=corpus.owner_id, encoder=corpus.active.encoder_id, tag=tag)
    head = mine.filter(ending=False).first()
    evidence = evidence_of(corpus.owner_id, tag)
    confirmed, rejected = (_judged(corpus, tag, kind) for kind in (Verdict.Kind.ADDED, Verdict.Kind.REJECTED))
    try:
        ranked = _rank(corpus, evidence)
    except IndexMissing:
        ranked, missing = None, True
    else:
        missing = False
    if percent is None:
        percent = min(max(round(100 * (head.cut if head else FIRST_CUT)), 1), 99)
    picked = ranked.pick(percent) if ranked else _Picked([], [], [])
    cards = {photo.id: photo for photo in listing.cards(corpus, [*confirmed, *rejected, *picked.ids])}
    shown = [[Candidate(cards[i], s) for i, s in part if i in cards] for part in picked.parts]
    return Learning(
        tag=tag,
        confirmed=[cards[photo_id] for photo_id in confirmed if photo_id in cards],
        rejected=[cards[photo_id] for photo_id in rejected if photo_id in cards],
        confirmed_count=len(evidence.confirmed),
        rejected_count=len(evidence.rejected),
        candidates=shown[0],
        cut=Cut(percent, ranked.takes(), shown[1], shown[2]) if ranked else None,
        head=head,
        index_missing=missing,
    )


def _judged(corpus: Corpus, tag: Tag, kind: Verdict.Kind) -> list[int]:
    said = Verdict.objects.owned_by(corpus.owner_id).filter(tag=tag, kind=kind)
    return list(said.order_by("-said_at", "-photo_id").values_list("photo_id", flat=True)[:SHOWN_JUDGED])


@dataclass(frozen=True, slots=True)
class _Picked:
    """Photos to show with their scores: likeliest, just above the cut, just below it."""

    likely: list[tuple[int, float]]
    above: list[tuple[int, float]]
    below: list[tuple[int, float]]

    @property
    def parts(self) -> list[list[tuple[int, float]]]:
        return [self.likely, self.above, self.below]

    @property
    def ids(self) -> set[int]:
        return {photo_id for part in self.parts for photo_id, _ in part}


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """Live photos that nobody has judged, best first: ids int64 [n], scores float64 [n]."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    confirmed: int  # live ones

    def pick(self, percent: int) -> _Picked:
        line = int(self._above()[percent - 1])
        return _Picked(
            self._some(0, CANDIDATES),
            self._some(max(0, line - BESIDE_CUT), line)[::-1],
            self._some(line, line + BESIDE_CUT),
        )

    def takes(self) -> list[int]:
        """Return how many photos have the tag with the cut at 1, 2 ... 99 %."""
        return [int(above) + self.confirmed for above in self._above()]

    def _above(self) -> NDArray[np.intp]:
        cuts = np.array(PERCENTS) / 100
        return len(self.scores) - np.searchsorted(self.scores[::-1], cuts, side="left")

    def _some(self, start: int, end: int) -> list[tuple[int, float]]:
        return list(zip(self.ids[start:end].tolist(), self.scores[start:end].tolist(), strict=True))


def _rank(corpus: Corpus, evidence: Evidence) -> _Ranked | None:
    """Hold all live photos that nobody has judged against what the verdicts teach. Raises IndexMissing."""
    space = open_space(corpus, corpus.active.encoder)
    lesson = learn(space, evidence)
    if lesson is None:
        return None
    live = live_ids(corpus.owner_id)
    asked = np.isin(space.ids, live, assume_unique=True)
    asked[space.places(np.concatenate([evidence.confirmed, evidence.rejected]))] = False
    ids, products = space.ids[asked], lesson.products[asked]
    order = np.argsort(-products)
    confirmed = int(np.isin(evidence.confirmed, live, assume_unique=True).sum())
    return _Ranked(ids[order], lesson.scores[asked][order], confirmed)
