"""Read keywords and captions out of XMP, which anybody may have written: no entities, no outside files, bounded.

Serialisation: ISO 16684-1 (XMP specification part 1), chapter 7. Property names: Dublin Core, Adobe Lightroom,
digiKam, Microsoft Photo, and our own for what a person rejected.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from PIL import Image

from magicroll.imaging.keywords import (
    MAX_CAPTION_CHARS,
    Keyword,
    Keywords,
    bounded,
    completed,
    in_tree,
    read_iptc,
)

MAX_XMP_BYTES = 4_000_000
MAX_DEPTH = 64
_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0")
MAX_TEXT_CHARS = 1_000  # of one word with all that stands above it

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
OURS = "urn:magicroll:xmp:1.0/"
_DIGIKAM = "http://www.digikam.org/ns/1.0/"
_MICROSOFT = ("http://ns.microsoft.com/photo/1.0/", "http://ns.microsoft.com/photo/1.0")

_SEPARATOR = " "  # between namespace and name, as expat joins them
_DESCRIPTION, _ITEM = f"{RDF}{_SEPARATOR}Description", f"{RDF}{_SEPARATOR}li"
_ARRAYS = {f"{RDF}{_SEPARATOR}{kind}" for kind in ("Bag", "Seq", "Alt")}
_REJECTED, _VERSION = f"{OURS}{_SEPARATOR}rejected", f"{OURS}{_SEPARATOR}version"
_READERS: dict[str, Callable[[str], Keyword]] = {
    f"{DC}{_SEPARATOR}subject": Keyword,
    f"{LIGHTROOM}{_SEPARATOR}hierarchicalSubject": lambda text: in_tree(text, "|"),
    f"{_DIGIKAM}{_SEPARATOR}TagsList": lambda text: in_tree(text, "/"),
    **{f"{at}{_SEPARATOR}LastKeywordXMP": lambda text: in_tree(text, "/") for at in _MICROSOFT},
}
_CAPTION = f"{DC}{_SEPARATOR}description"
_WANTED = {*_READERS, _REJECTED, _CAPTION}
_LANGUAGE = f"http://www.w3.org/XML/1998/namespace{_SEPARATOR}lang"
_DEFAULT = "x-default"  # of a text in several languages (ISO 16684-1, 8.2.2.4)


class BadXmp(ValueError):
    """This is no XMP that may be read."""


def read_keywords(image: Image.Image) -> Keywords:
    """Read the keywords and the caption of an opened image.

    IPTC counts only where XMP has none: it is the older copy of the same words, cut to 64 bytes each
    (Metadata Working Group, Guidelines for Handling Image Metadata 2.0, chapter 3.3).
    """
    packet = image.info.get("xmp")
    if isinstance(packet, str):
        packet = packet.encode()
    if isinstance(packet, bytes):
        try:
            found = parse_xmp(packet)
        except BadXmp:
            found = Keywords()
        return found if found.is_ours else completed(found, read_iptc(image))
    return read_iptc(image)


def find_xmp(photo: Path) -> Path | None:
    """Find the .xmp file beside a photo: IMG.jpg.xmp, which is this file's alone, else IMG.xmp."""
    for name in (photo.name, photo.stem):
        for extension in (".xmp", ".XMP"):
            path = photo.with_name(name + extension)
            if os.path.isfile(path):  # noqa: PTH113 - a name that would be too long is no error
                return path
    return None


def read_sidecar_keywords(path: Path) -> Keywords | None:
    """Read the keywords of an .xmp file; None if it is none. Raises OSError."""
    with path.open("rb") as file:
        packet = file.read(MAX_XMP_BYTES + 1)
    try:
        return parse_xmp(packet)
    except BadXmp:
        return None


def parse_xmp(packet: bytes) -> Keywords:
    """Read keywords and caption of an XMP packet. Raises BadXmp: too long, cut off, with entities, or no XML."""
    if len(packet) > MAX_XMP_BYTES:
        raise BadXmp("too long")
    if not packet.startswith(_UTF_16):  # there every other byte may be a zero
        packet = packet.strip(b"\0 \t\r\n")
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    reader = _Reader()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(packet, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # LookupError: an encoding nobody knows
        raise BadXmp(str(error)) from error
    if not reader.is_xmp:
        raise BadXmp("no RDF in it")
    return bounded(reader.added, reader.rejected, is_ours=reader.is_ours, caption=reader.caption)


def _refuse_doctype(*declared: object) -> None:
    """XMP has no document type; whoever declares one wants entities."""
    raise BadXmp("a document type is declared")


@dataclass(slots=True)
class _Reader:
    """Takes the words of wanted properties of the photo itself, not of regions or other things in it."""

    added: list[Keyword] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    is_ours: bool = False
    is_xmp: bool = False
    caption: str = ""
    _is_default: bool = False  # the caption's item that is being read
    _open: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise BadXmp("too deep")
        self._open.append(name)
        self._text.clear()
        self._is_default = attributes.get(_LANGUAGE, _DEFAULT).lower() == _DEFAULT
        if name == _DESCRIPTION and self._property_depth() == len(self._open):
            self.is_xmp = True
            self.is_ours |= _VERSION in attributes
            for wanted in _WANTED & attributes.keys():  # one word may be written as an attribute
                self._take(wanted, attributes[wanted])

    def text(self, part: str) -> None:
        if self._wanted():
            self._text.append(part)

    def end(self, name: str) -> None:
        wanted = self._wanted()
        if wanted and self._text:
            self._take(wanted, "".join(self._text))
        self._text.clear()
        self._open.pop()

    def _property_depth(self) -> int:
        """Return how many elements are open inside the description of the photo: xmpmeta may be missing."""
        return self._open.index(_DESCRIPTION) + 1

    def _wanted(self) -> str:
        """Name the wanted property whose word is being read: its item's text, or its own."""
        if _DESCRIPTION not in self._open:
            return ""
        within = self._open[self._property_depth() :]
        if not within or within[0] not in _WANTED:
            return ""
        is_item = len(within) == 3 and within[1] in _ARRAYS and within[2] == _ITEM
        return within[0] if is_item or len(within) == 1 else ""

    def _take(self, wanted: str, text: str) -> None:
        if wanted == _CAPTION:
            if text.strip() and (self._is_default or not self.caption):  # between items there is space
                self.caption = text[: 2 * MAX_CAPTION_CHARS]
            return
        if len(text) > MAX_TEXT_CHARS:
            return
        if wanted == _REJECTED:
            self.rejected.append(text)
        else:
            self.added.append(_READERS[wanted](text))
