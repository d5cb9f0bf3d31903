"""Settings of the test suite: a throw-away data folder, the database that DATABASE_URL names (or SQLite)."""

import atexit
import os
import shutil
import tempfile

_data = tempfile.mkdtemp(prefix="magicroll-test-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ.setdefault("MAGICROLL_DATA_DIR", _data)
os.environ.setdefault("MAGICROLL_SECRET_KEY", "only-for-tests")

from magicroll.settings import *  # noqa: E402, F403

# Static files as they stand in the source: nothing has to be collected before the tests run.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
STATIC_ROOT = os.path.join(_data, "static")  # noqa: PTH118
os.makedirs(STATIC_ROOT)  # noqa: PTH103
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
