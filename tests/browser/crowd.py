"""A roll of thousands: rows like those of uploads, which share the pictures of a few real ones."""

import sys
from pathlib import Path

from tests.browser.site import Person, Site, environment_of
from tests.ops.harness import run

_MAKE = """
import sys
from datetime import UTC, datetime, timedelta
import django
django.setup()
from django.db.models import F
from magicroll.models import Photo, User
from tagging.models import Corpus
from tagging.writer import corpus_change
user = User.objects.get(username=sys.argv[1])
real = list(Photo.objects.owned_by(user).live().order_by("id"))
def photo(number, taken_at):
    like = real[number % len(real)]
    return Photo(
        owner=user, key=like.key, sha256=b"crowd" + number.to_bytes(27, "big"), name=f"IMG_{number:05}.jpg",
        name_folded=f"img_{number:05}.jpg", byte_size=1, kind=like.kind, width=like.width, height=like.height,
        dominant_colour=like.dominant_colour, taken_at=taken_at, taken_from="exif",
    )
first, long_day = datetime(2024, 12, 24, 12, tzinfo=UTC), datetime(2021, 7, 3, 18, tzinfo=UTC)
made = [photo(n, first - timedelta(hours=30 * n)) for n in range(1600)]
made += [photo(1600 + n, long_day - timedelta(seconds=n)) for n in range(1400)]
for start in range(0, len(made), 500):
    with corpus_change(user.pk) as change:
        change.born([one.id for one in Photo.objects.bulk_create(made[start : start + 500])])
Corpus.objects.filter(owner=user).update(swept_version=F("version"))  # or the worker would tag them all
"""

TOTAL = 3000  # beside the real ones
LONG_DAY = "2021-07-03"  # with 1,400 of them and more: several blocks


def crowd(site: Site, *pictures: Path) -> Person:
    """Make somebody with thousands of photos from 2019 to 2024, which look like these."""
    person = site.new_person()
    person.upload(*pictures)
    run(
        [sys.executable, "-c", _MAKE, person.name],
        environment_of(site) | {"DJANGO_SETTINGS_MODULE": "magicroll.settings"},
    )
    return person
