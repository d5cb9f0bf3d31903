"""The orders and questions of `manage.py refill`: options in, an answer out."""

from collections.abc import Iterator
from typing import Any

from magicroll.models import User
from tagging import tasks
from tagging.management.answers import Answer
from tagging.models import CorpusRefill, Refill, Release
from tagging.refill import audit as trail
from tagging.refill import choice, failures, orders, progress
from tagging.refill import releases as reading
from tagging.refill.orders import OrderRefused
from tagging.refill.plan import Plan, plan
from tagging.refill.report import NothingToCompare
from tagging.refill.report import report as compare
from tagging.services import retry as try_again

Options = dict[str, Any]
_BAR = ("done", "failed", "to_go", "redone", "photos_per_s", "seconds_left")


def start(by: User | None, options: Options) -> Answer:
    release, users = _release(options["release"]), _users(options)
    if options["dry_run"]:
        return _planned(plan(release, [user.pk for user in users], options["scope"]))
    refill = orders.start(
        by, release, users, scope=options["scope"], hold=options["hold"], priority=options["priority"]
    )
    tasks.hint_refill()
    return Answer([f"Refill {refill.pk} has begun: {refill.corpora.count():,} people to {release.name}."])


def _planned(said: Plan) -> Answer:
    time = "not measured yet" if said.seconds is None else f"about {said.seconds:,.0f} s for one worker"
    words = [
        f"{len(said.people):,} people, {said.photos:,} photos: {said.stored:,} from stored embeddings, "
        f"{said.opened:,} images to open.",
        f"Time: {time}. More disk: about {said.extra_bytes / 1e6:,.1f} MB.",
    ]
    if said.waiting:
        words.append(f"At {said.waiting:,} of them another refill is at work; their turn comes after it.")
    if said.on_it:
        words.append(f"{said.on_it:,} are on this release already: only what is missing there is done.")
    return Answer(
        words,
        ("person", "photos", "images_to_open", "on_it", "waits"),
        [(one.name, one.photos, one.opened, _yes(one.on_it), _yes(one.waits)) for one in said.people],
    )


def list_(by: User | None, options: Options) -> Answer:
    refills = Refill.objects.select_related("release").defer("release__vocabulary_json")
    if not options["all"]:
        refills = refills.filter(state__in=(Refill.State.RUNNING, Refill.State.PAUSED))
    shown = progress.summaries(list(refills[: options["limit"]]))
    rows = [
        (
            *(one.refill.pk, one.refill.get_state_display(), one.refill.release.name, one.everybody),
            *(one.bar.done, one.bar.failed, one.bar.to_go, one.bar.redone),
            *(one.bar.photos_per_s, one.bar.seconds_left, one.refill.priority),
        )
        for one in shown
    ]
    return Answer(
        [] if rows else ["No refill is under way."],
        ("refill", "state", "release", "people", *_BAR, "priority"),
        rows,
    )


def show(by: User | None, options: Options) -> Answer:
    refill = _refill(options["id"])
    one = progress.summary(refill)
    states = ", ".join(f"{count:,} {label}" for label, count in one.states)
    words = [
        f"Refill {refill.pk} to {refill.release.name}: {refill.get_state_display()}, "
        f"{refill.get_scope_display()}{', waits for approval' if refill.hold else ''}.",
        f"{one.bar.done:,} done, {one.bar.failed:,} failed, {one.bar.to_go:,} to go. {states}.",
    ]
    rows = [
        (
            *(person.corpus.owner.username, person.corpus.get_state_display()),
            *(person.bar.done, person.bar.failed, person.bar.to_go, person.bar.redone),
            *(person.bar.photos_per_s, person.bar.seconds_left),
            *(person.way_back_until, person.note),
        )
        for person in _everybody(refill, options["limit"])
    ]
    return Answer(words, ("person", "state", *_BAR, "way_back_until", "note"), rows)


def _everybody(refill: Refill, limit: int) -> Iterator[progress.Person]:
    after: str | None = None
    while limit > 0:
        page = progress.people(refill, after)
        yield from page.rows[:limit]
        limit -= len(page.rows)
        after = page.next
        if not after:
            return


def pause(by: User | None, options: Options) -> Answer:
    orders.pause(by, _refill(options["id"]))
    return Answer(["Paused. What is tagged so far is kept."])


def resume(by: User | None, options: Options) -> Answer:
    orders.resume(by, _refill(options["id"]))
    tasks.hint_refill()
    return Answer(["It goes on."])


def cancel(by: User | None, options: Options) -> Answer:
    orders.cancel(by, _refill(options["id"]))
    return Answer(["Cancelled. Everybody stays on the release that they see now."])


def priority(by: User | None, options: Options) -> Answer:
    orders.set_priority(by, _refill(options["id"]), options["priority"])
    return Answer([f"Its priority is {options['priority']} now."])


def report(by: User | None, options: Options) -> Answer:
    corpus = _corpora(options, "whole", "filling")[0]
    try:
        said = compare(corpus)
    except NothingToCompare as error:
        raise OrderRefused("There is nothing to compare any more.") from error
    judged = said.verdicts
    words = [
        f"{corpus.owner.username}: {said.old} -> {said.new}, {said.photos:,} photos.",
        f"Agreement {said.percent} % over {said.compared:,} photos, {said.same:,} of them unchanged. "
        f"{said.unseen:,} could not be seen.",
        f"Added tags: {judged.added:,}, found by the old {judged.added_old:,}, by the new {judged.added_new:,}. "
        f"Rejected: {judged.rejected:,}, said by the old {judged.rejected_old:,}, by the new {judged.rejected_new:,}.",
    ]
    rows = [(one.name, one.old, one.new, one.difference) for one in said.tags[: options["limit"]]]
    return Answer(words, ("tag", "old", "new", "difference"), rows)


