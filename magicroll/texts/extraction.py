"""Find the texts of pages and messages that are marked for translation, and those that should be."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from django.template.base import Lexer, TokenType
from django.utils.translation.template import templatize

from magicroll.texts.catalogue import Text

# Position of msgid, plural and context among the arguments.
_CALLS = {"gettext": (0,), "gettext_lazy": (0,), "gettext_noop": (0,), "_": (0,), "N_": (0,)}
_PLURALS = {"ngettext", "ngettext_lazy"}
_CONTEXTS = {"pgettext", "pgettext_lazy"}
_LITERAL = r"""(u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*")"""
_IN_TEMPLATE = re.compile(
    rf"\b(?P<name>_|n?p?gettext(?:_lazy|_noop)?)\(\s*{_LITERAL}(?:\s*,\s*{_LITERAL})?(?:\s*,\s*{_LITERAL})?"
)
_SHOWN_ATTRIBUTES = {"alt", "aria-label", "aria-description", "placeholder", "title", "label", "content"}
# Blocks whose text is marked, or no text. A class of <body> is none either.
_UNREAD = {"blocktranslate", "blocktrans", "comment"}
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_NO_WORDS = re.compile(r"Magic Roll|JPEG 2000|JPEG|MB\b|%")


def texts_in_template(source: str) -> set[Text]:
    """List what a template marks with translate, blocktranslate and _("")."""
    found = set()
    for match in _IN_TEMPLATE.finditer(templatize(source)):
        literals = [ast.literal_eval(literal) for literal in match.groups()[1:] if literal]
        found.add(_text(match["name"], literals))
    return found


def texts_in_python(source: str) -> set[Text]:
    """List the string literals that go into gettext and its kin."""
    found = set()
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name in _CALLS or name in _PLURALS or name in _CONTEXTS:
                literals = [str(part.value) for part in call.args if isinstance(part, ast.Constant)]
                if literals:
                    found.add(_text(name, literals))
    return found


def _text(name: str, literals: list[str]) -> Text:
    context = literals.pop(0) if "pgettext" in name else ""
    plural = literals[1] if name.startswith("n") and len(literals) > 1 else ""
    return Text(literals[0], plural, context)


def unmarked_in_template(source: str) -> list[str]:
    """List the words that a person would see or hear and that no translation can reach."""
    page = _Words()
    page.feed("".join(_outside(source)))
    page.close()
    return [words for words in page.found if _LETTERS.search(_NO_WORDS.sub("", words))]


def _outside(source: str) -> Iterator[str]:
    """Yield the text of a template without its tags, and without what blocktranslate holds."""
    inside = False
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.BLOCK:
            name = token.contents.split()[0]
            if name in _UNREAD or token.contents == "block body_class":
                inside = True
            elif name == "endblock" or name.removeprefix("end") in _UNREAD:
                inside = False
        elif token.token_type == TokenType.TEXT and not inside:
            yield token.contents


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._quiet = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._quiet += tag in ("script", "style", "code", "kbd")
        is_said = dict(attributes).get("name") if tag == "meta" else ""
        for name, value in attributes:
            if (
                (name in _SHOWN_ATTRIBUTES or name.startswith("data-say-"))
                and value
                and is_said in ("", "description")
            ):
                self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("script", "style", "code", "kbd")

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._quiet:
            self.found.append(" ".join(data.split()))


# Calls whose strings a person reads, and the position of the first of them.
_SAYING = {
    "success": 1, "error": 1, "info": 1, "warning": 1, "add_error": 1, "Outcome": 2,
    "ValidationError": 0, "TagRefused": 0, "OwnTagRefused": 0, "ImageRefused": 1,
}  # fmt: skip
_SAYING_KEYWORDS = {"label", "help_text", "message"}


def unmarked_in_python(source: str) -> list[str]:
    """List the strings that a module shows to people, by the calls that do so, and doesn't mark."""
    found: list[tuple[int, int, str]] = []
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and not _is_log(call.func):
            for part in _said_in(call):
                words = "".join(_strings(part))
                if _LETTERS.search(words):
                    found.append((part.lineno, part.col_offset, words))
    return [words for _, _, words in sorted(found)]


def _is_log(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "logger"


def _said_in(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in _SAYING:
        yield from call.args[_SAYING[name] :][:1]
    for keyword in call.keywords:
        if keyword.arg in _SAYING_KEYWORDS:
            yield keyword.value
        elif keyword.arg == "error_messages" and isinstance(keyword.value, ast.Dict):
            yield from keyword.value.values


def _strings(part: ast.expr) -> Iterator[str]:
    """Yield the string itself, or the fixed parts of an f-string; a call, such as gettext, is neither."""
    if isinstance(part, ast.Constant) and isinstance(part.value, str):
        yield part.value
    elif isinstance(part, ast.JoinedStr):
        for value in part.values:
            if isinstance(value, ast.Constant):
                yield str(value.value)
