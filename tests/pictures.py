"""Real pictures as files, and what is in the storage."""

import hashlib
from datetime import datetime
from pathlib import Path

from PIL import Image
from skimage import data

from magicroll.intake import StoredUpload

EXIF_TAKEN, EXIF_OFFSET = 36867, 36881  # Exif 2.32: DateTimeOriginal, OffsetTimeOriginal


def save_cat(path: Path, taken: str = "", offset: str = "", side_px: int = 240) -> Path:
    """Save scikit-image's cat as a JPEG; another size makes other bytes."""
    image = Image.fromarray(data.chelsea()).resize((side_px, side_px * 2 // 3))
    exif = Image.Exif()
    facts = exif.get_ifd(0x8769)
    if taken:
        facts[EXIF_TAKEN] = taken
    if offset:
        facts[EXIF_OFFSET] = offset
    image.save(path, "JPEG", exif=exif)
    return path


def sent(path: Path, name: str = "", modified_at: datetime | None = None) -> StoredUpload:
    """Describe a file as the upload handler does."""
    content = path.read_bytes()
    return StoredUpload(
        str(path), name or path.name, hashlib.sha256(content).digest(), len(content), modified_at
    )


def files_in(folder: Path) -> set[str]:
    """Return the names of all files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
