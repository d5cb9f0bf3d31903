"""Settings of the test suite: a throw-away data folder, the database that DATABASE_URL names (or SQLite)."""

import atexit
import os
import shutil
import tempfile
import uuid

_data = tempfile.mkdtemp(prefix="magicroll-test-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
if "PYTEST_XDIST_WORKER" in os.environ:  # beside others of this run, whose environment it got
    os.environ["MAGICROLL_DATA_DIR"] = _data
os.environ["MAGICROLL_DATA_DIR"] = _data  # each process of a parallel run has its own
os.environ.setdefault("MAGICROLL_SECRET_KEY", "only-for-tests")

from magicroll.settings import *  # noqa: E402, F403

# Static files as they stand in the source: nothing has to be collected before the tests run.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
STATIC_ROOT = os.path.join(_data, "static")  # noqa: PTH118
os.makedirs(STATIC_ROOT)  # noqa: PTH103
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file as in real life, and not memory: several threads and processes, WAL, waiting for the lock.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(_data, "test.sqlite3")}  # noqa: F405, PTH118
else:
    # A name of its own, so that two runs on one server don't meet.
    DATABASES["default"]["TEST"] = {"NAME": f"test_magicroll_{uuid.uuid4().hex[:12]}"}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
