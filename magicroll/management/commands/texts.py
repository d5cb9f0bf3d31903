"""Bring the translations up to date with what pages and messages say; for developers and translators."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from magicroll.texts.catalogues import catalogues, is_compiled, marked_texts, missing, write


class Command(BaseCommand):
    help = (
        "Write every text that is marked for translation into locale/*/LC_MESSAGES/django.po and compile it. "
        "Needs no gettext tools. Run it after changing a text and after translating."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail if something is missing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        texts = marked_texts(settings.BASE_DIR)
        lacking = 0
        for catalogue in catalogues(settings.BASE_DIR):
            if not options["check"]:
                write(catalogue, texts)
            elif not is_compiled(catalogue):
                raise CommandError(
                    f"{catalogue.mo.name} of {catalogue.language} is stale. Run: manage.py texts"
                )
            left = missing(catalogue, texts)
            lacking += len(left)
            self.stdout.write(
                f"{catalogue.language}: {len(texts) - len(left)} of {len(texts)} texts translated"
            )
            for text in left:
                self.stdout.write(f"    {text.msgid!r}")
        if lacking and options["check"]:
            raise CommandError(f"{lacking} texts have no translation.")
