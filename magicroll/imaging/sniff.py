"""Tell what a file is by its first bytes; names and what a browser claims count for nothing."""

from enum import StrEnum

from magicroll.imaging.wording import N_

HEAD_BYTES = 64
"""How much of a file's start `sniff` needs."""


class Kind(StrEnum):
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    TIFF = "tiff"
    HEIC = "heic"
    AVIF = "avif"
    BMP = "bmp"
    JPEG2000 = "jp2"

    @property
    def mime(self) -> str:
        return f"image/{self.value}"


_PREFIXES = {
    b"\xff\xd8\xff": Kind.JPEG,
    b"\x89PNG\r\n\x1a\n": Kind.PNG,
    b"GIF87a": Kind.GIF,
    b"GIF89a": Kind.GIF,
    b"II*\0": Kind.TIFF,
    b"MM\0*": Kind.TIFF,
    b"II+\0\x08\0\0\0": Kind.TIFF,  # BigTIFF
    b"MM\0+\0\x08\0\0": Kind.TIFF,
    b"\0\0\0\x0cjP  \r\n\x87\n": Kind.JPEG2000,
    b"\xff\x4f\xff\x51": Kind.JPEG2000,  # bare codestream
}

# Brands of the `ftyp` box: ISO/IEC 23008-12 (HEIF) annex B and the AV1 image file format, section 6.
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}

# Sizes of the header that follows a BMP's 14 bytes; two letters alone would match any text with "BM".
_BMP_HEADER_BYTES = {12, 16, 40, 52, 56, 64, 108, 124}

_UNSUPPORTED_PREFIXES = {
    b"\xff\x0a": N_("a JPEG XL picture"),
    b"\0\0\0\x0cJXL \r\n\x87\n": N_("a JPEG XL picture"),
    b"8BPS": N_("a Photoshop document"),
    b"FUJIFILMCCD-RAW": N_("a camera raw file"),
    b"FOVb": N_("a camera raw file"),
    b"IIRO": N_("a camera raw file"),
    b"IIU\0": N_("a camera raw file"),
    b"\x1aE\xdf\xa3": "a video",
}


def sniff(head: bytes) -> Kind | None:
    """Name the kind of picture that starts with `head` (a file's first HEAD_BYTES); None if none of ours."""
    if is_camera_raw_tiff(head):
        return None
    for prefix, kind in _PREFIXES.items():
        if head.startswith(prefix):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return Kind.BMP
    brands = _brands(head)
    if _AVIF_BRANDS.intersection(brands):
        return Kind.AVIF
    if _HEIC_BRANDS.intersection(brands):
        return Kind.HEIC
    return None


def name_unsupported(head: bytes) -> str | None:
    """Say what a file is that holds a picture or film we can't open ("a video"); None if we don't know it."""
    for prefix, name in _UNSUPPORTED_PREFIXES.items():
        if head.startswith(prefix):
            return name
    if is_camera_raw_tiff(head):
        return N_("a camera raw file")
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "a video"
    brands = _brands(head)
    if b"crx " in brands:
        return N_("a camera raw file")
    return "a video" if brands else None


def is_camera_raw_tiff(head: bytes) -> bool:
    """Recognise Canon's CR2, which is a TIFF with its own mark behind the header."""
    return head[:4] == b"II*\0" and head[8:10] == b"CR"


def _brands(head: bytes) -> list[bytes]:
    """List major and compatible brands of an ISO base media file (ISO/IEC 14496-12, 4.3), else nothing."""
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
