"""Write what is known of a photo as an XMP sidecar that other programs read, and that reads back the same.

Serialisation: ISO 16684-1 (XMP specification part 1), chapter 7. What was added stands in dc:subject, and in
lr:hierarchicalSubject with what is above it; what was rejected has no property anywhere else, so it stands in a
namespace of our own.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape

from magicroll.imaging.keywords import Keyword, Keywords
from magicroll.imaging.xmp import DC, LIGHTROOM, OURS, RDF

FAVOURITE_RATING = 5
_SEAL = re.compile(rb"<!-- Magic Roll ([0-9a-f]{64}) -->\n\Z")
# What XML 1.0 can't carry, not even escaped (section 2.2), with the two that end lines in other ways.
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\r")
_NAMESPACES = {
    "rdf": RDF,
    "dc": DC,
    "exif": "http://ns.adobe.com/exif/1.0/",
    "lr": LIGHTROOM,
    "magicroll": OURS,
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


@dataclass(frozen=True, slots=True)
class Description:
    """What is told of a photo. taken_at: wall clock without a zone, None if nobody knows."""

    keywords: Keywords
    taken_at: datetime | None = None
    utc_offset_min: int | None = None
    favourite: bool = False
    caption: str = ""


def write_xmp(description: Description) -> bytes:
    """Give the sidecar's bytes; the same description gives the same bytes."""
    head = "".join(f'\n    xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items() if prefix != "rdf")
    body = "".join(f"{one}\n" for one in _properties(description))
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f' <rdf:RDF xmlns:rdf="{RDF}">\n'
        f'  <rdf:Description rdf:about=""{head}\n    magicroll:version="1">\n'
        f"{body}"
        "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
    ).encode()
    return text + f"<!-- Magic Roll {hashlib.sha256(text).hexdigest()} -->\n".encode()


def is_as_written(content: bytes) -> bool:
    """Tell whether these are the bytes of a sidecar that `write_xmp` gave and nobody has changed."""
    seal = _SEAL.search(content)
    return seal is not None and hashlib.sha256(content[: seal.start()]).hexdigest().encode() == seal[1]


def _properties(description: Description) -> Iterator[str]:
    keywords = description.keywords
    names = {_text(word.name) for word in keywords.added}
    trees = {_tree(word) for word in keywords.added if word.above}
    yield from _bag("dc:subject", names)
    yield from _bag("lr:hierarchicalSubject", trees)
    yield from _bag("magicroll:rejected", map(_text, keywords.rejected))
    if caption := _text(description.caption):
        item = f'<rdf:li xml:lang="x-default">{caption}</rdf:li>'
        yield f"   <dc:description>\n    <rdf:Alt>\n     {item}\n    </rdf:Alt>\n   </dc:description>"
    if description.taken_at is not None:
        moment = _moment(description.taken_at, description.utc_offset_min)
        yield f"   <exif:DateTimeOriginal>{moment}</exif:DateTimeOriginal>"
        yield f"   <photoshop:DateCreated>{moment}</photoshop:DateCreated>"
    if description.favourite:
        yield f"   <xmp:Rating>{FAVOURITE_RATING}</xmp:Rating>"


def _tree(word: Keyword) -> str:
    """Write a word with what is above it; empty where a name holds the separator and would be taken apart."""
    levels = (*word.above, word.name)
    return "" if any("|" in level for level in levels) else "|".join(map(_text, levels))


def _bag(name: str, words: Iterable[str]) -> Iterator[str]:
    items = "\n".join(f"     <rdf:li>{word}</rdf:li>" for word in sorted(filter(None, words)))
    if items:
        yield f"   <{name}>\n    <rdf:Bag>\n{items}\n    </rdf:Bag>\n   </{name}>"


def _text(text: str) -> str:
    """Escape a text for XML, without what XML can't carry."""
    return escape(_NOT_XML.sub("", text))


def _moment(taken_at: datetime, utc_offset_min: int | None) -> str:
    """Write a date as XMP does (ISO 8601 profile, ISO 16684-1, 8.2.1.2), with its zone only if it is known."""
    if utc_offset_min is not None:
        taken_at = taken_at.replace(tzinfo=timezone(timedelta(minutes=utc_offset_min)))
    return taken_at.isoformat()
