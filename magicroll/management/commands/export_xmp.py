"""Write what somebody said about their photos as .xmp sidecars into a folder."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from magicroll.exporting import Exported, Written, exported, write_original, write_sidecar
from magicroll.importing import own_folders
from magicroll.models import Photo, User

NAMES_SHOWN = 3


class Command(BaseCommand):
    help = (
        "Write the tags that an account added and rejected, its favourites and dates as XMP sidecars: "
        "FOLDER/2024/06/IMG_0001.jpg.xmp. Other programs read them, and import_photos reads them back. The "
        "same command goes on after a stop and writes only what changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="name of the account")
        parser.add_argument("folder", type=Path, help="folder to write to; it is made if it is not there")
        parser.add_argument(
            "--with-originals", action="store_true", help="also copy the original of every photo, beside it"
        )
        parser.add_argument(
            "--force", action="store_true", help="replace files that something else wrote or changed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username__iexact=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no account “{options['user']}”.")
        top: Path = options["folder"]
        _check(top)
        summary = Summary()
        try:
            top.mkdir(parents=True, exist_ok=True)
            _export(user, top, summary, originals=options["with_originals"], force=options["force"])
        except OSError as error:
            reason = error.strerror or error
            raise CommandError(
                f"Could not write below {top}: {reason}. What was written stays; the same command goes on."
            ) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. The same command goes on from here.") from None
        finally:
            for line in summary.lines():
                self.stdout.write(line)


def _check(top: Path) -> None:
    if top.exists() and not top.is_dir():
        raise CommandError(f"{top} is a file. Name a folder.")
    if any(top.resolve().is_relative_to(own.resolve()) for own in own_folders()):
        raise CommandError(f"{top} belongs to Magic Roll itself. Name another folder.")


def _export(user: User, top: Path, summary: "Summary", *, originals: bool, force: bool) -> None:
    total = Photo.objects.owned_by(user).filter(trashed_at=None).count()
    # disable=None: no bar where nobody watches
    for item in tqdm(exported(user), total=total, unit=" photos", disable=None, dynamic_ncols=True):
        if originals:
            summary.add("originals", write_original(item, top, force=force), item)
        summary.add("sidecars", write_sidecar(item, top, force=force), item)


@dataclass(slots=True)
class Summary:
    """What became of the files, with the first names where a person may have to do something."""

    counts: Counter[tuple[str, Written]] = field(default_factory=Counter)
    names: dict[tuple[str, Written], list[str]] = field(default_factory=dict)

    def add(self, what: str, written: Written, item: Exported) -> None:
        self.counts[what, written] += 1
        if written in (Written.FOREIGN, Written.MISSING):
            names = self.names.setdefault((what, written), [])
            if len(names) < NAMES_SHOWN:
                names.append(str(item.sidecar_path if what == "sidecars" else item.path))

    def lines(self) -> Iterator[str]:
        """Write it down: files by kind and by what became of them."""
        if not self.counts:
            yield "No photos to write about."
        for (what, written), count in sorted(self.counts.items()):
            yield f"{f'{what} {written}'.capitalize():<34} {count:>9,}"
            if names := self.names.get((what, written)):
                more = f" and {count - len(names):,} more" if count > len(names) else ""
                yield f"    {', '.join(names)}{more}"
                yield f"    {_ADVICE[written]}"


_ADVICE = {
    Written.FOREIGN: "Something else wrote or changed these. --force replaces them.",
    Written.MISSING: "The storage has no file for these. Bring it back from a backup.",
}
