"""What an administrator can order. Each order is one transaction with its entry in the audit trail."""

import time
from collections.abc import Iterable
from contextlib import suppress
from math import inf

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from magicroll.models import User
from tagging import pointers
from tagging.models import Corpus, CorpusRefill, Refill, Release
from tagging.refill import audit
from tagging.refill.filling import give_up, switch

State = CorpusRefill.State
RUNNING, PAUSED = Refill.State.RUNNING, Refill.State.PAUSED


class OrderRefused(ValueError):
    """An order that can't be carried out; the message is for the administrator."""


@transaction.atomic
def start(
    by: User | None,
    release: Release,
    users: Iterable[User],
    *,
    scope: str = Refill.Scope.MISSING,
    hold: bool = False,
    priority: int = 0,
) -> Refill:
    """Order a refill of these users' corpora; the work itself begins in the background.

    A corpus that another refill is at keeps to it and waits its turn here. Raises OrderRefused.
    """
    if Release.objects.select_for_update(no_key=True).get(pk=release.pk).withdrawn_at is not None:
        raise OrderRefused(_("This release was withdrawn. Choose another one."))
    owners = list(
        Corpus.objects.filter(owner__in=[user.pk for user in users]).values_list("owner", flat=True)
    )
    if not owners:
        raise OrderRefused(_("Nobody was chosen. Choose at least one person."))
    refill = Refill.objects.create(release=release, scope=scope, hold=hold, priority=priority, created_by=by)
    CorpusRefill.objects.bulk_create([CorpusRefill(refill=refill, owner_id=owner) for owner in owners])
    whom = f"{len(owners)} {'person' if len(owners) == 1 else 'people'}"
    with translation.override("en"):  # the trail is written in one language
        scope = str(refill.get_scope_display())
    audit.record(by, "started", refill=refill, detail=f"{whom}, {scope}")
    return refill


@transaction.atomic
def pause(by: User | None, refill: Refill) -> None:
    """Hand out no more chunks. Raises OrderRefused."""
    _set_state(refill, RUNNING, PAUSED, "It is not running.")
    audit.record(by, "paused", refill=refill)


@transaction.atomic
def resume(by: User | None, refill: Refill) -> None:
    """Go on after a pause. Raises OrderRefused."""
    _set_state(refill, PAUSED, RUNNING, "It is not paused.")
    audit.record(by, "resumed", refill=refill)


def _set_state(refill: Refill, old: str, new: str, otherwise: str) -> None:
    if Refill.objects.filter(pk=refill.pk, state=old).update(state=new) != 1:
        raise OrderRefused(otherwise)


@transaction.atomic
def set_priority(by: User | None, refill: Refill, priority: int) -> None:
    """Let a refill go before others, or after them: higher first."""
    Refill.objects.filter(pk=refill.pk).update(priority=priority)
    audit.record(by, "priority", refill=refill, detail=str(priority))


def cancel(by: User | None, refill: Refill) -> None:
    """Give up what has not switched yet; corpora that have stay on the release. Raises OrderRefused."""
    with transaction.atomic():
        ended = Refill.objects.filter(pk=refill.pk, state__in=(RUNNING, PAUSED)).update(
            state=Refill.State.CANCELLED, ended_at=timezone.now()
        )
        if ended != 1:
            raise OrderRefused(_("It has ended already."))
        audit.record(by, "cancelled", refill=refill)
    for corpus_refill in refill.corpora.filter(state__in=CorpusRefill.OPEN):
        give_up(corpus_refill.pk, State.CANCELLED, *CorpusRefill.OPEN)


def approve(by: User | None, corpus_refill: CorpusRefill) -> None:
    """Let a whole corpus switch. Raises OrderRefused."""
    with transaction.atomic():
        if not switch(corpus_refill.pk, State.WHOLE):
            if not CorpusRefill.objects.filter(pk=corpus_refill.pk, state=State.WHOLE).exists():
                raise OrderRefused(_("It does not wait for approval any more."))
            raise OrderRefused(_("Photos that came just now have to be tagged first. Try again in a moment."))
        audit.record(by, "approved", refill=corpus_refill.refill, owner=corpus_refill.owner)


