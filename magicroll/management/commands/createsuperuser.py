"""Stand in front of Django's command: an account of Magic Roll has a corpus, which that one doesn't open."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Not used: the first account is made in the browser, further ones by invitation."

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "Make the first account in the browser, at /setup/; invite further people from the Accounts page."
        )
