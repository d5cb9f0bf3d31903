"""The dry run: what a refill would have to do, before anybody orders it."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from magicroll.models import Photo
from magicroll.querysets import PhotoQuerySet
from tagging.models import (
    Annotation,
    Corpus,
    CorpusRefill,
    Embedding,
    MonthCount,
    Refill,
    Release,
    Stream,
    TagCount,
)
from tagging.refill import sizes

Scope = Refill.Scope


@dataclass(frozen=True, slots=True)
class PersonPlan:
    """What is to do in one corpus. stored: photos of which no image need be opened."""

    owner_id: int
    name: str
    photos: int
    stored: int
    on_it: bool  # on the release already
    waits: bool  # until another refill has ended there

    @property
    def opened(self) -> int:
        return self.photos - self.stored


@dataclass(frozen=True, slots=True)
class Plan:
    """seconds: of one worker, None where a speed was never measured here; people: most photos first.

    off: people who turned automatic tags off, and are left out.
    """

    release: Release
    scope: str
    people: list[PersonPlan]
    seconds: float | None
    extra_bytes: int
    off: int = 0

    @property
    def photos(self) -> int:
        return sum(person.photos for person in self.people)

    @property
    def stored(self) -> int:
        return sum(person.stored for person in self.people)

    @property
    def opened(self) -> int:
        return self.photos - self.stored

    @property
    def on_it(self) -> int:
        return sum(person.on_it for person in self.people)

    @property
    def waiting(self) -> int:
        return sum(person.waits for person in self.people)

    @property
    def scope_words(self) -> str:
        return str(Scope(self.scope).label)


def plan(release: Release, owner_ids: Collection[int], scope: str) -> Plan:
    """Work out a refill of these corpora; some ten queries, whatever their number."""
    chosen = list(
        Corpus.objects.filter(owner__in=owner_ids).select_related("owner", "active", "previous")
        .defer("active__vocabulary_json", "previous__vocabulary_json")
    )  # fmt: skip
    corpora = [corpus for corpus in chosen if corpus.automatic == Corpus.Automatic.ON]
    owner_ids = [corpus.owner_id for corpus in corpora]
    to_do = _by_owner(photos_to_do(owner_ids, release.pk, scope))
    stored = _stored(corpora, release, scope)
    at_work = CorpusRefill.objects.filter(owner__in=owner_ids, state__in=CorpusRefill.AT_WORK)
    busy = set(at_work.values_list("owner", flat=True))
    people = [
        PersonPlan(
            owner_id=corpus.owner_id,
            name=corpus.owner.username,
            photos=to_do.get(corpus.owner_id, 0),
            stored=stored.get(corpus.owner_id, 0),
            on_it=corpus.active_id == release.pk,
            waits=corpus.owner_id in busy,
        )
        for corpus in corpora
    ]
    people.sort(key=lambda person: (-person.photos, person.name))
    stored_photos, photos = sum(stored.values()), sum(to_do.values())
    return Plan(
        release,
        scope,
        people,
        seconds=_seconds(release, photos - stored_photos, stored_photos),
        extra_bytes=_extra_bytes(owner_ids, release, scope, to_do),
        off=len(chosen) - len(corpora),
    )


def photos_to_do(owner_ids: Collection[int], release_id: int, scope: str) -> PhotoQuerySet:
    """Return what `chunks.to_do` hands out, for many corpora at once."""
    photos = Photo.objects.filter(owner__in=owner_ids, state=Photo.State.READY)
    if scope == Scope.EVERYTHING:
        return photos
    said = Annotation.objects.filter(owner=OuterRef("owner"), release=release_id, photo=OuterRef("id"))
    said = said.exclude(stream=Stream.CARRIED)
    if scope == Scope.STALE:
        said = said.filter(revision=OuterRef("revision"))
    return photos.filter(~Exists(said))


def _by_owner(photos: PhotoQuerySet) -> dict[int, int]:
    return dict(photos.order_by().values_list("owner").annotate(n=Count("id")))


def _stored(corpora: Collection[Corpus], release: Release, scope: str) -> dict[int, int]:
    """Count photos to do whose embedding is there and may be used, by owner."""
    if scope == Scope.EVERYTHING:
        return {}
    owners = [
        corpus.owner_id
        for corpus in corpora
        if release.encoder_id in {one.encoder_id for one in (corpus.active, corpus.previous) if one}
    ]
    there = Embedding.objects.filter(
        owner=OuterRef("owner"),
        encoder=release.encoder_id,
        photo=OuterRef("id"),
        revision=OuterRef("revision"),
    )
    return _by_owner(photos_to_do(owners, release.pk, scope).filter(Exists(there)))


def _seconds(release: Release, opened: int, stored: int) -> float | None:
    """Estimate from what this installation's workers have measured."""
    encoder = release.encoder
    parts = (
        (opened, encoder.measured_photos, encoder.measured_ms),
        (stored, encoder.rescored_photos, encoder.rescored_ms),
    )
    if any(photos and not measured for photos, measured, _ in parts):
        return None
    return sum(photos * ms / measured / 1000 for photos, measured, ms in parts if photos)


def _extra_bytes(owner_ids: Collection[int], release: Release, scope: str, to_do: dict[int, int]) -> int:
    """Estimate what is added beside what is there; what is said again replaces what was said."""
    new = to_do if scope == Scope.MISSING else _by_owner(photos_to_do(owner_ids, release.pk, Scope.MISSING))
    photos = sum(new.values())
    known = Embedding.objects.filter(
        owner=OuterRef("owner"), encoder=release.encoder_id, photo=OuterRef("id")
    )
    unseen = photos_to_do(owner_ids, release.pk, Scope.MISSING).filter(~Exists(known))
    return sizes.annotation_bytes(photos, photos * _tags_per_photo(owner_ids)) + sizes.embedding_bytes(
        unseen.count(), release.encoder.dimensions
    )


def _tags_per_photo(owner_ids: Collection[int]) -> float:
    mine = Q(owner__in=owner_ids)
    tags = TagCount.objects.filter(mine, owner__corpus__active=F("release")).aggregate(n=Sum("count"))["n"]
    photos = MonthCount.objects.filter(mine).aggregate(n=Sum("count"))["n"]
    return tags / photos if tags and photos else sizes.TAGS_PER_PHOTO
