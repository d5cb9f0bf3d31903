"""Muting tags and categories, hiding them from the Magic View, and showing them again."""

from dataclasses import dataclass

from django.db.models import F
from django.utils.translation import gettext as _

from magicroll.models import User
from tagging import local_names
from tagging.local_names import called
from tagging.models import Corpus, Tag, TagChoice
from tagging.releases import release_tags
from tagging.republishing import new_wishes
from tagging.words import fold, typed


class UnknownWord(LookupError):
    """No tag or category is called so; the message is for the person."""


def choose(user: User, tag: Tag, kind: TagChoice.Kind | None) -> None:
    """Mute a tag or category, hide it from the Magic View, or show it again (None).

    A mute takes narrower tags, and those in a category, along. It holds for every release, and for what was added
    by hand too; verdicts stay, and show again with the tag. Readers miss what is muted at once.
    """
    with new_wishes(user.pk):
        if kind is None:
            TagChoice.objects.filter(owner=user, tag=tag).delete()
        else:
            TagChoice.objects.update_or_create(owner=user, tag=tag, defaults={"kind": kind})


@dataclass(frozen=True, slots=True)
class Chosen:
    """Tags and categories that a person does not want to see, by name."""

    muted: list[Tag]
    hidden: list[Tag]


def chosen_by(user: User) -> Chosen:
    """Return what a person muted and hid."""
    rows = TagChoice.objects.filter(owner=user).select_related("tag")
    kinds = sorted(((row.kind, row.tag) for row in rows), key=lambda one: fold(called(one[1])))
    return Chosen(
        [tag for kind, tag in kinds if kind == TagChoice.Kind.MUTED],
        [tag for kind, tag in kinds if kind == TagChoice.Kind.HIDDEN],
    )


def tag_of(user: User, tag_id: int) -> Tag:
    """Return a tag or category that is everybody's, or one's own. Raises UnknownWord."""
    tag = Tag.objects.known_to(user).filter(pk=tag_id).first()
    if tag is None:
        raise UnknownWord(_("There is no such tag. Reload the page."))
    return tag


def tag_called(user: User, words: str) -> Tag:
    """Return the tag or category that a word means, one's own first. Raises UnknownWord."""
    name = " ".join(typed(words).split())[:80]
    if not name:
        raise UnknownWord(_("Type the name of a tag or category."))
    own = Tag.objects.owned_by(user).filter(name__iexact=name).first()
    if own is not None:
        return own
    meant = local_names.meant(release_tags(Corpus.objects.get(owner=user).active_id).vocabulary, name)
    tag = Tag.objects.filter(owner=None, slug=meant[0]).first() if meant else None
    tag = tag or Tag.objects.filter(owner=None, name__iexact=name).first()
    if tag is None:
        raise UnknownWord(_("No tag or category is called that. Choose one from the list."))
    return tag


def tag_with_slug(user: User, slug: str) -> Tag | None:
    """Return the tag or category of an address, one's own first."""
    mine = Tag.objects.known_to(user).filter(slug=typed(slug))
    return mine.order_by(F("owner_id").desc(nulls_last=True)).first()
