from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from pygments.lexers.javascript import JavascriptLexer
from pygments.token import Comment
from rjsmin import jsmin

from magicroll.static_files import Storage

SCRIPTS = sorted((Path(settings.BASE_DIR) / "static" / "js").glob("*.js"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_is_served_says_the_same(script: Path):
    assert tokens(jsmin(script.read_text())) == tokens(script.read_text())


def tokens(script: str) -> list[str]:
    found = JavascriptLexer().get_tokens(script)
    return [text.strip() for kind, text in found if kind not in Comment and text.strip()]


def test_scripts_are_stored_so_and_other_files_as_they_are(tmp_path: Path):
    storage = Storage(location=tmp_path)
    for name in ("js/app.js", "js/app.0123456789ab.js", "css/app.css"):
        content = ContentFile(b"  // x\n  y = 1;\n")
        content.read()  # as hashing does
        storage.save(name, content)
    assert (tmp_path / "js/app.js").read_bytes() == b"y=1;"
    assert (tmp_path / "js/app.0123456789ab.js").read_bytes() == b"y=1;"
    assert (tmp_path / "css/app.css").read_bytes() == b"  // x\n  y = 1;\n"
