"""Taking files in: stored, recognised, refused for a reason, or set aside."""

import atexit
import logging
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext

from magicroll import services, storage
from magicroll.imaging.dates import Witnesses, choose_taken
from magicroll.imaging.decoder import DecoderFailed, DecoderPool
from magicroll.imaging.keywords import Keywords, merged
from magicroll.imaging.picture import (
    PREVIEW_NAME,
    THUMB_NAME,
    ImageRefused,
    Limits,
    Picture,
    refuse_bytes,
    refuse_empty,
)
from magicroll.imaging.sniff import HEAD_BYTES, sniff
from magicroll.imaging.takeout import Sidecar
from magicroll.imaging.wording import N_
from magicroll.language import in_words
from magicroll.models import Photo, TakenFrom, User, search_text
from tagging import services as tagging
from tagging import tasks
from tagging.services import Change, corpus_change

logger = logging.getLogger(__name__)

SET_ASIDE = {
    "timeout": N_("Reading this picture took too long. The original is kept."),
    "memory": N_("Reading this picture took too much memory. The original is kept."),
    "crash": N_("Reading this picture crashed the decoder. The original is kept."),
}


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """A received file: a local path, the name it came with, SHA-256, size in bytes, its own date if known."""

    path: str
    name: str
    sha256: bytes
    size: int
    modified_at: datetime | None = None


class StaleRetry(Exception):
    """The photo was read, or deleted, by somebody else meanwhile."""


