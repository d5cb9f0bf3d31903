"""Which tag a person means by its name. Synonyms don't count: a person's word is not bent into another one."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.text import slugify
from django.utils.translation import gettext as _

from tagging import local_names
from tagging.models import Corpus, Tag
from tagging.releases import release_tags
from tagging.vocabulary import Vocabulary
from tagging.words import typed

MAX_NAME_CHARS = 80


class TagRefused(ValueError):
    """A tag that can't be added; the message is for the person."""


@dataclass(frozen=True, slots=True)
class TagName:
    """A name as it is shown, and the slug that two spellings of it share."""

    name: str
    slug: str


def read_name(words: str) -> TagName:
    """Clean what a person typed. Raises TagRefused."""
    name = " ".join(typed(words).split())
    if not name or len(name) > MAX_NAME_CHARS:
        raise TagRefused(_("Type a tag of 1 to 80 characters."))
    slug = slugify(name, allow_unicode=True)
    if not slug:
        raise TagRefused(_("A tag needs at least one letter or number."))
    if len(slug) > MAX_NAME_CHARS:
        raise TagRefused(_("This tag is too long. Use at most 80 letters."))
    return TagName(name, slug)


def known_tags(corpus: Corpus, names: Iterable[TagName]) -> dict[TagName, Tag]:
    """Find the tags that names mean: the person's own, else the vocabulary's, else one of another release.

    Two queries, whatever the number of names. What no tag is called is left out.
    """
    # A word of another release is that tag too, so that the verdict means the same when releases change.
    vocabulary = release_tags(corpus.active_id).vocabulary
    meant = {name: local_names.named(vocabulary, name.name) or name.slug for name in names}
    own = _by_slug(Tag.objects.filter(owner=corpus.owner_id, slug__in={name.slug for name in meant}))
    shared = _by_slug(Tag.objects.filter(owner=None, slug__in=set(meant.values())))
    found = {name: own.get(name.slug) or shared.get(slug) for name, slug in meant.items()}
    return {name: tag for name, tag in found.items() if tag is not None}


def name_of(vocabulary: Vocabulary, tag: Tag) -> str:
    """Give a name that means this very tag: another release's may be called like one of this vocabulary."""
    if tag.owner_id is not None:
        return tag.name
    for name in (tag.name, tag.slug.replace("-", " ")):
        if (vocabulary.named(name) or slugify(name, allow_unicode=True)) == tag.slug:
            return name
    return tag.slug


def _by_slug(tags: Iterable[Tag]) -> dict[str, Tag]:
    return {tag.slug: tag for tag in tags}
