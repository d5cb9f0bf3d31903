"""Order refills, watch them, approve them, take them back: all that the pages about models can do."""

from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from magicroll.models import User
from tagging.management import refills
from tagging.management.answers import Answer, as_json, as_text
from tagging.models import Refill
from tagging.refill.choice import UnknownPeople
from tagging.refill.orders import OrderRefused

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Subparsers = _SubParsersAction[CommandParser]
Act = Callable[[User | None, dict[str, Any]], Answer]
REFUSALS = (OrderRefused, UnknownPeople)


class Command(BaseCommand):
    help = "Re-tag people's photos with another release in the background: order, watch, approve, take back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.set_defaults(json=False, by=None)
        orders = parser.add_subparsers(dest="order", required=True, metavar="ORDER")
        _add_start(orders)
        _add_questions(orders)
        _add_refill_orders(orders)
        _add_release_orders(orders)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = options["act"](_administrator(options["by"]), options)
        except REFUSALS as refused:
            raise CommandError(str(refused)) from refused
        text = as_json(answer) if options["json"] else as_text(answer)
        if text:
            self.stdout.write(text)


def _administrator(name: str | None) -> User | None:
    if name is None:
        return None
    user = User.objects.filter(username=name, is_staff=True).first()
    if user is None:
        raise UnknownPeople(f"No administrator is called {name}.")
    return user


def _add(orders: "Subparsers", name: str, words: str, act: Act) -> ArgumentParser:
    parser: ArgumentParser = orders.add_parser(name, help=words, description=words)
    parser.set_defaults(act=act)
    parser.add_argument(
        "--json", action="store_true", default=SUPPRESS, help="print one JSON object instead of a table"
    )
    parser.add_argument(
        "--by", metavar="NAME", default=SUPPRESS, help="the administrator that the audit trail names"
    )
    return parser


def _add_start(orders: "Subparsers") -> None:
    start = _add(orders, "start", "bring people to a release", refills.start)
    whom = start.add_mutually_exclusive_group(required=True)
    whom.add_argument("--user", action="append", metavar="NAME", help="one person; may be repeated")
    whom.add_argument("--all", action="store_true", help="everybody")
    whom.add_argument("--share", type=float, metavar="PERCENT", help="a canary: always the same people")
    start.add_argument("--release", required=True, help="its name, or how the name begins")
    start.add_argument("--scope", choices=Refill.Scope.values, default=Refill.Scope.MISSING)
    start.add_argument("--hold", action="store_true", help="wait for approval before anybody sees it")
    start.add_argument("--priority", type=int, default=0, choices=range(-100, 101), metavar="N")
    start.add_argument("--dry-run", action="store_true", help="say what it would do, and order nothing")


def _add_questions(orders: "Subparsers") -> None:
    every = _add(orders, "list", "refills under way", refills.list_)
    every.add_argument("--all", action="store_true", help="those that have ended too")
    every.add_argument("--limit", type=int, default=50)
    show = _add(orders, "show", "how far a refill is, person by person", refills.show)
    show.add_argument("id", type=int)
    show.add_argument("--limit", type=int, default=50, help="people that are listed (default: %(default)s)")
    failed = _add(orders, "failed", "photos that a release could not see, and why", refills.failed)
    failed.add_argument("id", type=int)
    report = _add(orders, "report", "old and new for somebody, before an approval", refills.report)
    _of_refill(report)
    report.add_argument("--limit", type=int, default=50, help="tags that are listed (default: %(default)s)")
    _add(orders, "releases", "releases, and what hangs on them", refills.releases)
    people = _add(orders, "people", "who is on which release, and their way back", refills.people)
    people.add_argument("--name", default="", help="part of a name")
    people.add_argument("--after", default="", help="begin after this name")
    trail = _add(orders, "audit", "who did what, newest first", refills.audit)
    trail.add_argument("--before", type=int, help="begin before this entry")


def _of_refill(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, help="of the refill")
    parser.add_argument("--user", action="append", metavar="NAME", help="may be repeated (default: all)")


def _add_refill_orders(orders: "Subparsers") -> None:
    for name, words, act in (
        ("pause", "hand out no more photos", refills.pause),
        ("resume", "go on after a pause", refills.resume),
        ("cancel", "give up what has not switched yet", refills.cancel),
    ):
        _add(orders, name, words, act).add_argument("id", type=int)
    priority = _add(orders, "priority", "let a refill go before others, or after them", refills.priority)
    priority.add_argument("id", type=int)
    priority.add_argument(
        "priority", type=int, choices=range(-100, 101), metavar="N", help="higher goes first"
    )
    for name, words, act in (
        ("approve", "let those who wait for approval switch", refills.approve),
        ("reject", "let those who wait for approval keep their release", refills.reject),
        ("retry", "try failed photos again", refills.retry),
    ):
        _of_refill(_add(orders, name, words, act))
    back = _add(orders, "roll-back", "take people back to the release before", refills.roll_back)
    whom = back.add_mutually_exclusive_group(required=True)
    whom.add_argument("--user", action="append", metavar="NAME", help="one person; may be repeated")
    whom.add_argument("--refill", type=int, metavar="ID", help="everybody whom this refill switched")
    whom.add_argument("--release", help="everybody who is on this release")


def _add_release_orders(orders: "Subparsers") -> None:
    for name, words, act in (
        ("withdraw", "let no refill begin with a release any more", refills.withdraw),
        ("default", "let new people begin with a release", refills.default),
    ):
        _add(orders, name, words, act).add_argument("release", help="its name, or how the name begins")
