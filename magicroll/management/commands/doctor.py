"""Examine this installation, a worker's round trip included."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from magicroll.doctor import BEFORE_ROUND_TRIP, Finding, examine
from magicroll.round_trip import round_trip


class Command(BaseCommand):
    help = "Check Python, packages, models, network, database, storage, broker, and a photo's round trip."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
        parser.add_argument("--no-worker", action="store_true", help="leave out the round trip")
        parser.add_argument(
            "--timeout",
            type=float,
            default=20,
            metavar="SECONDS",
            help="for the worker (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in _findings(options):
            findings.append(finding)
            if not options["json"]:
                self._print_row(finding)
        if options["json"]:
            self.stdout.write(as_json(findings))
        else:
            self._print_sum(findings)
        if not all(finding.ok for finding in findings):
            sys.exit(1)

    def _print_row(self, finding: Finding) -> None:
        mark = self.style.SUCCESS("ok  ") if finding.ok else self.style.ERROR("FAIL")
        self.stdout.write(f"{mark}  {finding.name:<16} {finding.ms:>8.0f} ms  {finding.detail}")
        if finding.advice:
            self.stdout.write(f"{'':<34} -> {finding.advice}")
        self.stdout.flush()

    def _print_sum(self, findings: list[Finding]) -> None:
        failed = sum(not finding.ok for finding in findings)
        self.stdout.write(
            self.style.ERROR(f"{failed} of {len(findings)} checks failed.")
            if failed
            else self.style.SUCCESS(f"All {len(findings)} checks passed.")
        )


def _findings(options: dict[str, Any]) -> Iterable[Finding]:
    yield from examine(BEFORE_ROUND_TRIP)
    if not options["no_worker"]:
        yield from round_trip(options["timeout"])


def as_json(findings: list[Finding]) -> str:
    """Return one line: `ok` over all, and every finding."""
    checks = [asdict(finding) | {"ms": round(finding.ms, 1)} for finding in findings]
    return json.dumps({"ok": all(finding.ok for finding in findings), "checks": checks})
