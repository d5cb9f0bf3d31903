"""Static files as they are served: our scripts without what only people read, comments and spaces."""

import re
from typing import IO

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

_DOCUMENTED = re.compile(r"^[ \t]*/\*\*.*?\*/[ \t]*\n", re.MULTILINE | re.DOTALL)
_FOR_PEOPLE = re.compile(
    r"^[ \t]*(?://.*|)\n"  # a line that is a comment and nothing else
    r"|^[ \t]+"  # the spaces before any other
    r"|[ \t]+//[ ][^\"'`\n]*$",  # a comment behind code: a string that held such would be closed behind it
    re.MULTILINE,
)
_SPACES = re.compile(
    r"(?P<kept>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\\n])*`"  # strings
    r"|(?<=[ (!])/(?![ /*=])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/)"  # regular expressions
    r"|(?:(?<![-+]) )?(?P<sign>[-+*%<>=!&|?:;,.(){}\[\]]+|/(?= ))(?! ?[-+]) ?"  # a + +b is not a++ b
)
_LINE_ENDS = re.compile(r"(?<=[;,{(\[])\n")  # no statement ends there that has no end of its own


def without_comments(script: str) -> str:
    """Leave comments, indentation, spaces around signs, and line ends that end nothing out of a script of ours.

    Right only where no template literal spans lines or stands within another, which a test holds all of them to; a
    comment behind code that holds a quotation mark stays.
    """
    bare = _FOR_PEOPLE.sub("", _DOCUMENTED.sub("", script))
    return _LINE_ENDS.sub("", _SPACES.sub(lambda found: found["kept"] or found["sign"], bare))


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    def _save(self, name: str, content: IO[bytes]) -> str:
        if name.startswith("js/") and name.endswith(".js"):  # the ones with hashes in their names too
            content.seek(0)  # whoever hashed it has read it
            content = ContentFile(without_comments(content.read().decode()).encode())
        return str(super()._save(name, content))
