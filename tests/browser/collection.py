"""A roll that somebody has used for a while: everything that a page may have to show."""

import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.browser.album import Album
from tests.browser.site import Person, Site

TOO_LARGE_PX = 9_000  # a square picture of this side exceeds site.DECODER_MEMORY_MB when it is decoded


@dataclass(frozen=True, slots=True)
class Collection:
    owner: Person
    album: Album
    photo: int  # of the album's first picture
    trashed: int
    set_aside: int
    own_tag: int  # one that is given by itself


def collect(site: Site, album: Album, folder: Path) -> Collection:
    """Fill a roll; some photos are favourites, some in the trash, one could not be read."""
    owner = site.new_person()
    ids = owner.upload(*album.photos)
    for photo in ids[:-1:7]:
        owner.http.post(f"/photo/{photo}/favourite/", {"favourite": "yes"})
    for photo in ids[-4:][-len(ids) // 2 :]:
        owner.http.post(f"/photo/{photo}/trash/", {})
    owner.http.post(f"/photo/{ids[0]}/tags/", {"verdict": "add", "name": "Grandma's garden"})
    for name in ("Grandma and Grandpa’s allotment behind the old railway station", "Our bikes"):
        owner.http.post("/my-tags/", {"name": name})
    own = make_own_tag(owner, "Rex", ids[:3])
    owner.http.post(f"/my-tags/{own}/judge/", {"no": str(ids[3])})
    owner.http.post(f"/my-tags/{own}/teach/", {"order": "teach", "cut": "40"})
    return Collection(owner, album, ids[0], ids[-1], _upload_too_large(owner, folder), own)


def make_own_tag(person: Person, name: str, photos: list[int]) -> int:
    """Make an own tag and say yes to some photos; return its id."""
    page = person.http.post("/my-tags/", {"name": name})
    found = re.search(r"/my-tags/(\d+)/judge/", page)
    assert found, page
    for photo in photos:
        person.http.post(f"/my-tags/{found[1]}/judge/", {"yes": str(photo)})
    return int(found[1])


def _upload_too_large(owner: Person, folder: Path) -> int:
    huge = folder / "huge-scan-of-a-poster.png"
    Image.new("RGB", (TOO_LARGE_PX, TOO_LARGE_PX)).save(huge, compress_level=1)
    (photo,) = owner.send(huge)
    assert "set aside" in owner.http.get(f"/photo/{photo}/")
    return photo
