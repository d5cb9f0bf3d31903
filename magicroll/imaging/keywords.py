"""Words that a photo brings along, from XMP and IPTC: what somebody said is on it, what is not, and of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from PIL import Image

from magicroll.imaging.metadata import PARSE_ERRORS

MAX_WORDS = 500  # in one photo, added and rejected together
MAX_WORD_CHARS = 80  # longer ones are sentences, not tags
MAX_LEVELS = 8
MAX_CHARS = 20_000  # of all of them together
MAX_CAPTION_CHARS = 2_000

MAX_IPTC_BYTES = 1_000_000
_CONTROLS = dict.fromkeys([*range(9), *range(14, 28), *range(127, 133), *range(134, 160)])
_PHOTOSHOP_IPTC = 0x0404  # Adobe Photoshop File Formats Specification, image resource 1028
_TIFF_IPTC = 33723  # XMP specification part 3, 2.4
# IPTC-IIM 4.2: CodedCharacterSet, Keywords, Caption/Abstract
_CHARSET, _KEYWORD, _CAPTION = (1, 90), (2, 25), (2, 120)
# What cameras write as a caption while nobody said anything.
_OF_CAMERAS = {
    "olympus digital camera",
    "sony dsc",
    "samsung digital camera",
    "minolta digital camera",
    "kodak digital still camera",
    "digital camera",
    "default",
}
_LATIN_1 = (b"\x1b.A", b"\x1b-A")  # ISO 2022 for ISO 8859-1


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word, and the words that stand above it where it came out of a tree, outermost first."""

    name: str
    above: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keywords:
    """What somebody said about a photo. caption: lines of text, at most MAX_CAPTION_CHARS.

    is_ours: Magic Roll wrote it, so it tells all that was said; what else the photo brings is older.
    """

    added: tuple[Keyword, ...] = ()
    rejected: tuple[str, ...] = ()
    is_ours: bool = False
    caption: str = ""


def bounded(
    added: Iterable[Keyword], rejected: Iterable[str], *, is_ours: bool = False, caption: str = ""
) -> Keywords:
    """Clean words, drop doubles and what is no word, and stop where a photo has had its share."""
    words: list[Keyword] = []
    refused: list[str] = []
    chars = 0
    for word in _words(added, rejected):
        chars += len(word) if isinstance(word, str) else sum(map(len, (word.name, *word.above)))
        if len(words) + len(refused) >= MAX_WORDS or chars > MAX_CHARS:
            break
        if isinstance(word, str):
            refused.append(word)
        else:
            words.append(word)
    return Keywords(tuple(words), tuple(refused), is_ours, _clean_caption(caption))


def _words(added: Iterable[Keyword], rejected: Iterable[str]) -> Iterator[Keyword | str]:
    """Yield each word once, the rejected ones first."""
    seen: set[Keyword | str] = {""}
    for text in rejected:
        name = _clean(text)
        if name not in seen:
            seen.add(name)
            yield name
    for keyword in added:
        above = tuple(name for text in keyword.above[-MAX_LEVELS:] if (name := _clean(text)))
        word = Keyword(_clean(keyword.name), above)
        if word.name and word not in seen:
            seen.add(word)
            yield word


def _clean(text: str) -> str:
    """Give one line of text, empty if it is too long for a tag."""
    line = " ".join(text.translate(_CONTROLS).split())
    return line if len(line) <= MAX_WORD_CHARS else ""


def _clean_caption(text: str) -> str:
    """Give lines of text, cut to what a caption may have; empty where a camera wrote its name there."""
    lines = text.translate(_CONTROLS).replace("\r\n", "\n").replace("\r", "\n").strip()
    return "" if lines.casefold() in _OF_CAMERAS else lines[:MAX_CAPTION_CHARS].strip()


def in_tree(text: str, separator: str) -> Keyword:
    """Read "Animals|Dog" as the word Dog with Animals above it."""
    *above, name = text.strip(f"{separator} \t\n").split(separator)
    return Keyword(name, tuple(above))


def merged(within: Keywords, beside: Keywords | None) -> Keywords:
    """Put together what a photo has in itself and what a file beside it says.

    The file beside it is the later word: what it rejects is not added by the photo, and if Magic Roll wrote
    it, it counts alone.
    """
    if beside is None or beside.is_ours:
        return beside or within
    denied = {word.casefold() for word in beside.rejected}
    kept = [word for word in within.added if word.name.casefold() not in denied]
    return bounded(
        (*beside.added, *kept),
        (*beside.rejected, *within.rejected),
        is_ours=within.is_ours,
        caption=beside.caption or within.caption,
    )


def completed(found: Keywords, older: Keywords) -> Keywords:
    """Add what an older copy of the same things has where the newer one has none of its kind."""
    if not found.added:
        found = replace(found, added=older.added)
    return replace(found, caption=found.caption or older.caption)


def read_iptc(image: Image.Image) -> Keywords:
    """Read keywords and caption of an opened image's IPTC-IIM block; nothing where it makes no sense."""
    try:
        block = _iptc_block(image)
    except PARSE_ERRORS:
        return Keywords()
    datasets = list(_datasets(block[:MAX_IPTC_BYTES]))
    charset = next((content for number, content in datasets if number == _CHARSET), b"")
    words, captions = (
        [_decoded(content, charset) for number, content in datasets if number == wanted]
        for wanted in (_KEYWORD, _CAPTION)
    )
    return bounded(map(Keyword, words), (), caption=next(iter(captions), ""))


def _iptc_block(image: Image.Image) -> bytes:
    """Find the block: a resource of Photoshop's in JPEG, a tag in TIFF."""
    resources = image.info.get("photoshop")
    if isinstance(resources, dict):
        block = resources.get(_PHOTOSHOP_IPTC)
    else:  # the bytes as they stand: many writers call them numbers, and Pillow would keep the first one only
        block = getattr(getattr(image, "tag_v2", None), "_tagdata", {}).get(_TIFF_IPTC)
    return block if isinstance(block, bytes) else b""


def _datasets(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield (record, dataset) and content; ends at what is no dataset (IIM 4.2, chapter 1.5)."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        content = block[at + 5 : at + 5 + size]
        if size >= 0x8000 or len(content) < size:  # an extended dataset holds no keyword; or it is cut off
            return
        yield (block[at + 1], block[at + 2]), content
        at += 5 + size


def _decoded(content: bytes, charset: bytes) -> str:
    """Decode by the charset that is declared, else as UTF-8 if it is that, else as Windows did."""
    if charset not in _LATIN_1:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return content.decode("cp1252", "replace")
