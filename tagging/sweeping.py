"""Each minute: find what lost hints left undone. Corpora that stand still cost one row."""

import logging

from django.db.models import F, Q
from django.utils import timezone

from tagging import outstanding, snapshots
from tagging.models import Corpus, Outstanding

logger = logging.getLogger(__name__)


def sweep_changed() -> list[int]:
    """Hold changed corpora against the ledger; return owners whose index is worth compacting."""
    due = []
    for corpus in Corpus.objects.select_related("active__encoder").filter(~Q(swept_version=F("version"))):
        try:
            outstanding.reconcile(corpus)
            if snapshots.is_due(corpus):
                due.append(corpus.owner_id)
        except Exception:  # one corpus must not stop the sweep of the others; its turn comes again
            logger.exception("sweep failed", extra={"owner": corpus.owner_id})
            continue
        Corpus.objects.filter(pk=corpus.pk).update(swept_version=corpus.version)
    return due


def owners_with_work() -> list[int]:
    """Return the owners of photos that nobody is at."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
    work = Outstanding.objects.filter(free, set_aside_reason="")
    return list(work.order_by().values_list("owner", flat=True).distinct())


def compact(owner_id: int) -> None:
    """Compact the index of one corpus, unless somebody has done so or the account is gone."""
    corpus = Corpus.objects.select_related("active__encoder").filter(owner=owner_id).first()
    if corpus is not None and snapshots.is_due(corpus):
        snapshots.compact(corpus)


def is_due(owner_id: int) -> bool:
    """Tell whether a corpus's index is worth compacting now."""
    corpus = Corpus.objects.select_related("active__encoder").filter(owner=owner_id).first()
    return corpus is not None and snapshots.is_due(corpus)
