"""What the fault tests share: real processes, and a small browser without JavaScript."""

import contextlib
import http.client
import http.cookiejar
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 180
POLL_S = 0.05
CAT = resources.files("skimage.data").joinpath("chelsea.png").read_bytes()  # Stefan van der Walt's, CC0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(ask: Callable[[], T], what: str, limit_s: float = LIMIT_S) -> T:
    """Ask again and again for something true."""
    deadline = time.monotonic() + limit_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"after {limit_s} s still not: {what}"
        time.sleep(POLL_S)
    return answer


def environment(data: Path, **more: str) -> dict[str, str]:
    """Return the environment of an installation of its own, whatever this process has set."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAGICROLL_", "DJANGO_"))
    }
    kept.pop("DATABASE_URL", None)
    bin_folder = str(Path(sys.executable).parent)
    return (
        kept
        | {
            "PATH": f"{bin_folder}{os.pathsep}{kept.get('PATH', os.defpath)}",
            "MAGICROLL_SECRET_KEY": "only-for-tests",
            "MAGICROLL_DATA_DIR": str(data),
            "MAGICROLL_ONNX_PROVIDER": "cpu",
            "MAGICROLL_ONNX_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        | more
    )


@contextlib.contextmanager
def process(command: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own; whatever is left of it at the end is killed."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def run(command: list[str], env: dict[str, str]) -> str:
    """Run a command to its end and return what it printed; it must succeed."""
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Browser:
    """Pages and forms over real HTTP, with cookies."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        with self.opener.open(self.base + path, timeout=LIMIT_S) as response:
            return str(response.read().decode())

    def status(self, path: str) -> int:
        """Return the status of a page, 0 where nobody answers."""
        try:
            with self.opener.open(self.base + path, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except (OSError, http.client.HTTPException):
            return 0

    def post(self, path: str, fields: dict[str, str], files: dict[str, bytes] | None = None) -> str:
        """Send a form as a browser does, token included."""
        boundary = uuid.uuid4().hex
        request = urllib.request.Request(  # noqa: S310
            self.base + path,
            _multipart(boundary, fields, files or {}),
            {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Accept": "application/json",
                "X-CSRFToken": self._token(),
            },
        )
        with self.opener.open(request, timeout=LIMIT_S) as response:
            return str(response.read().decode())

    def set_up(self) -> None:
        self.get("/setup/")
        password = uuid.uuid4().hex
        self.post("/setup/", {"username": "ada", "password": password, "again": password})

    def upload(self, name: str, content: bytes) -> int:
        """Upload a photo and return its id."""
        self.get("/upload/")
        (file,) = json.loads(self.post("/upload/", {}, {name: content}))["files"]
        assert file["outcome"] == "stored", file
        return int(file["photo"])

    def tags(self, photo: int) -> dict[str, Any]:
        """Return `pending` and `tags` of a photo."""
        (found,) = json.loads(self.get(f"/upload/status/?ids={photo}"))["photos"]
        return dict(found)

    def wait_for_tags(self, photo: int) -> list[str]:
        until(lambda: not self.tags(photo)["pending"], f"photo {photo} is tagged")
        return list(self.tags(photo)["tags"])

    def _token(self) -> str:
        return next((cookie.value or "" for cookie in self.cookies if cookie.name == "csrftoken"), "")


def _multipart(boundary: str, fields: dict[str, str], files: dict[str, bytes]) -> bytes:
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [(f'name="files"; filename="{name}"', content) for name, content in files.items()]
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    return body + f"--{boundary}--\r\n".encode()
