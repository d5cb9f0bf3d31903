"""The embedded broker: Celery's folder of message files, made safe to read while it is written.

Kombu's own `_put` makes the file under its final name and fills it then; a reader that comes in between takes
an empty message, and the worker dies of it.
"""

import uuid
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # as kombu has it
        """Write a message whole, then give it the name that readers look for: they sort by its beginning."""
        folder = Path(self.data_folder_out)
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        draft = folder / f".{name}.new"
        draft.write_bytes(str_to_bytes(dumps(payload)))
        draft.replace(folder / name)


class Transport(filesystem.Transport):
    Channel = Channel