class OutcomeKind(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file, with a message for the person."""

    kind: OutcomeKind
    photo: Photo | None
    message: str


@cache
def decoders() -> DecoderPool:
    """Return this process's decoders: child processes with limits on time and memory."""
    pool = DecoderPool(
        settings.DECODERS,
        _limits(),
        timeout_s=settings.DECODER_TIMEOUT_S,
        memory_bytes=settings.DECODER_MEMORY_BYTES,
    )
    atexit.register(pool.close)
    return pool


def _limits() -> Limits:
    return Limits(max_pixels=settings.MAX_PIXELS, max_bytes=settings.MAX_UPLOAD_BYTES)


def read_keywords(sidecar: Path) -> Keywords | None:
    """Read the keywords of an .xmp file, in a decoder; None where it can't be read or is none."""
    try:
        return decoders().read_sidecar(sidecar)
    except (DecoderFailed, OSError) as failed:
        logger.warning("a sidecar could not be read", extra={"reason": type(failed).__name__})
        return None


def store_upload(
    user: User,
    file: StoredUpload,
    *,
    sidecar: Sidecar | None = None,
    keywords: Keywords | None = None,
    hint: bool = True,
) -> Outcome:
    """Take a file into a person's roll: stored, recognised, refused for a reason, or set aside.

    Keywords in it, and those of an .xmp file beside it, become its owner's own tags, and a caption theirs.
    Refused files leave nothing behind. A file that no decoder could finish is kept and set aside. A caller with
    many files hints at the work itself, now and then.
    """
    if file.size > settings.MAX_UPLOAD_BYTES:
        return Outcome(OutcomeKind.REFUSED, None, in_words(refuse_bytes(file.size, _limits())))
    if file.size == 0:
        return Outcome(OutcomeKind.REFUSED, None, in_words(refuse_empty()))
    known = _known(user, file.sha256)
    if known:
        return known
    with scratch() as folder:
        try:
            picture, reason = _decoded(user, file, folder)
        except ImageRefused as refused:
            return Outcome(OutcomeKind.REFUSED, None, in_words(refused))
        photo = _photo(user, file, picture, reason, sidecar)
        words = merged(picture.keywords if picture else Keywords(), keywords)
        _caption(photo, words)
        try:
            return _keep(photo, Path(file.path), folder, words, hint=hint)
        except IntegrityError:  # the same photo came twice at the same time
            again = _known(user, file.sha256)
            if again is None:
                raise
            return again


def _decoded(user: User, file: StoredUpload, folder: Path) -> tuple[Picture | None, str]:
    """Decode a file; where no decoder could finish it, say why instead. Raises ImageRefused."""
    try:
        return decoders().process(Path(file.path), folder), ""
    except DecoderFailed as failed:
        logger.warning("decoder failed", extra={"owner": user.pk, "reason": failed.reason})
        return None, SET_ASIDE[failed.reason]


def _known(user: User, sha256: bytes) -> Outcome | None:
    photo = Photo.objects.owned_by(user).filter(sha256=sha256).first()
    if photo is None:
        return None
    if photo.state == Photo.State.SET_ASIDE and photo.trashed_at is None:
        return Outcome(OutcomeKind.DUPLICATE, photo, _already(photo.set_aside_reason))
    if photo.trashed_at is None:
        return Outcome(OutcomeKind.DUPLICATE, photo, gettext("Already in your roll."))
    if not services.restore(user, [photo.id]):
        return None  # deleted for good at this very moment: it comes in as a new one
    photo.refresh_from_db()
    return Outcome(OutcomeKind.DUPLICATE, photo, gettext("Was in your trash; it is back in your roll."))


def _already(reason: str) -> str:
    return gettext("Already here, set aside: %(reason)s") % {"reason": gettext(reason)}


@contextmanager
def scratch() -> Iterator[Path]:
    """Lend a folder for decoded pictures."""
    folder = Path(tempfile.mkdtemp(prefix="decode-", dir=settings.FILE_UPLOAD_TEMP_DIR))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep(photo: Photo, original: Path, folder: Path, keywords: Keywords, *, hint: bool) -> Outcome:
    """Store the files, then write the row with what it brings along and note the work, then hint at it."""
    with storage.storing(_local_files(photo, original, folder)), corpus_change(photo.owner_id) as change:
        photo.save(force_insert=True)
        change.born([photo.id])
        storage.claim(photo.files)
        tagging.say_keywords(change, photo.id, keywords)
        if photo.state == Photo.State.READY:
            _needs_tags(change, [photo.id], hint=hint)
    if photo.state == Photo.State.SET_ASIDE:
        return Outcome(OutcomeKind.SET_ASIDE, photo, gettext(photo.set_aside_reason))
    return Outcome(OutcomeKind.STORED, photo, gettext("In your roll."))


def _local_files(photo: Photo, original: Path | None, folder: Path) -> dict[str, Path]:
    files = {} if original is None else {photo.original_file: original}
    if photo.state == Photo.State.READY:
        files |= {photo.preview_file: folder / PREVIEW_NAME, photo.thumbnail_file: folder / THUMB_NAME}
    return files


def _needs_tags(change: Change, photo_ids: Collection[int], *, hint: bool = True) -> None:
    tagging.needs_tags(change, photo_ids)
    if hint:
        tasks.hint(change.corpus.owner_id)


def _photo(
    user: User, file: StoredUpload, picture: Picture | None, reason: str, sidecar: Sidecar | None
) -> Photo:
    name = file.name.replace("\x00", "")[:255]
    photo = Photo(
        owner=user, sha256=file.sha256, name=name, name_folded=search_text(name), byte_size=file.size
    )
    if picture is None:
        photo.state, photo.set_aside_reason = Photo.State.SET_ASIDE, reason
        with Path(file.path).open("rb") as source:
            photo.kind = sniff(source.read(HEAD_BYTES)) or ""
    else:
        _describe(photo, picture)
    _date(photo, picture, file.modified_at, sidecar)
    _place(photo, picture, sidecar)
    return photo


def _describe(photo: Photo, picture: Picture) -> None:
    photo.state, photo.set_aside_reason = Photo.State.READY, ""
    photo.kind = picture.kind
    photo.width, photo.height = picture.width, picture.height
    photo.dominant_colour = picture.dominant_colour
    known = {key: value for key, value in asdict(picture.metadata).items() if value is not None}
    for elsewhere in ("taken_at", "utc_offset_min", "latitude", "longitude"):
        known.pop(elsewhere, None)
    photo.camera = known


def _caption(photo: Photo, words: Keywords) -> None:
    """Take over what somebody wrote under a photo; what its owner wrote here stays."""
    photo.caption = photo.caption or words.caption
    photo.name_folded = search_text(photo.name, photo.caption)


def _date(
    photo: Photo, picture: Picture | None, modified_at: datetime | None, sidecar: Sidecar | None
) -> None:
    taken = choose_taken(
        Witnesses(
            uploaded_at=timezone.now(),
            exif_at=picture.metadata.taken_at if picture else None,
            exif_offset_min=picture.metadata.utc_offset_min if picture else None,
            sidecar_at=sidecar.taken_at if sidecar else None,
            file_name=photo.name,
            file_time=modified_at,
        )
    )
    photo.taken_at = taken.at.replace(tzinfo=UTC)
    photo.taken_offset_min = taken.utc_offset_min
    photo.taken_from = TakenFrom(taken.source)


def _place(photo: Photo, picture: Picture | None, sidecar: Sidecar | None) -> None:
    if picture and picture.metadata.latitude is not None:
        photo.latitude, photo.longitude = picture.metadata.latitude, picture.metadata.longitude
    elif sidecar and sidecar.place:
        photo.latitude, photo.longitude = sidecar.place.latitude, sidecar.place.longitude


def retry_set_aside(user: User, photo: Photo) -> None:
    """Try once more to read, or to tag, a photo that was set aside; failing again renews its reason."""
    if photo.state == Photo.State.READY:
        tagging.retry(user.pk, [photo.id])
        tasks.hint(user.pk)
        return
    with scratch() as folder:
        local = fetch_original(photo, folder)
        try:
            picture = decoders().process(local, folder)
        except (ImageRefused, DecoderFailed) as failed:
            reason = str(failed) if isinstance(failed, ImageRefused) else SET_ASIDE[failed.reason]
            Photo.objects.owned_by(user).filter(id=photo.id).update(set_aside_reason=reason)
            return
        with suppress(StaleRetry, storage.NameTaken):  # somebody else does it just now
            _readmit(photo, picture, folder)


def fetch_original(photo: Photo, folder: Path) -> Path:
    """Copy a photo's original out of the storage for a decoder to read. Raises OSError."""
    local = folder / "original"
    with default_storage.open(photo.original_file) as stored, local.open("wb") as copy:
        shutil.copyfileobj(stored, copy)
    return local


def _readmit(photo: Photo, picture: Picture, folder: Path) -> None:
    """Bring a photo into the roll whose pixels could be read at last.

    Its pictures get names of a new revision: those of an attempt that died may still lie about.
    """
    read = photo.revision
    storage.renew(photo)
    photo.state = Photo.State.READY
    with storage.storing(_local_files(photo, None, folder)), corpus_change(photo.owner_id) as change:
        mine = change.touch([photo.id]).get(photo.id)
        if mine is None or mine.state != Photo.State.SET_ASIDE or mine.revision != read:
            raise StaleRetry
        mine.revision = photo.revision
        if mine.taken_from != TakenFrom.PERSON and picture.metadata.taken_at is not None:
            mine.taken_at = picture.metadata.taken_at.replace(tzinfo=UTC)
            mine.taken_offset_min, mine.taken_from = picture.metadata.utc_offset_min, TakenFrom.EXIF
        _describe(mine, picture)
        _place(mine, picture, None)
        _caption(mine, picture.keywords)
        mine.save(force_update=True)  # of the locked row: nothing that changed meanwhile is lost
        storage.claim(mine.files)
        tagging.say_keywords(change, mine.id, picture.keywords)
        _needs_tags(change, [mine.id])
