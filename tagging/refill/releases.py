"""Releases and corpora as an administrator sees them: who is on what, and what that takes."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from tagging.ml.registry import ENCODERS
from tagging.models import AuditEntry, Corpus, CorpusRefill, MonthCount, Release, TagCount
from tagging.refill import sizes
from tagging.refill.choice import everybody

PAGE = 50


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release and what hangs on it.

    corpora, photos: that are on it; leaving: of these corpora, those with a way back; way_back: corpora that
    can still go back to it; filling: that are being brought to it. own_bytes: annotations and reverse index.
    shared_bytes: embeddings, their index and the network's file, which all releases with the same encoder
    share. Bytes are estimates, from rows times their size.
    """

    release: Release
    corpora: int
    photos: int
    leaving: int
    way_back: int
    filling: int
    own_bytes: int
    shared_bytes: int
    sharing: int  # releases with this encoder


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One corpus: what it is on, where it can go back to, and the refill that is at it."""

    corpus: Corpus
    photos: int
    refill: CorpusRefill | None


@dataclass(frozen=True, slots=True)
class PersonPage:
    rows: list[PersonRow]
    next: str  # name after which the next page begins; empty after the last one


@dataclass(frozen=True, slots=True)
class AuditPage:
    entries: list[AuditEntry]
    next: int | None


class _Group(NamedTuple):
    """Corpora that point at the same releases."""

    active: int
    filling: int | None
    previous: int | None
    corpora: int
    photos: int

    @property
    def kept(self) -> set[int]:
        """Releases that all its photos have annotations of."""
        return {release for release in (self.active, self.previous) if release is not None}


def releases() -> list[ReleaseRow]:
    """Return all releases, newest first: four queries."""
    rows = list(Release.objects.select_related("encoder").defer("vocabulary_json"))
    months = MonthCount.objects.filter(owner=OuterRef("owner")).order_by().values("owner")
    live = Coalesce(Subquery(months.annotate(n=Sum("count")).values("n")), 0)
    grouped = Corpus.objects.annotate(photos=live).values_list("active", "filling", "previous")
    groups = [_Group(*group) for group in grouped.annotate(Count("pk"), Sum("photos"))]
    at_work = CorpusRefill.objects.filter(state__in=CorpusRefill.AT_WORK).values_list("refill__release")
    filled = dict(at_work.annotate(n=Sum("done")))
    tags = dict(TagCount.objects.order_by().values_list("release").annotate(n=Sum("count")))
    embedded = _embedded({release.pk: release.encoder_id for release in rows}, groups, filled)
    sharing = Counter(release.encoder_id for release in rows)
    return [
        ReleaseRow(
            release,
            corpora=sum(group.corpora for group in groups if group.active == release.pk),
            photos=sum(group.photos for group in groups if group.active == release.pk),
            leaving=sum(
                group.corpora for group in groups if group.active == release.pk and group.previous is not None
            ),
            way_back=sum(group.corpora for group in groups if group.previous == release.pk),
            filling=sum(group.corpora for group in groups if group.filling == release.pk),
            own_bytes=sizes.annotation_bytes(
                sum(group.photos for group in groups if release.pk in group.kept) + filled.get(release.pk, 0),
                tags.get(release.pk, 0),
            ),
            shared_bytes=_file_bytes(release.encoder.name)
            + sizes.embedding_bytes(embedded[release.encoder_id], release.encoder.dimensions),
            sharing=sharing[release.encoder_id],
        )
        for release in rows
    ]


def _embedded(
    encoders: Mapping[int, int], groups: Collection[_Group], filled: Mapping[int, int]
) -> Counter[int]:
    """Estimate how many photos have an embedding of each encoder: two releases that share it share them."""
    found: Counter[int] = Counter()
    for group in groups:
        for encoder in {encoders[release] for release in group.kept}:
            found[encoder] += group.photos
    for release in {group.filling for group in groups if group.filling is not None}:
        at_it = [group for group in groups if group.filling == release]
        if any(encoders[release] not in {encoders[one] for one in group.kept} for group in at_it):
            found[encoders[release]] += filled.get(release, 0)
    return found


def _file_bytes(encoder: str) -> int:
    spec = ENCODERS.get(encoder)
    path = settings.MODELS_DIR / spec.file_name if spec else None
    return path.stat().st_size if path and path.exists() else 0


def corpora(after: str = "", words: str = "") -> PersonPage:
    """Return a page of people by name, of those whose name contains `words`: three queries."""
    found = Corpus.objects.filter(owner__in=everybody(), owner__username__gt=after)
    if words:
        found = found.filter(owner__username__icontains=words)
    known = found.select_related("owner", "active", "filling", "previous")
    known = known.defer(*(f"{name}__vocabulary_json" for name in ("active", "filling", "previous")))
    rows = list(known.order_by("owner__username")[: PAGE + 1])
    shown = rows[:PAGE]
    owners = [corpus.owner_id for corpus in shown]
    photos = dict(
        MonthCount.objects.filter(owner__in=owners).order_by().values_list("owner").annotate(n=Sum("count"))
    )
    at_work = CorpusRefill.objects.filter(owner__in=owners, state__in=CorpusRefill.AT_WORK)
    refills = {one.owner_id: one for one in at_work.select_related("refill")}
    return PersonPage(
        [PersonRow(one, photos.get(one.owner_id, 0), refills.get(one.owner_id)) for one in shown],
        next=shown[-1].owner.username if len(rows) > PAGE else "",
    )


def audit_trail(before: int | None = None) -> AuditPage:
    """Return a page of who did what, newest first."""
    entries = AuditEntry.objects.select_related("refill", "release").defer("release__vocabulary_json")
    if before is not None:
        entries = entries.filter(pk__lt=before)
    found = list(entries[: PAGE + 1])
    return AuditPage(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)
