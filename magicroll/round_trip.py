"""One generated picture through the whole of a running installation, in an account that nobody sees."""

import hashlib
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from PIL import Image, ImageDraw

from magicroll import intake, services
from magicroll.doctor import Check, Fault, Finding, examine
from magicroll.models import Photo, User
from tagging import search
from tagging.releases import NoRelease
from tagging.services import open_corpus

SCRATCH = "~doctor-"  # no form accepts a tilde in a name, so no person can have it
FORGOTTEN_AFTER = timedelta(minutes=15)
POLL_S = 0.05


def round_trip(timeout_s: float) -> Iterator[Finding]:
    """Take every step, report each, and leave nothing behind, whatever happens in between."""
    trip = RoundTrip(timeout_s)
    try:
        yield from examine(trip.checks())
    finally:
        trip.close()


@dataclass(slots=True)
class RoundTrip:
    """The steps, in order; each needs those before it."""

    timeout_s: float
    user: User | None = field(init=False, default=None)
    photo: Photo | None = field(init=False, default=None)
    name: str = field(init=False, default_factory=lambda: f"doctor-{uuid.uuid4().hex}.png")

    def checks(self) -> tuple[Check, ...]:
        return (
            Check("scratch account", self.open),
            Check("photo stored", self.store),
            Check("photo tagged", self.wait_for_tags),
            Check("photo found", self.find),
            Check("photo deleted", self.delete),
            Check("account deleted", self.close),
        )

    def open(self) -> str:
        delete_scratch_accounts(forgotten_for=FORGOTTEN_AFTER)
        try:
            with transaction.atomic():
                user = User(username=f"{SCRATCH}{uuid.uuid4().hex[:12]}", is_active=False)
                user.set_unusable_password()
                user.save()
                open_corpus(user)
        except NoRelease as error:
            raise Fault(str(error), "Run `manage.py install_encoders`.") from error
        self.user = user
        return "made, can't log in"

    def close(self) -> str:
        if self.user is None:
            return "none to delete"
        _delete(self.user)
        self.user = None
        return "with all it held"

    def store(self) -> str:
        with tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR, suffix=".png") as file:
            draw_crossword(Path(file.name))
            content = Path(file.name).read_bytes()
            upload = intake.StoredUpload(file.name, self.name, hashlib.sha256(content).digest(), len(content))
            outcome = intake.store_upload(self._account(), upload)
        if outcome.kind != intake.OutcomeKind.STORED:
            raise Fault(f"The picture was {outcome.kind}: {outcome.message}", "The log says more.")
        self.photo = outcome.photo
        return f"{len(content) / 1000:.0f} kB"

    def wait_for_tags(self) -> str:
        photo = self._stored()
        deadline = time.monotonic() + self.timeout_s
        while (tags := search.photo_tags(search.corpus_of(self._account()), photo)).pending:
            if time.monotonic() > deadline:
                raise Fault(
                    f"No worker answered within {self.timeout_s:.0f} s: is `make run` or a worker running?",
                    "Start one with the same settings, and look at its log.",
                )
            time.sleep(POLL_S)
        if tags.set_aside_reason:
            raise Fault(
                f"The worker set the picture aside: {tags.set_aside_reason}", "The worker's log says more."
            )
        return ", ".join(f"{tag.name} {tag.score:.2f}" for tag in tags.tags) or "no tag is sure enough"

    def find(self) -> str:
        photo, corpus = self._stored(), search.corpus_of(self._account())
        by_name = search.find(corpus, self.name).page.photos
        shelves = search.magic_view(corpus)
        tags = search.photo_tags(corpus, photo).tags
        lists = {"roll": search.roll_page(corpus, None).photos, "search": by_name}
        lists |= {f"Magic View, {tag.name}": search.tag_page(corpus, tag.slug).page.photos for tag in tags}
        missing = [where for where, photos in lists.items() if [found.id for found in photos] != [photo.id]]
        if tags and not shelves:
            missing.append("Magic View")
        if missing:
            raise Fault(f"The picture is not in: {', '.join(missing)}.", "Please report it.")
        return f"in {', '.join(lists)}"

    def delete(self) -> str:
        photo = self._stored()
        services.trash(self._account(), [photo.id])
        services.purge(self._account(), [photo.id])
        if left := [name for name in photo.files if default_storage.exists(name)]:
            raise Fault(f"{len(left)} files are left in the storage.", "May this user delete there?")
        if search.roll_page(search.corpus_of(self._account()), None).photos:
            raise Fault("The picture is still in the roll.", "Please report it.")
        self.photo = None
        return "row and files"

    def _account(self) -> User:
        if self.user is None:
            raise Fault("Not tried: there is no scratch account.", "Mend what failed before it.")
        return self.user

    def _stored(self) -> Photo:
        if self.photo is None:
            raise Fault("Not tried: the step before it failed.", "Mend what failed before it.")
        return self.photo


def delete_scratch_accounts(*, forgotten_for: timedelta) -> None:
    """Delete what an examination left behind that was killed itself."""
    for user in User.objects.filter(
        username__startswith=SCRATCH, date_joined__lt=timezone.now() - forgotten_for
    ):
        _delete(user)


def _delete(user: User) -> None:
    photo_ids = list(Photo.objects.owned_by(user).values_list("id", flat=True))
    services.trash(user, photo_ids)
    services.purge(user, photo_ids)
    user.delete()


def draw_crossword(path: Path, cells: int = 13, cell_px: int = 60) -> None:
    """Draw a picture that the default encoders know: a crossword puzzle."""
    side = cells * cell_px
    picture = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(picture)
    for row in range(cells):
        for column in range(cells):
            box = (column * cell_px, row * cell_px, (column + 1) * cell_px, (row + 1) * cell_px)
            black = (row % 2 == 1 and column % 2 == 1) or (row * 7 + column * 5) % 11 == 0
            pen.rectangle(box, fill="black" if black else "white", outline="black", width=3)
    picture.save(path)
