"""What photos bring along becomes their owner's own word, and is given back as such."""

from collections.abc import Collection, Iterable
from contextlib import suppress

from django.utils import translation

from magicroll.imaging.keywords import Keyword, Keywords
from tagging.combine import Hierarchy
from tagging.models import Corpus, Tag, Verdict
from tagging.naming import TagName, TagRefused, known_tags, name_of, read_name
from tagging.querysets import near
from tagging.releases import release_tags
from tagging.writer import Change

Words = dict[str, Tag]


def say_keywords(change: Change, photo_id: int, keywords: Keywords) -> int:
    """Store keywords as verdicts of the photo's owner, inside the change that touched or made the photo.

    A word that names a tag is that tag; any other becomes an own tag. What stands above a word is said too
    where it names a tag of the vocabulary that the word would not bring along. What a person said of the
    photo before stays. Returns how many verdicts there are to say.
    """
    if not keywords.added and not keywords.rejected:
        return 0
    corpus = change.corpus
    with translation.override(corpus.owner.language or translation.get_language()):
        words = _tags(corpus, keywords)
    added = {words[word.name] for word in keywords.added if word.name in words}
    rejected = {words[name] for name in keywords.rejected if name in words} - added
    above = _above(keywords, words, release_tags(corpus.active_id).hierarchy) - rejected
    said = [(tag, Verdict.Kind.ADDED) for tag in added | above]
    said += [(tag, Verdict.Kind.REJECTED) for tag in rejected]
    said = [(tag, kind) for tag, kind in said if tag.kind != Tag.Kind.CATEGORY]
    verdicts = [
        Verdict(owner_id=corpus.owner_id, photo_id=photo_id, tag=tag, kind=kind) for tag, kind in said
    ]
    Verdict.objects.bulk_create(verdicts, ignore_conflicts=True)
    return len(verdicts)


def _tags(corpus: Corpus, keywords: Keywords) -> Words:
    """Find the tag of each word, and make own tags of those that name none; words above are only looked up."""
    said = {word.name for word in keywords.added} | set(keywords.rejected)
    names = _names(said | {name for word in keywords.added for name in word.above})
    known = known_tags(corpus, names.values())
    new = {name.slug: name for word, name in names.items() if word in said and name not in known}
    if new:
        own = [
            Tag(owner_id=corpus.owner_id, slug=n.slug, name=n.name, kind=Tag.Kind.OWN) for n in new.values()
        ]
        Tag.objects.bulk_create(own, ignore_conflicts=True)
        known |= known_tags(corpus, [name for name in names.values() if name.slug in new])
    return {word: known[name] for word, name in names.items() if name in known}


def _names(words: Iterable[str]) -> dict[str, TagName]:
    """Clean words; those that no tag can be called are left out."""
    names = {}
    for word in sorted(words):
        with suppress(TagRefused):
            names[word] = read_name(word)
    return names


def _above(keywords: Keywords, words: Words, hierarchy: Hierarchy) -> set[Tag]:
    """Find the vocabulary's tags that stand above words and don't come with these anyway."""
    found: set[Tag] = set()
    for word in keywords.added:
        tag = words.get(word.name)
        if tag is not None:
            levels = {words[name] for name in word.above if name in words}
            come = set(hierarchy.ancestors(tag.pk))
            found |= {level for level in levels if level.kind == Tag.Kind.TAG and level.pk not in come}
    return found


def keywords_on(corpus: Corpus, photo_ids: Collection[int]) -> dict[int, Keywords]:
    """Return what the owner said about photos, as keywords that `say_keywords` reads back to the same.

    Photos without a word are left out. Two queries, whatever the number of photos.
    """
    said = Verdict.objects.owned_by(corpus.owner_id).filter(near(photo_ids)).select_related("tag")
    said = said.exclude(tag__slug__startswith=Tag.FORGOTTEN)
    tree = _Tree(corpus)
    added: dict[int, list[Keyword]] = {}
    rejected: dict[int, list[str]] = {}
    for verdict in said.order_by("photo_id", "tag_id"):
        if verdict.kind == Verdict.Kind.ADDED:
            added.setdefault(verdict.photo_id, []).append(tree.keyword(verdict.tag))
        else:
            rejected.setdefault(verdict.photo_id, []).append(tree.name(verdict.tag))
    return {
        photo_id: Keywords(tuple(added.get(photo_id, ())), tuple(rejected.get(photo_id, ())), is_ours=True)
        for photo_id in (added.keys() | rejected.keys()) & set(photo_ids)
    }


class _Tree:
    """The names of tags with what stands above them in a corpus's release."""

    def __init__(self, corpus: Corpus) -> None:
        release = release_tags(corpus.active_id)
        self._vocabulary, self._hierarchy = release.vocabulary, release.hierarchy
        self._shared = {tag.pk: tag for tag in Tag.objects.filter(owner=None)}

    def name(self, tag: Tag) -> str:
        return name_of(self._vocabulary, tag)

    def keyword(self, tag: Tag) -> Keyword:
        if tag.pk not in self._hierarchy.categories:
            return Keyword(self.name(tag))
        above = [*self._hierarchy.ancestors(tag.pk), self._hierarchy.category(tag.pk)]
        return Keyword(self.name(tag), tuple(self.name(self._shared[pk]) for pk in reversed(above)))
