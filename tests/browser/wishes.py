"""What takes verdicts on dozens of photos, or an administrator's command: there at once, as they would leave it."""

import sys

from tests.browser.site import MANAGE, Person, Site, environment_of
from tests.ops.harness import run

_LEARN = """
import sys
import django
django.setup()
from magicroll.models import User
from tagging import republishing
from tagging.models import Corpus, LearnedThreshold, Tag
user = User.objects.get(username=sys.argv[1])
with republishing.new_wishes(user.pk) as change:
    for said in sys.argv[2:]:
        slug, offset, added, rejected = said.split(":")
        LearnedThreshold.objects.create(
            owner=user, tag=Tag.objects.get(owner=None, slug=slug), offset=float(offset),
            release_id=change.corpus.active_id, verdicts=int(added) + int(rejected), added=int(added),
            rejected=int(rejected),
        )
"""


def learnt(site: Site, person: Person, *said: str) -> None:
    """Let thresholds have been learnt: tag:offset:added:rejected."""
    run(
        [sys.executable, "-c", _LEARN, person.name, *said],
        environment_of(site) | {"DJANGO_SETTINGS_MODULE": "magicroll.settings"},
    )


def with_cards(site: Site) -> None:
    """Install a release that has no card, beside those that have one."""
    run([*MANAGE, "install_encoders", "--wordnet"], environment_of(site))
