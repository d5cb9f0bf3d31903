"""Import folder trees into somebody's roll."""

import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from magicroll.importing import Report, Result, Walk, clean_name, find_files, import_files, own_folders
from magicroll.models import User
from tagging.releases import NoRelease
from tagging.services import open_corpus

NAMES_SHOWN = 3
ACCOUNTS_SHOWN = 10
SAME_WISH_S = 1.0
SHOWN = (Result.IMPORTED, Result.ALREADY_THERE, Result.RESTORED)
EXPLAINED = (Result.SET_ASIDE, Result.REFUSED, Result.UNREADABLE)


class Command(BaseCommand):
    help = (
        "Import folders of photos into an account's roll. What is there already is skipped, so the same "
        "command goes on after a stop and brings what is new. Google Takeout's JSON files are read, and "
        "the keywords of .xmp files."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="name of the account")
        parser.add_argument("folder", nargs="+", type=Path, help="folder (with all below it) or file")

    def handle(self, *args: Any, **options: Any) -> None:
        user = _user(options["user"])
        _check(options["folder"])
        walk = find_files(options["folder"])
        summary = Summary()
        with _stopping() as stop:
            try:
                self._import(user, walk, summary, stop)
            finally:
                for line in summary.lines():
                    self.stdout.write(line)
        if stop.asked:
            self.stdout.write("Stopped. The same command goes on from here.")
        if summary.nothing_was_readable:
            sys.exit(1)

    def _import(self, user: User, walk: Walk, summary: "Summary", stop: "Stop") -> None:
        for report in walk.unreadable:
            summary.add(report)
        # disable=None: no bar where nobody watches
        with tqdm(total=len(walk.files), unit=" files", disable=None, dynamic_ncols=True) as bar:
            for report in import_files(user, walk.files, lambda: stop.asked):
                summary.add(report)
                bar.update()
                bar.set_postfix(imported=summary.counts[Result.IMPORTED], refresh=False)


def _user(name: str) -> User:
    user = User.objects.filter(username__iexact=name).first()
    if user is None:
        names = User.objects.filter(is_active=True).order_by("username").values_list("username", flat=True)
        known = ", ".join(names[:ACCOUNTS_SHOWN]) or "none; make one in the browser first"
        raise CommandError(f"There is no account “{name}”. Accounts: {known}.")
    try:
        open_corpus(user)
    except NoRelease as error:
        raise CommandError(str(error)) from error
    return user


def _check(folders: list[Path]) -> None:
    for folder in folders:
        if not folder.exists():
            raise CommandError(f"There is no folder or file {_printable(str(folder))}.")
        real = folder.resolve()
        if any(real.is_relative_to(own.resolve()) for own in own_folders()):
            raise CommandError(f"{_printable(str(folder))} belongs to Magic Roll itself.")


@dataclass(slots=True)
class Stop:
    """A wish to stop, and when (monotonic seconds) it was first uttered."""

    asked_at: float | None = None

    @property
    def asked(self) -> bool:
        return self.asked_at is not None


@contextmanager
def _stopping() -> Iterator[Stop]:
    """Turn Ctrl-C (or SIGTERM) into a wish to stop; once more, and it stops at once.

    One key press may arrive twice, from the terminal and from what started us: that is one wish.
    """
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked_at is None:
            stop.asked_at = time.monotonic()
            tqdm.write("Stopping after the photos in hand …", file=sys.stderr)
        elif time.monotonic() - stop.asked_at > SAME_WISH_S:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(slots=True)
class Why:
    """How often one reason was given, and the first names."""

    count: int = 0
    names: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Summary:
    """What became of everything, by result and by reason."""

    counts: Counter[Result] = field(default_factory=Counter)
    reasons: dict[Result, dict[str, Why]] = field(
        default_factory=lambda: {result: {} for result in EXPLAINED}
    )
    sidecars_read: set[Path] = field(default_factory=set)

    def add(self, report: Report) -> None:
        self.counts[report.result] += 1
        self.sidecars_read.update(report.sidecars)
        if report.result in EXPLAINED:
            why = self.reasons[report.result].setdefault(report.message, Why())
            why.count += 1
            if len(why.names) < NAMES_SHOWN:
                why.names.append(_printable(clean_name(report.path)))

    @property
    def nothing_was_readable(self) -> bool:
        unreadable = self.counts[Result.UNREADABLE]
        return unreadable > 0 and unreadable == self.counts.total()

    def lines(self) -> Iterator[str]:
        """Write it down: what there always is, then what went wrong, with reasons."""
        if not self.counts:
            yield "No files found."
            return
        for result in SHOWN:
            if self.counts[result] or result == Result.IMPORTED:
                yield _line(str(result), self.counts[result])
        if sidecars := self.counts[Result.SIDECAR]:
            read = len(self.sidecars_read)
            yield f"{_line('sidecar files', sidecars)}  ({read:,} read, {sidecars - read:,} ignored)"
        for result in EXPLAINED:
            if self.counts[result]:
                yield _line(str(result), self.counts[result])
            for message, why in sorted(self.reasons[result].items(), key=lambda item: -item[1].count):
                more = f" and {why.count - len(why.names):,} more" if why.count > len(why.names) else ""
                yield f"    {message}"
                yield f"        {', '.join(why.names)}{more}"


def _line(words: str, count: int) -> str:
    return f"{words.capitalize():<20} {count:>9,}"


def _printable(name: str) -> str:
    """Keep a file's name from telling the terminal what to do."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name)
