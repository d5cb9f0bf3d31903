"""Forgetting an own tag: no reader finds it from the first moment on, and what is stored goes a little at a time.

A forgotten tag is muted, so its photos are published without it (tagging/republishing.py); what is left of it then
says nothing any more, and is removed. The tag itself goes last, so whoever is killed, the next one goes on.
"""

import time

from django.db import transaction
from django.db.models import QuerySet

from magicroll.models import User
from tagging.models import Corpus, OwnAnnotation, OwnHead, Tag, TagChoice, Verdict
from tagging.pointers import hold
from tagging.republishing import AT_ONCE_S, is_at_work, new_wishes

ROWS_PER_CHANGE = 2000  # bounds how long it holds the corpus


def forget(user: User, tag: Tag) -> None:
    """Forget an own tag with all that was said and learnt about it; its name is free at once.

    What is not through soon is `forget_some`'s, which the caller hints at where `is_forgetting`.
    """
    with new_wishes(user.pk):
        mine = Tag.objects.filter(owner=user, kind=Tag.Kind.OWN, pk=tag.pk)
        if mine.update(slug=f"{Tag.FORGOTTEN}{tag.pk}"):
            TagChoice.objects.update_or_create(
                owner=user, tag=tag, defaults={"kind": TagChoice.Kind.FORGOTTEN}
            )
            OwnHead.objects.filter(owner=user, tag=tag).update(ending=True, settled=False)
    forget_some(user.pk, time.monotonic() + AT_ONCE_S)


def forget_some(owner_id: int, until: float = 0.0) -> bool:
    """Remove what is left of a person's forgotten tags; tell whether nothing is left to do.

    Nothing is removed before all photos are published without them. until: of the monotonic clock, in seconds.
    """
    for tag in _forgotten().filter(owner=owner_id):
        while not _one_piece(owner_id, tag):
            if time.monotonic() > until or is_at_work(owner_id):
                return False
    return not is_forgetting(owner_id)


def is_forgetting(owner_id: int) -> bool:
    """Tell whether something of a forgotten tag is left."""
    return _forgotten().filter(owner=owner_id).exists()


def owners_forgetting() -> list[int]:
    """Return the owners of forgotten tags of which something is left."""
    return list(_forgotten().order_by().values_list("owner", flat=True).distinct())


def _forgotten() -> QuerySet[Tag]:
    return Tag.objects.filter(kind=Tag.Kind.OWN, slug__startswith=Tag.FORGOTTEN)


@transaction.atomic
def _one_piece(owner_id: int, tag: Tag) -> bool:
    """Remove some of what is left of a tag; True once the tag itself is gone."""
    try:
        corpus = hold(owner_id)
    except Corpus.DoesNotExist:  # the account was deleted meanwhile, with all of it
        return True
    if corpus.wishes_move is not None:
        return False
    mine = {"owner": owner_id, "tag": tag}
    for rows in (OwnAnnotation.objects.filter(**mine), Verdict.objects.filter(**mine)):
        if some := list(rows.order_by("photo").values_list("photo_id", flat=True)[:ROWS_PER_CHANGE]):
            rows.filter(photo__gte=some[0], photo__lte=some[-1]).delete()
            return False
    corpus.version += 1
    corpus.save(update_fields=["version"])
    OwnHead.objects.filter(**mine).delete()
    tag.delete()
    return True
