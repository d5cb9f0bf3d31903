import gettext
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magicroll.texts.catalogue import BadCatalogue, Entry, Text, read_po, write_mo, write_po

HEADER = Entry(
    Text(""), ["Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"]
)
# Line ends other than \n, NUL and the context's mark are in no text that a source could hold.
CHARS = st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp"), include_characters="\n\t")
WORDS = st.text(CHARS, min_size=1, max_size=20)
TEXTS = st.builds(Text, WORDS, st.one_of(st.just(""), WORDS), st.one_of(st.just(""), WORDS))


@given(st.dictionaries(TEXTS, st.tuples(WORDS, WORDS), max_size=8))
def test_what_is_written_reads_back_and_compiles_to_what_gettext_says(
    said: dict[Text, tuple[str, str]],
) -> None:
    entries = [Entry(text, list(forms if text.plural else forms[:1])) for text, forms in said.items()]
    assert read_po(write_po([HEADER, *entries])) == [HEADER, *entries]
    german = gettext.GNUTranslations(BytesIO(write_mo([HEADER, *entries])))
    for entry in entries:
        assert asked(german, entry.text, 1) == entry.forms[0] or clashes(entry.text, said)
        assert asked(german, entry.text, 5) == entry.forms[-1] or clashes(entry.text, said)


def asked(german: gettext.GNUTranslations, text: Text, n: int) -> str:
    if text.plural and text.context:
        return german.npgettext(text.context, text.msgid, text.plural, n)
    if text.plural:
        return german.ngettext(text.msgid, text.plural, n)
    return german.pgettext(text.context, text.msgid) if text.context else german.gettext(text.msgid)


def clashes(text: Text, said: dict[Text, tuple[str, str]]) -> bool:
    """gettext looks plurals up by the singular alone: two texts that differ in the plural only are one."""
    return sum(other.msgid == text.msgid and other.context == text.context for other in said) > 1


def test_what_is_fuzzy_or_has_a_form_missing_is_not_done() -> None:
    content = '#, fuzzy\nmsgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgid_plural "d"\nmsgstr[0] "e"\nmsgstr[1] ""\n'
    entries = read_po(content)
    assert [entry.done for entry in entries] == [False, False]
    assert read_po(write_po(entries)) == entries
    assert gettext.GNUTranslations(BytesIO(write_mo([HEADER, *entries]))).gettext("a") == "a"


@pytest.mark.parametrize(
    "line", ['msgid "open', "msgid 'a' + 1", "nonsense", '"alone"', "msgid 5", 'msgid "a"\nmsgid "b"']
)
def test_what_is_no_catalogue_is_named_by_its_line(line: str) -> None:
    with pytest.raises(BadCatalogue, match=r"^line [12]: "):
        read_po(f"{line}\n")
