"""Run web, worker and scheduler on this machine together, until Ctrl-C."""

import fcntl
import ipaddress
import logging
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

import kombu.exceptions
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from magicroll.accounts import needs_setup, setup_code
from magicroll.broker_files import drop_torn_tables
from magicroll.supervisor import Program, Supervisor
from tagging.tasks import sweep

logger = logging.getLogger(__name__)

PORT_PATIENCE_S = 3.0  # a web process that was just told to end may hold the port a moment longer
GRACE_S = 8  # shorter than the supervisor's own patience, so that nothing has to be killed


class Command(BaseCommand):
    help = "Run web, worker and scheduler together; Ctrl-C stops all of them."
    requires_system_checks = []  # `prepare` has just run them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
        parser.add_argument(
            "--web-processes", type=int, default=1, help="web processes (default: %(default)s)"
        )
        parser.add_argument(
            "--web-threads", type=int, default=8, help="threads in each (default: %(default)s)"
        )
        parser.add_argument(
            "--worker-processes", type=int, default=1, help="tagging processes (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        _need_free_port(host, port)
        with _only_one_here():
            first_visit = needs_setup()
            code = setup_code() if first_visit and not is_loopback(host) else ""
            connections.close_all()  # the supervisor itself needs no database
            supervisor = Supervisor(
                programs(options),
                probe=lambda: _answers(host, port),
                on_ready=lambda: self._announce(host, port, first_visit, code),
                on_slow=lambda: self.stderr.write(
                    "The web process does not answer yet; the log above says why."
                ),
            )
            if supervisor.run() != 0:
                sys.exit(1)

    def _announce(self, host: str, port: int, first_visit: bool, code: str) -> None:
        lines = [f"Magic Roll is ready at {address(host, port)} (Ctrl-C stops it)."]
        if first_visit:
            lines.append("Open it to make the first account, the administrator's.")
        if code:
            lines.append(f"Set-up code, asked for on another machine: {code}")
        self.stdout.write("\n" + self.style.SUCCESS("\n".join(lines)) + "\n")
        self.stdout.flush()


def programs(options: dict[str, Any]) -> tuple[Program, ...]:
    """Name the three children. docker-compose.yml starts the same ones, each in its own container."""
    celery = (sys.executable, "-m", "celery", "--quiet", "-A", "magicroll")
    log = ("--loglevel", settings.LOG_LEVEL)
    return (
        Program("web", (sys.executable, "-m", "gunicorn", "magicroll.wsgi", *_gunicorn_options(options))),
        Program(
            "worker",
            (*celery, "worker", *log, *_worker_options(options)),
            before=_welcome_worker,
        ),
        # No pid file: one left by a crash would keep the scheduler from starting, and we hold a lock anyway.
        Program("scheduler", (*celery, "beat", *log, "--pidfile=")),
    )


def _welcome_worker() -> None:
    """Have a hint waiting for a worker that starts, so that outstanding work need not wait for the sweep."""
    drop_torn_tables()
    try:
        sweep.apply_async(retry=False)
    except kombu.exceptions.OperationalError:
        logger.warning("The broker does not answer; the worker will keep trying")


def _gunicorn_options(options: dict[str, Any]) -> tuple[str, ...]:
    memory = ("--worker-tmp-dir", "/dev/shm") if os.access("/dev/shm", os.W_OK) else ()  # noqa: S108
    return (
        *("--bind", f"{_bracketed(options['host'])}:{options['port']}"),
        *("--worker-class", "gthread"),
        *("--workers", str(options["web_processes"]), "--threads", str(options["web_threads"])),
        *("--timeout", "120", "--graceful-timeout", str(GRACE_S), "--keep-alive", "5"),
        *("--log-level", "warning", "--no-control-socket"),
        *memory,
    )


def _worker_options(options: dict[str, Any]) -> tuple[str, ...]:
    return (
        *("--queues", "realtime,bulk", "--hostname", "magicroll@%h"),
        *("--pool", "prefork", "--concurrency", str(options["worker_processes"])),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),  # there is one worker to talk to
    )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int) -> str:
    """Return what to type into a browser."""
    if settings.URL:
        return str(settings.URL) + "/"
    name = socket.gethostname() if _is_any(host) else _bracketed(host)
    return f"http://{name}:{port}/"


def _is_any(host: str) -> bool:
    return host in {"0.0.0.0", "::"}  # noqa: S104


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _need_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + PORT_PATIENCE_S
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"Can't listen on {host} port {port}: {error.strerror}. "
                        f"Is Magic Roll running already? Try another port: make run PORT={port + 1}"
                    ) from error
        time.sleep(0.2)


def _only_one_here() -> IO[str]:
    """Hold a lock on the data folder while this process lives; the kernel lets go of it with the process."""
    path = Path(settings.DATA_DIR) / "serve.lock"
    lock = path.open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        with lock:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
        raise CommandError(
            f"Magic Roll runs on {path.parent} already (process {holder}). "
            "Stop it first, or give this one its own MAGICROLL_DATA_DIR."
        ) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _answers(host: str, port: int) -> bool:
    """Tell whether the web process answers at all; what it thinks of its health is its own business."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    request = urllib.request.Request(
        f"http://{_bracketed(name)}:{port}/healthz", headers={"Host": _allowed_host()}
    )
    try:
        with urllib.request.urlopen(request, timeout=1):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        if error.code != 503:  # 503 = it runs and misses something
            return False
        logger.warning(
            "The web process runs but is not healthy: %s", error.read(500).decode(errors="replace")
        )
        return True
    except OSError:
        return False


def _allowed_host() -> str:
    return next((host for host in settings.ALLOWED_HOSTS if host[0] not in ".*"), "localhost")
