"""The catalogues of this project: what is marked in its sources, and what each language has for it."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from magicroll.texts.catalogue import Entry, Text, read_po, write_mo, write_po
from magicroll.texts.extraction import texts_in_python, texts_in_template

SOURCES = ("magicroll", "tagging")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language's files."""

    language: str
    po: Path

    @property
    def mo(self) -> Path:
        return self.po.with_suffix(".mo")


def catalogues(base: Path) -> list[Catalogue]:
    """List the languages that there are files of."""
    found = sorted(base.glob("locale/*/LC_MESSAGES/django.po"))
    return [Catalogue(po.parent.parent.name, po) for po in found]


def marked_texts(base: Path) -> list[Text]:
    """List all texts that are marked in templates and code, in the order of their English words."""
    texts: set[Text] = set()
    for template in (base / "templates").rglob("*.html"):
        texts |= texts_in_template(template.read_text("utf-8"))
    for source in SOURCES:
        for module in (base / source).rglob("*.py"):
            texts |= texts_in_python(module.read_text("utf-8"))
    return sorted(texts)


def updated(entries: Collection[Entry], texts: Collection[Text]) -> list[Entry]:
    """Give an entry for each text, with the translation it has; what is marked nowhere any more goes."""
    known = {entry.text: entry for entry in entries}
    header = known.get(Text("")) or Entry(Text(""), [""])
    return [header, *(known.get(text) or Entry(text) for text in texts)]


def missing(catalogue: Catalogue, texts: Collection[Text]) -> list[Text]:
    """List the texts that a language has no translation of."""
    done = {entry.text for entry in read_po(catalogue.po.read_text("utf-8")) if entry.done}
    return [text for text in texts if text not in done]


def is_compiled(catalogue: Catalogue) -> bool:
    """Tell whether the .mo file is what the .po file says."""
    compiled = write_mo(read_po(catalogue.po.read_text("utf-8")))
    return catalogue.mo.exists() and catalogue.mo.read_bytes() == compiled


def write(catalogue: Catalogue, texts: Collection[Text]) -> None:
    """Bring a language's two files up to date; new texts stand in the .po file with nothing beside them."""
    entries = updated(read_po(catalogue.po.read_text("utf-8")), texts)
    catalogue.po.write_text(write_po(entries), "utf-8")
    catalogue.mo.write_bytes(write_mo(entries))