def approve_all(by: User | None, refill: Refill, until: float = inf) -> int:
    """Let all switch that wait for approval; who has to wait for fresh photos stays. Returns how many did."""
    count = 0
    for corpus_refill in refill.corpora.filter(state=State.WHOLE).select_related("owner", "refill"):
        if time.monotonic() > until:
            break
        with suppress(OrderRefused):
            approve(by, corpus_refill)
            count += 1
    return count


def reject(by: User | None, corpus_refill: CorpusRefill) -> None:
    """Keep a corpus on its release and drop what was filled. Raises OrderRefused."""
    with transaction.atomic():
        if not give_up(corpus_refill.pk, State.REJECTED, State.WHOLE):
            raise OrderRefused(_("It does not wait for approval any more."))
        audit.record(by, "rejected", refill=corpus_refill.refill, owner=corpus_refill.owner)


def roll_back(by: User | None, owner: User, leaving: Release | None = None) -> Release:
    """Take one person's corpus back to its previous release; return that one.

    leaving: the release that it is believed to be on, so that who says it twice does not take it back again.
    Raises OrderRefused.
    """
    with transaction.atomic():
        corpus = Corpus.objects.select_for_update().filter(owner=owner.pk).first()
        if corpus is None:
            raise OrderRefused(_("This account was deleted."))
        left = corpus.active_id
        if leaving is not None and leaving.pk != left:
            raise OrderRefused(_("It is not on this release any more."))
        # What is brought up to date in place would have no release to be of: the filling one is another.
        for mine in CorpusRefill.objects.filter(
            owner=owner, state__in=CorpusRefill.AT_WORK, refill__release=left
        ):
            give_up(mine.pk, State.ROLLED_BACK, *CorpusRefill.AT_WORK)
        try:
            pointers.roll_back(owner.pk)
        except pointers.CannotMove as error:
            raise OrderRefused(str(error)) from error
        release = Corpus.objects.select_related("active").get(owner=owner).active
        CorpusRefill.objects.filter(owner=owner, state=State.DONE, refill__release=left).update(
            state=State.ROLLED_BACK
        )
        audit.record(by, "rolled back", release=release, owner=owner)
        return release


def roll_back_refill(by: User | None, refill: Refill, until: float = inf) -> int:
    """Take back every corpus that this refill switched and that still is on its release; return how many.

    until: of the monotonic clock, in seconds; what is left then takes another order.
    """
    done = refill.corpora.filter(state=State.DONE).select_related("owner").order_by("id")
    return _roll_back_all(by, [one.owner for one in done], refill.release, until)


def roll_back_all(by: User | None, release: Release, until: float = inf) -> int:
    """Take back every corpus that is on a release and has a way back; return how many. until: as above."""
    on_it = Corpus.objects.filter(active=release, previous__isnull=False).select_related("owner")
    return _roll_back_all(by, [corpus.owner for corpus in on_it.order_by("owner")], release, until)


def _roll_back_all(by: User | None, owners: Iterable[User], release: Release, until: float) -> int:
    count = 0
    for owner in owners:
        if time.monotonic() > until:
            break
        with suppress(OrderRefused):  # it left the release already, or has no way back any more
            roll_back(by, owner, release)
            count += 1
    return count


def withdraw(by: User | None, release: Release) -> None:
    """Let no refill begin with a release any more, and cancel those at work with it.

    Corpora that are on it stay, so that nobody loses a tag. Raises OrderRefused.
    """
    with transaction.atomic():
        mine = Release.objects.select_for_update(no_key=True).get(pk=release.pk)
        if mine.is_default:
            raise OrderRefused(_("New people begin with this release. Make another one the default first."))
        mine.withdrawn_at = mine.withdrawn_at or timezone.now()
        mine.save(update_fields=["withdrawn_at"])
        audit.record(by, "withdrawn", release=release)
    for refill in Refill.objects.filter(release=release, state__in=(RUNNING, PAUSED)):
        with suppress(OrderRefused):  # it ended just now
            cancel(by, refill)


@transaction.atomic
def make_default(by: User | None, release: Release) -> None:
    """Let new people begin with this release. Raises OrderRefused."""
    mine = Release.objects.select_for_update(no_key=True).get(pk=release.pk)
    if mine.withdrawn_at is not None:
        raise OrderRefused(_("This release was withdrawn. Choose another one."))
    Release.objects.filter(is_default=True).update(is_default=False)
    Release.objects.filter(pk=release.pk).update(is_default=True)
    audit.record(by, "made default", release=release)
