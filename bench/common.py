"""What the benches share: a throw-away installation, real photos, medians, the JSON line.

Import it first: it sets the environment before Django reads its settings.
"""

import atexit
import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from magicroll.models import Photo, User

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "photos"
MODELS = ROOT / ".cache" / "models"
DATA = Path(tempfile.mkdtemp(prefix="magicroll-bench-"))

sys.path.insert(0, str(ROOT))
atexit.register(shutil.rmtree, DATA, ignore_errors=True)
os.environ.update(
    DJANGO_SETTINGS_MODULE="magicroll.settings",
    MAGICROLL_SECRET_KEY="only-for-benches",
    MAGICROLL_DATA_DIR=str(DATA),
    MAGICROLL_MODELS_DIR=str(MODELS),
    MAGICROLL_LOG_LEVEL="WARNING",
    MAGICROLL_UPLOADS_PER_MINUTE="1000000",
)


def chosen_database(database: str) -> dict[str, str]:
    """Return the setting for a fresh database: `sqlite`, or one on a PostgreSQL server, dropped at exit."""
    return {} if database == "sqlite" else {"DATABASE_URL": _fresh_postgres(database)}


def start(database: str = "sqlite", keep: str = "") -> None:
    """Set Django up on a fresh database, with static files and both releases.

    keep: a name under which database and files stay, to be found again by a later run.
    """
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(_kept(database, keep) if keep else chosen_database(database))
    import django

    django.setup()
    from django.core.management import call_command

    call_command("prepare", verbosity=0)


def _kept(database: str, keep: str) -> dict[str, str]:
    """Return the settings of an installation that outlives this run."""
    global DATA
    DATA = ROOT / ".cache" / "bench" / keep
    DATA.mkdir(parents=True, exist_ok=True)
    os.environ["MAGICROLL_DATA_DIR"] = str(DATA)
    if database == "sqlite":
        return {}
    name = f"magicroll_bench_{keep}"
    known = subprocess.run(
        ["psql", "-qtAl", "-d", database], check=True, capture_output=True, text=True
    ).stdout
    if f"{name}|" not in known:
        subprocess.run(["psql", "-q", "-d", database, "-c", f"CREATE DATABASE {name}"], check=True)
    return {"DATABASE_URL": urlsplit(database)._replace(path=f"/{name}").geturl()}


def _fresh_postgres(url: str) -> str:
    name = f"magicroll_bench_{os.getpid()}"
    parts = urlsplit(url)
    admin = ["psql", "-q", "-d", url, "-c"]
    subprocess.run([*admin, f"CREATE DATABASE {name}"], check=True)

    def drop() -> None:
        if "django.db" in sys.modules:
            sys.modules["django.db"].connections.close_all()
        subprocess.run([*admin, f"DROP DATABASE {name} WITH (FORCE)"], check=False)

    atexit.register(drop)
    return parts._replace(path=f"/{name}").geturl()


def real_photos(n: int) -> list[Path]:
    """Return n real JPEGs, repeating where there are fewer: the shared roll, or scikit-image's pictures."""
    if SHARED.is_dir():
        found = sorted((SHARED / "roll").glob("*.jp*g"))
    else:
        from PIL import Image
        from skimage import data

        found = []
        for name in ("astronaut", "chelsea", "coffee", "rocket"):
            path = DATA / f"{name}.jpg"
            Image.fromarray(getattr(data, name)()).save(path, quality=90)
            found.append(path)
    return [found[i % len(found)] for i in range(n)]


def distinct(path: Path, number: int) -> bytes:
    """Return a JPEG's bytes with a few more behind its end marker: the same picture, another hash."""
    return path.read_bytes() + b"bench" + number.to_bytes(4, "big")


def store(user: "User", path: Path, number: int = 0) -> "Photo":
    """Take one photo in, as an upload does; another number makes it another photo."""
    from magicroll import intake

    data = distinct(path, number)
    file = DATA / "incoming" / f"bench-{number}"
    file.write_bytes(data)
    sent = intake.StoredUpload(str(file), path.name, hashlib.sha256(data).digest(), len(data))
    outcome = intake.store_upload(user, sent, hint=False)
    file.unlink()
    assert outcome.photo is not None, f"{path.name}: {outcome.message}"
    return outcome.photo


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0..1) of the values do not exceed; nearest rank."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def report(bench: str, metrics: dict[str, object]) -> None:
    """Print the metrics for people, then the JSON line with three decimals."""
    for name, value in metrics.items():
        print(f"{name:28} {value:,.3f}" if isinstance(value, float) else f"{name:28} {value}")
    print(json.dumps({"bench": bench, "metrics": _rounded(metrics)}))


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return round(value, 3) if isinstance(value, float) else value
