"""Words that no release may ever say about a photo. Pure; the list is data/blocked.txt."""

from collections.abc import Iterable
from functools import cache
from importlib import resources

from tagging.vocabulary import Vocabulary, VocabularyError
from tagging.words import fold, plural


class BlockedWords(VocabularyError):
    """The vocabulary could say what no release may say."""


def refuse_blocked(vocabulary: Vocabulary) -> None:
    """Raise BlockedWords where a name has a blocked word in it, or a synonym is one."""
    if found := blocked_in(vocabulary):
        raise BlockedWords(f"No release may say: {', '.join(found)}.")


def blocked_in(vocabulary: Vocabulary) -> list[str]:
    """List the names, slugs and synonyms at fault, in the vocabulary's order.

    A name is shown, so a blocked word anywhere in it counts. A synonym only finds photos: it has to be one
    whole ("Indian elephant" may be searched for).
    """
    said = [text for shelf in vocabulary.categories for text in (shelf.name, shelf.slug)]
    said += [text for tag in vocabulary.tags for text in (tag.name, tag.slug)]
    meant = [synonym for tag in vocabulary.tags for synonym in tag.synonyms]
    blocked = blocked_words()
    shown = (text for text in said if _has_any(f" {fold(text.replace('-', ' '))} ", blocked))
    return list(dict.fromkeys((*shown, *(text for text in meant if fold(text) in blocked))))


def _has_any(folded: str, words: Iterable[str]) -> bool:
    return any(f" {word} " in folded for word in words)


@cache
def blocked_words() -> frozenset[str]:
    """Read the list, folded, with the regular plurals."""
    text = (resources.files("tagging") / "data" / "blocked.txt").read_text("utf-8")
    words = {fold(line) for line in text.splitlines() if line.strip() and not line.startswith("#")}
    return frozenset(words | {plural(word) for word in words})
