"""Receive files straight into a temporary file, hashing on the way, and stop reading what is too large."""

import hashlib
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class HashingUploadHandler(TemporaryFileUploadHandler):
    """Give uploaded files `sha256`, 32 bytes; their `size` counts all that was sent, kept or not."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._hash = hashlib.sha256()
        self._received_bytes = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._received_bytes += len(raw_data)
        if self._received_bytes > settings.MAX_UPLOAD_BYTES:
            return  # the service refuses it by its size; the disk need not hold it
        self._hash.update(raw_data)
        super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> Any:
        file: Any = super().file_complete(file_size)
        if file is not None:
            file.sha256 = self._hash.digest()
        return file
