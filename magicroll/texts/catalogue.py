"""Catalogues of translated texts: read a .po file, write the .mo file that Django loads. Pure.

Nobody needs the gettext tools, at run time or to translate. Formats: GNU gettext manual, chapters 3 and 10.3.
"""

import ast
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_MAGIC = 0x950412DE
_KEYWORDS = ("msgctxt", "msgid_plural", "msgid", "msgstr")


class BadCatalogue(ValueError):
    """This is no .po file that can be used; the message names the line."""


@dataclass(frozen=True, slots=True, order=True)
class Text:
    """What is to be translated: in English, with its plural, where it has one, and a context."""

    msgid: str
    plural: str = ""
    context: str = ""


@dataclass(slots=True)
class Entry:
    """A text with its translations, one for each plural form."""

    text: Text
    forms: list[str] = field(default_factory=list)
    fuzzy: bool = False

    @property
    def done(self) -> bool:
        return bool(self.forms) and all(self.forms) and not self.fuzzy


@dataclass(slots=True)
class _Reading:
    parts: dict[str, list[str]] = field(default_factory=dict)
    at: list[str] = field(default_factory=list)
    fuzzy: bool = False

    def entry(self) -> Entry:
        whole = {key: "".join(parts) for key, parts in self.parts.items()}
        text = Text(whole["msgid"], whole.get("msgid_plural", ""), whole.get("msgctxt", ""))
        forms = [whole[key] for key in sorted(whole) if key.startswith("msgstr")]
        return Entry(text, forms, self.fuzzy)


def read_po(content: str) -> list[Entry]:
    """Read the entries of a .po file, its header first (the text ""). Raises BadCatalogue."""
    entries: list[Entry] = []
    reading = _Reading()
    for number, line in enumerate([*content.splitlines(), ""], 1):
        try:
            finished = _read_line(line.strip(), reading)
        except (ValueError, SyntaxError, LookupError) as error:
            raise BadCatalogue(f"line {number}: {error}") from error
        if finished:
            entries.append(reading.entry())
            reading = _Reading()
    return entries


def _read_line(line: str, reading: _Reading) -> bool:
    """Take one line in; tell whether it ended an entry, as an empty one does."""
    if not line:
        return "msgid" in reading.parts
    if line.startswith("#"):
        reading.fuzzy |= line.startswith("#,") and "fuzzy" in line
        return False
    if not line.startswith('"'):
        keyword, _, line = line.partition(" ")
        if not keyword.startswith(_KEYWORDS) or keyword in reading.parts:
            raise ValueError(f"unexpected {keyword}")
        reading.at = reading.parts.setdefault(keyword, [])
    part = ast.literal_eval(line.strip())
    if not isinstance(part, str) or not reading.parts:
        raise ValueError("a string stands alone, or is none")
    reading.at.append(part)
    return False


def write_mo(entries: Iterable[Entry]) -> bytes:
    """Give the bytes of the .mo file for what is translated; the same entries give the same bytes."""
    pairs = sorted((_key(entry.text), "\0".join(entry.forms).encode()) for entry in entries if entry.done)
    start = 28 + 16 * len(pairs)
    keys: list[int] = []
    values: list[int] = []
    content = b""
    for column, table in ((0, keys), (1, values)):
        for pair in pairs:
            table += [len(pair[column]), start + len(content)]
            content += pair[column] + b"\0"
    header = struct.pack("<7I", _MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    return header + struct.pack(f"<{4 * len(pairs)}I", *keys, *values) + content


def _key(text: Text) -> bytes:
    key = f"{text.context}\x04{text.msgid}" if text.context else text.msgid
    return (f"{key}\0{text.plural}" if text.plural else key).encode()


def write_po(entries: Iterable[Entry]) -> str:
    """Give the text of a .po file, in the order of the entries."""
    return "\n".join("\n".join(_lines(entry)) + "\n" for entry in entries)


def _lines(entry: Entry) -> Iterator[str]:
    if entry.fuzzy:
        yield "#, fuzzy"
    if entry.text.context:
        yield f"msgctxt {_quoted(entry.text.context)}"
    yield f"msgid {_quoted(entry.text.msgid)}"
    if not entry.text.plural:
        yield f"msgstr {_quoted(''.join(entry.forms[:1]))}"
        return
    yield f"msgid_plural {_quoted(entry.text.plural)}"
    for number, form in enumerate(entry.forms or ["", ""]):
        yield f"msgstr[{number}] {_quoted(form)}"


def _quoted(text: str) -> str:
    """Write a string as C does; one with line ends goes over several lines."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\r", "\\r")
    lines = escaped.split("\n")
    if len(lines) == 1:
        return f'"{escaped}"'
    parts = [f"{line}\\n" for line in lines[:-1]] + lines[-1:]
    return "\n".join(['""', *(f'"{part}"' for part in parts if part)])
