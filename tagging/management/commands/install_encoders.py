"""Install the encoders that come as packages, and register a release for each."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tagging.cards import load_everyday_card
from tagging.ml.install import InstallError, install
from tagging.ml.registry import DEFAULT_ENCODER, ENCODERS
from tagging.models import Release
from tagging.services import register_release
from tagging.vocabulary import load_builtin, load_everyday


class Command(BaseCommand):
    help = "Make the ONNX files of both default encoders, check them, and register their releases."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--wordnet",
            action="store_true",
            help="register the releases without heads too: ImageNet's classes rolled up (tagging/data/README.md)",
        )
        parser.add_argument("--files-only", action="store_true", help="leave the database alone")

    def handle(self, *args: Any, **options: Any) -> None:
        for spec in ENCODERS.values():
            there = (settings.MODELS_DIR / spec.file_name).exists()
            try:
                path = install(spec, settings.MODELS_DIR)
            except InstallError as error:
                raise CommandError(str(error)) from error
            if not there and options["verbosity"]:
                self.stdout.write(f"Installed encoder {spec.name} ({path.stat().st_size / 1e6:.0f} MB).")
        if not options["files_only"]:
            self._register(options["verbosity"], wordnet=options["wordnet"])

    def _register(self, verbosity: int, *, wordnet: bool) -> None:
        """Register what is new. Which release is the default is touched only while there is none."""
        undecided = not Release.objects.filter(is_default=True).exists()
        before = Release.objects.count()
        for spec in ENCODERS.values():
            first = undecided and spec.name == DEFAULT_ENCODER
            card = load_everyday_card(spec.name)
            register_release(spec, load_everyday(spec.name), default=first, card=card)
            if wordnet:
                register_release(spec, load_builtin(), default=False)
        added = Release.objects.count() - before
        if added and verbosity:
            self.stdout.write(f"Registered {added} new release{'s' if added > 1 else ''}.")