def approve(by: User | None, options: Options) -> Answer:
    waiting = _corpora(options, "whole")
    refused = []
    for corpus in waiting:
        try:
            orders.approve(by, corpus)
        except OrderRefused as error:
            refused.append(f"{corpus.owner.username}: {error}")
    return Answer([f"{len(waiting) - len(refused):,} switched.", *refused])


def reject(by: User | None, options: Options) -> Answer:
    waiting = _corpora(options, "whole")
    for corpus in waiting:
        orders.reject(by, corpus)
    return Answer([f"{len(waiting):,} keep the release they have."])


def roll_back(by: User | None, options: Options) -> Answer:
    if options["refill"]:
        count = orders.roll_back_refill(by, _refill(options["refill"]))
    elif options["release"]:
        count = orders.roll_back_all(by, _release(options["release"]))
    else:
        users = choice.named(options["user"])
        for user in users:
            orders.roll_back(by, user)
        count = len(users)
    return Answer([f"{count:,} on the release before again."])


def failed(by: User | None, options: Options) -> Answer:
    rows = [(one.name, one.count, one.reason) for one in failures.failed(_refill(options["id"]))]
    return Answer([] if rows else ["No photo has failed."], ("person", "photos", "reason"), rows)


def retry(by: User | None, options: Options) -> Answer:
    refill = _refill(options["id"])
    users = choice.named(options["user"]) if options["user"] else [None]
    count = 0
    for user in users:
        for owner_id, ids in failures.failed_photos(refill, user.pk if user else None).items():
            try_again(owner_id, ids)
            tasks.hint(owner_id)
            count += len(ids)
    trail.record(by, "tried again", refill=refill, detail=f"{count} photos")
    return Answer([f"{count:,} photos will be tried again."])


def withdraw(by: User | None, options: Options) -> Answer:
    release = _release(options["release"])
    orders.withdraw(by, release)
    return Answer([f"{release.name} is withdrawn: no refill begins with it any more."])


def default(by: User | None, options: Options) -> Answer:
    release = _release(options["release"])
    orders.make_default(by, release)
    return Answer([f"New people begin with {release.name}."])


def releases(by: User | None, options: Options) -> Answer:
    rows = [
        (
            *(row.release.pk, row.release.name, _state(row.release), row.release.encoder.name),
            *(row.release.encoder.dimensions, row.release.vocabulary),
            *(row.release.encoder.licence, row.release.encoder.training_data),
            *(row.corpora, row.photos, row.filling, row.way_back, row.own_bytes, row.shared_bytes),
        )
        for row in reading.releases()
    ]
    facts = ("id", "release", "state", "encoder", "dimensions", "vocabulary", "licence", "trained_on")
    return Answer([], (*facts, "people", "photos", "filling", "way_back", "bytes", "shared_bytes"), rows)


def people(by: User | None, options: Options) -> Answer:
    page = reading.corpora(options["after"], options["name"])
    rows = [
        (
            *(row.corpus.owner.username, row.photos, row.corpus.active.name),
            row.corpus.previous.name if row.corpus.previous else None,
            row.corpus.previous_until,
            row.refill.refill_id if row.refill else None,
        )
        for row in page.rows
    ]
    words = [f"More: --after {page.next}"] if page.next else []
    return Answer(words, ("person", "photos", "release", "way_back", "until", "refill"), rows)


def audit(by: User | None, options: Options) -> Answer:
    page = reading.audit_trail(options["before"])
    rows = [
        (
            *(entry.pk, entry.at, entry.by_name or "Magic Roll", entry.action, entry.refill_id),
            *(entry.release.name if entry.release else None, entry.owner_name, entry.detail),
        )
        for entry in page.entries
    ]
    words = [f"Earlier: --before {page.next}"] if page.next else []
    return Answer(words, ("entry", "at", "by", "did", "refill", "release", "person", "detail"), rows)


def _state(release: Release) -> str:
    if release.withdrawn_at:
        return "withdrawn"
    return "default" if release.is_default else ""


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _refill(pk: int) -> Refill:
    known = Refill.objects.select_related("release__encoder").defer("release__vocabulary_json")
    found = known.filter(pk=pk).first()
    if found is None:
        raise OrderRefused(f"There is no refill {pk}.")
    return found


def _release(text: str) -> Release:
    """Return a release by its name, the beginning of it where that is enough, or its number."""
    known = Release.objects.select_related("encoder").defer("vocabulary_json")
    found = known.filter(name=text) or known.filter(name__startswith=text)
    if text.isdecimal():
        found = known.filter(pk=int(text[:18]))
    if len(found) != 1:
        names = ", ".join(known.values_list("name", flat=True))
        raise OrderRefused(
            f"{'Several releases begin' if found else 'No release begins'} with {text}: {names}."
        )
    return found[0]


def _users(options: Options) -> list[User]:
    if options["all"]:
        return list(choice.everybody())
    if options["share"] is not None:
        if not 0 < options["share"] <= 100:
            raise OrderRefused("A share is more than 0 and at most 100 percent.")
        return choice.share(options["share"])
    return choice.named(options["user"])


def _corpora(options: Options, *states: str) -> list[CorpusRefill]:
    """Return the people named of a refill, or all of it in these states."""
    rows = _refill(options["id"]).corpora.select_related("owner", "refill__release").filter(state__in=states)
    if options["user"]:
        rows = rows.filter(owner__in=choice.named(options["user"]))
    found = list(rows.order_by("id"))
    if not found:
        raise OrderRefused("Nobody of this refill waits for approval.")
    return found
