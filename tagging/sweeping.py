"""Each minute: find what lost hints left undone. Corpora that stand still cost one row."""

import logging

from django.db.models import F, Q

from tagging import learning, outstanding, snapshots
from tagging.models import Corpus, Outstanding

logger = logging.getLogger(__name__)


def sweep_changed() -> list[int]:
    """Hold changed corpora against the ledger; return owners whose index is worth compacting."""
    due = []
    for corpus in Corpus.objects.select_related("active__encoder").filter(~Q(swept_version=F("version"))):
        try:
            outstanding.reconcile(corpus)
            learning.learn(corpus.owner_id)
            if _wants_index(corpus):
                due.append(corpus.owner_id)
        except Exception:  # one corpus must not stop the sweep of the others; its turn comes again
            logger.exception("sweep failed", extra={"owner": corpus.owner_id})
            continue
        Corpus.objects.filter(pk=corpus.pk).update(swept_version=corpus.version)
    return due


def owners_with_work() -> list[int]:
    """Return the owners of photos that nobody is at."""
    work = Outstanding.objects.filter(outstanding.free())
    return list(work.order_by().values_list("owner", flat=True).distinct())


def compact(owner_id: int) -> None:
    """Compact the index of one corpus, unless somebody has done so or the account is gone."""
    corpus = Corpus.objects.select_related("active__encoder").filter(owner=owner_id).first()
    if corpus is not None and _wants_index(corpus):
        snapshots.compact(corpus, corpus.active.encoder)


def is_due(owner_id: int) -> bool:
    """Tell whether a corpus's index is worth compacting now."""
    corpus = Corpus.objects.select_related("active__encoder").filter(owner=owner_id).first()
    return corpus is not None and _wants_index(corpus)


def owners_turning() -> list[int]:
    """Return the owners of corpora whose automatic tags are on their way off, or on."""
    turning = (Corpus.Automatic.ENDING, Corpus.Automatic.BEGINNING)
    return list(Corpus.objects.filter(automatic__in=turning).values_list("owner", flat=True))


def bring_back(owner_id: int) -> None:
    """Note all photos of a corpus whose automatic tags were turned on again as outstanding work."""
    corpus = Corpus.objects.filter(owner=owner_id).first()
    if corpus is not None:
        outstanding.reconcile(corpus)


def _wants_index(corpus: Corpus) -> bool:
    """Tell whether compacting is worth it; not while what was computed is being removed."""
    return corpus.automatic == Corpus.Automatic.ON and snapshots.is_due(corpus, corpus.active.encoder)
