"""Static files as they are served: our scripts without what only people read, comments and spaces."""

from typing import IO

from django.core.files.base import ContentFile
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    def _save(self, name: str, content: IO[bytes]) -> str:
        if name.startswith("js/") and name.endswith(".js"):  # the ones with hashes in their names too
            content.seek(0)  # whoever hashed it has read it
            content = ContentFile(jsmin(content.read()))
        return str(super()._save(name, content))
