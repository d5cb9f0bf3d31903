"""What a person changed about a release's tags: some muted, some thresholds of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import F, FloatField, Value
from django.db.models.functions import Cast

from tagging.combine import Hierarchy, unpack
from tagging.models import LearnedThreshold, TagChoice
from tagging.releases import release_tags
from tagging.thresholds import moved

_LEARNED = "learned"


@dataclass(frozen=True)
class Rules:
    """One person's wishes as they apply to one release, by tag id.

    muted: tags and categories that nothing shows, narrower ones and those in them included; own: thresholds that
    take the place of the release's; shipped: the release's, of the tags that it shows.
    """

    hierarchy: Hierarchy
    muted: frozenset[int] = frozenset()
    own: Mapping[int, float] = field(default_factory=dict)
    shipped: Mapping[int, float] = field(default_factory=dict)

    def said(
        self,
        tag_ids: bytes | memoryview,
        scores: bytes | memoryview,
        faint_ids: bytes | memoryview,
        faint_scores: bytes | memoryview,
    ) -> dict[int, float]:
        """Return what an annotation says with these thresholds: tag id -> score, before verdicts and mutes.

        A tag whose threshold was raised goes, and takes along parents that were there for it alone; the Combiner
        brings them back where another tag has them.
        """
        said = unpack(tag_ids, scores)
        if not self.own:
            return said
        gone = [tag for tag in self.own.keys() & said.keys() if said[tag] < self.own[tag]]
        for tag in gone:
            del said[tag]
        for parent in {above for tag in gone for above in self.hierarchy.ancestors(tag)} & said.keys():
            if said[parent] < self.own.get(parent, self.shipped.get(parent, 0.0)):
                del said[parent]
        for tag, score in unpack(faint_ids, faint_scores).items():
            if score >= self.own.get(tag, 1.1):
                said[tag] = score
        return said

    def mutes(self, tag_id: int) -> bool:
        """Tell whether a tag, a wider one or its category was muted; a person's own tags are known by category."""
        return tag_id in self.muted or self.hierarchy.category(tag_id) in self.muted

    @cached_property
    def touched(self) -> frozenset[int]:
        """Tags about which these rules may say anything else than the release does."""
        return self.muted | self.own.keys()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person wants of tags: tag ids, and offsets of thresholds in log-odds."""

    muted: frozenset[int] = frozenset()
    hidden: frozenset[int] = frozenset()
    offsets: Mapping[int, float] = field(default_factory=dict)

    def rules(self, release_id: int) -> Rules:
        """Apply them to a release."""
        tags = release_tags(release_id)
        own = {
            tag: moved(tags.thresholds[tag], offset)
            for tag, offset in self.offsets.items()
            if tag in tags.thresholds
        }
        return Rules(tags.hierarchy, tags.hierarchy.within(self.muted), own, tags.thresholds)


def wishes_of(owner_id: int) -> Wishes:
    """Read what a person wants of tags: one query."""
    chosen = TagChoice.objects.filter(owner=owner_id).annotate(offset=Value(0.0, FloatField()))
    learned = LearnedThreshold.objects.filter(owner=owner_id, ignored=False).exclude(offset=0.0)
    rows = chosen.values_list("tag_id", "kind", "offset").union(
        learned.values_list("tag_id", Value(_LEARNED), Cast(F("offset"), FloatField())), all=True
    )
    found: dict[str, dict[int, float]] = {}
    for tag_id, kind, offset in rows:
        found.setdefault(kind, {})[tag_id] = offset
    return Wishes(
        muted=frozenset([*found.get(TagChoice.Kind.MUTED, ()), *found.get(TagChoice.Kind.FORGOTTEN, ())]),
        hidden=frozenset(found.get(TagChoice.Kind.HIDDEN, ())),
        offsets=found.get(_LEARNED, {}),
    )
