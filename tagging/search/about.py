"""Which release tags somebody's photos, and how far another one is, for its owner to see."""

from dataclasses import dataclass

from tagging.models import Annotation, Corpus, CorpusRefill, Outstanding, Release, Stream


@dataclass(frozen=True, slots=True)
class RefillLine:
    """A refill that is at a corpus now; newer: the release was made after the one that readers see."""

    newer: bool
    done: int
    total: int

    @property
    def percent(self) -> int:
        return min(99, self.done * 100 // self.total) if self.total else 0


@dataclass(frozen=True, slots=True)
class About:
    """What tags a person's photos; carried: photos with tags from the release before, which this one can't see."""

    release: Release
    annotated: int
    carried: int
    outstanding: int
    refill: RefillLine | None


def refill_of(corpus: Corpus) -> RefillLine | None:
    """Return the refill that looks at this corpus's photos now; no query while no release is filled."""
    if corpus.filling_id is None:
        return None
    mine = CorpusRefill.objects.filter(owner=corpus.owner_id, state=CorpusRefill.State.FILLING)
    numbers = mine.values_list("done", "total").first()
    return RefillLine(corpus.filling_id > corpus.active_id, *numbers) if numbers else None


def about(corpus: Corpus) -> About:
    """Return what tags this person's photos."""
    said = Annotation.objects.seen_in(corpus)
    waiting = Outstanding.objects.filter(owner=corpus.owner_id, release=corpus.active_id)
    carried = said.filter(stream=Stream.CARRIED).count()
    return About(
        release=corpus.active,
        annotated=said.count() - carried,
        carried=carried,
        outstanding=waiting.filter(set_aside_reason="").count(),
        refill=refill_of(corpus),
    )
