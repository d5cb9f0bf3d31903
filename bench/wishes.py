"""What a person changes about tags of very many photos: how long they wait, and how long everybody else does.

Each act is one request through all middleware; what it leaves to workers is then carried out here, as their tasks do.
Meanwhile another connection takes the lock of the corpus again and again, as uploads and verdicts do: its longest
wait is the longest time for which the act held it. PostgreSQL only: SQLite has one writer anyway.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common import report, start

if TYPE_CHECKING:
    from django.test import Client

    from magicroll.models import User
    from tagging.models import Tag

PAUSE_S = 0.002
OWN_SHARE = 0.2  # of the photos get the own tag by itself


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--database", required=True, help="the URL of a PostgreSQL server")
    parser.add_argument("--keep", default="", help="keep database and files under this name")
    args = parser.parse_args()
    start(args.database, args.keep)
    import synthetic
    from pages import logged_in
    from rescore import real_embeddings

    user = synthetic.build(args.photos, real_embeddings()).user
    client, tag = logged_in(user), most_common(user)
    learnt(user, tag, 1.0)
    own = own_tag(user)
    yours, mine = "/your-tags/", f"/my-tags/{own.pk}/change/"
    acts = {
        "mute": (yours, {"order": "mute", "tag": tag.pk}),
        "show_again": (yours, {"order": "show", "tag": tag.pk}),
        "release_threshold": (yours, {"order": "release", "tag": tag.pk}),
        "own_threshold": (yours, {"order": "learned", "tag": tag.pk}),
        "forget_own_tag": (mine, {"order": "forget"}),
    }
    measured: dict[str, object] = {"photos": args.photos, "tag_photos": count_of(user, tag)}
    measured["own_tag_photos"] = count_of(user, own)
    for name, (address, form) in acts.items():
        measured |= {f"{name}_{key}": value for key, value in measure(user, client, address, form).items()}
    learnt(user, tag, 0.0)
    bare = without_annotations(args.photos)
    client = logged_in(bare)
    for name, order in (("automatic_on", "on"), ("automatic_off", "off")):
        found = measure(bare, client, yours, {"order": order})
        measured |= {f"{name}_{key}": value for key, value in found.items()}
    report("wishes", measured)


def measure(user: "User", client: "Client", address: str, form: dict[str, object]) -> dict[str, float]:
    """Do one thing; return the milliseconds of the request, of what workers do then, and the longest waits."""
    with probing(user.pk) as at_once:
        began = time.perf_counter()
        answer = client.post(address, form)
        request_ms = (time.perf_counter() - began) * 1000
    assert answer.status_code == 302, (address, answer.status_code)
    print(f"{form}: {request_ms:,.0f} ms, held {at_once.longest_ms:,.0f} ms", file=sys.stderr)
    with probing(user.pk) as later:
        began = time.perf_counter()
        carry_out(user.pk)
        later_ms = (time.perf_counter() - began) * 1000
    print(f"    then {later_ms:,.0f} ms, held {later.longest_ms:,.0f} ms", file=sys.stderr)
    return {
        "ms": request_ms,
        "lock_ms": at_once.longest_ms,
        "later_s": later_ms / 1000,
        "later_lock_ms": later.longest_ms,
    }


def carry_out(owner_id: int) -> None:
    """Do what workers do after a hint, until nothing is left."""
    from tagging import own_tags, republishing
    from tagging.refill import automatic

    forever = float("inf")
    republishing.carry_out(owner_id, forever)
    own_tags.forget_some(owner_id, forever)
    automatic.remove_some(owner_id, forever)
    automatic.note_some(owner_id, forever)


@dataclass(slots=True)
class Waits:
    longest_ms: float = 0.0


@contextmanager
def probing(owner_id: int) -> Iterator[Waits]:
    """Take the corpus's lock again and again in another thread; tell the longest wait."""
    waits, ended = Waits(), threading.Event()

    def probe() -> None:
        from django.db import connection, transaction

        from tagging.models import Corpus

        while not ended.is_set():
            with transaction.atomic():
                began = time.perf_counter()
                Corpus.objects.select_for_update(no_key=True).only("pk").get(owner=owner_id)
                waits.longest_ms = max(waits.longest_ms, (time.perf_counter() - began) * 1000)
            time.sleep(PAUSE_S)
        connection.close()

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


def most_common(user: "User") -> "Tag":
    """Return the tag of the vocabulary that most photos have."""
    from tagging.models import Corpus, Tag, TagCount
    from tagging.releases import release_tags

    active = Corpus.objects.get(owner=user).active_id
    rows = TagCount.objects.filter(owner=user, release=active, tag__in=release_tags(active).thresholds)
    return Tag.objects.get(pk=rows.order_by("-count").values_list("tag", flat=True)[0])


def count_of(user: "User", tag: "Tag") -> int:
    from tagging.models import Corpus, TagCount

    rows = TagCount.objects.filter(owner=user, release=Corpus.objects.get(owner=user).active_id, tag=tag)
    return rows.values_list("count", flat=True).first() or 0


def learnt(user: "User", tag: "Tag", offset: float) -> None:
    """Let a threshold have been learnt, as a sweep does."""
    from tagging import learning
    from tagging.models import Corpus

    corpus = Corpus.objects.get(owner=user)
    with learning.new_wishes(user.pk):
        learning._store(corpus, {tag.pk: learning._Learned(offset, 100, 20, 80)})
    carry_out(user.pk)


def own_tag(user: "User") -> "Tag":
    """Teach an own tag that many photos get by itself."""
    from magicroll.models import Photo
    from tagging import own_tags, search
    from tagging.models import Verdict

    tag = own_tags.make(user, "Rex")
    photo = Photo.objects.owned_by(user).live().order_by("-id")[1000]
    own_tags.judge(user, tag, [photo.id], Verdict.Kind.ADDED)
    shown = own_tags.learning(search.corpus_of(user), tag, 50)
    assert shown.cut is not None
    wanted = OWN_SHARE * max(shown.cut.takes)
    percent = next((p for p, taken in enumerate(shown.cut.takes, 1) if taken <= wanted), 99)
    own_tags.teach(user, tag, percent / 100, until=float("inf"))
    return tag


def without_annotations(n: int) -> "User":
    """Make an account with n photos that nothing has looked at, with automatic tags off."""
    from magicroll.models import Photo, User
    from tagging.models import Corpus
    from tagging.services import open_corpus

    User.objects.filter(username="bare").delete()
    user = User.objects.create_user("bare")
    open_corpus(user)
    Corpus.objects.filter(owner=user).update(automatic=Corpus.Automatic.OFF)
    like = Photo.objects.exclude(owner=user).filter(state="ready").first()
    assert like is not None
    for start_at in range(0, n, 5000):
        Photo.objects.bulk_create([_copy(like, user, i) for i in range(start_at, min(n, start_at + 5000))])
    return user


def _copy(photo: "object", user: "User", number: int) -> "object":
    import copy
    import hashlib
    import uuid

    one = copy.copy(photo)
    one.pk, one.owner, one.key = None, user, uuid.uuid4()
    one.sha256, one._state = hashlib.sha256(number.to_bytes(8, "big")).digest(), type(one._state)()
    one._state.adding = True
    return one


if __name__ == "__main__":
    main()
