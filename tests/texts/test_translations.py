"""Every text is translated, and nothing that people read has been forgotten."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from magicroll.texts.catalogue import Entry, read_po
from magicroll.texts.catalogues import catalogues, is_compiled, marked_texts, missing
from magicroll.texts.extraction import unmarked_in_python, unmarked_in_template

BASE = Path(settings.BASE_DIR)
TEMPLATES = sorted(str(path.relative_to(BASE / "templates")) for path in (BASE / "templates").rglob("*.html"))
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")


@pytest.mark.parametrize("catalogue", catalogues(BASE), ids=lambda one: one.language)
def test_every_text_is_translated_and_compiled(catalogue) -> None:
    assert missing(catalogue, marked_texts(BASE)) == [], "run manage.py texts, then translate"
    assert is_compiled(catalogue), "run manage.py texts"
    assert catalogue.language in dict(settings.LANGUAGES)


def test_every_language_that_is_offered_has_its_files() -> None:
    assert {one.language for one in catalogues(BASE)} | {"en"} == set(dict(settings.LANGUAGES))


@pytest.mark.parametrize("catalogue", catalogues(BASE), ids=lambda one: one.language)
def test_translations_have_the_same_places_to_fill_in(catalogue) -> None:
    entries = [entry for entry in read_po(catalogue.po.read_text("utf-8")) if entry.text.msgid]
    assert [entry.text.msgid for entry in entries if not fits(entry)] == []


def fits(entry: Entry) -> bool:
    """One form may leave its number out ("one photo"); no form may name what the text doesn't."""
    wanted = set(PLACEHOLDER.findall(entry.text.msgid + entry.text.plural))
    return all(set(PLACEHOLDER.findall(form)) <= wanted for form in entry.forms) and (
        set(PLACEHOLDER.findall(entry.forms[-1])) == wanted
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_page_has_words_that_are_not_marked(name: str) -> None:
    unmarked = unmarked_in_template((BASE / "templates" / name).read_text("utf-8"))
    assert unmarked == []


def test_no_message_is_left_unmarked() -> None:
    found = {
        str(path.relative_to(BASE)): words
        for top in ("magicroll", "tagging")
        for path in (BASE / top).rglob("*.py")
        if "commands" not in path.parts and "migrations" not in path.parts
        if (words := unmarked_in_python(path.read_text("utf-8")))
    }
    assert found == {}
