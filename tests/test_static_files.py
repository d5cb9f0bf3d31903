from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from pygments.lexers.javascript import JavascriptLexer
from pygments.token import Comment

from magicroll.static_files import Storage, without_comments

SCRIPTS = sorted((Path(settings.BASE_DIR) / "static" / "js").glob("*.js"))


def test_comments_with_lines_of_their_own_and_indentation_are_left_out():
    script = (
        '// A.\n/** B\n *  b */\nexport const c = 1; // c\n\n  if (c) {\n    // D\n    go("a // e");\n  }\n'
    )
    assert without_comments(script) == 'export const c=1;if(c){go("a // e");}\n'


@pytest.mark.parametrize(
    ("script", "served"),
    [
        ("a + +b - -c / d", "a + +b - -c/d"),
        ("x = y ? /[ ]| a/ : `${ z } , ` + ' ; '", "x=y?/[ ]| a/:`${ z } , `+' ; '"),
        ("export { a } from 'b'; return c in d", "export{a}from 'b';return c in d"),
    ],
)
def test_spaces_stay_where_they_mean_something(script: str, served: str):
    assert without_comments(script) == served


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_is_served_says_the_same(script: Path):
    assert tokens(without_comments(script.read_text())) == tokens(script.read_text())


def tokens(script: str) -> list[str]:
    found = JavascriptLexer().get_tokens(script)
    return [text.strip() for kind, text in found if kind not in Comment and text.strip()]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_template_literal_of_ours_spans_lines(script: Path):
    assert [line for line in script.read_text().splitlines() if line.count("`") % 2] == []


def test_scripts_are_stored_so_and_other_files_as_they_are(tmp_path: Path):
    storage = Storage(location=tmp_path)
    for name in ("js/app.js", "js/app.0123456789ab.js", "css/app.css"):
        content = ContentFile(b"  // x\n  y\n")
        content.read()  # as hashing does
        storage.save(name, content)
    assert (tmp_path / "js/app.js").read_bytes() == b"y\n"
    assert (tmp_path / "js/app.0123456789ab.js").read_bytes() == b"y\n"
    assert (tmp_path / "css/app.css").read_bytes() == b"  // x\n  y\n"
