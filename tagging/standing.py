"""A person's wishes as they stand on their photos, while new ones are carried out a little at a time.

A new wish is noted in the corpus's row as a move from the old wishes to the new ones. Photos from `down_to` on have
the new ones, the others still the old ones, so what readers are to find is defined for each photo at any moment,
and `published`, counts and lists agree in the middle of it. What is muted is left out of every answer at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tagging.models import Corpus
from tagging.wishes import Rules, Wishes, wishes_of

Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class ByPhoto(Generic[Said]):
    """What goes for photos of one person; down_to: the lowest photo id for which the new one does already."""

    old: Said
    new: Said
    down_to: int = 0

    def of(self, photo_id: int) -> Said:
        """Return what goes for one photo."""
        return self.new if photo_id >= self.down_to else self.old


@dataclass(frozen=True, slots=True)
class PhotoRules(ByPhoto[Rules]):
    """One person's wishes as they apply to one release."""

    @property
    def touched(self) -> frozenset[int]:
        """Tags about which these rules may say anything else than the release does."""
        return self.old.touched | self.new.touched


@dataclass(frozen=True, slots=True)
class Standing(ByPhoto[Wishes]):
    """What a person wants of tags; aside: tag ids that no reader is shown, whatever rows there are."""

    aside: frozenset[int] = frozenset()

    def rules(self, release_id: int) -> PhotoRules:
        """Apply it to a release."""
        new = self.new.rules(release_id)
        return PhotoRules(new if self.old is self.new else self.old.rules(release_id), new, self.down_to)

    def written(self) -> dict[str, Any]:
        """Return what `move_of` reads, as values that JSON has."""
        return {
            "old": _written(self.old),
            "new": _written(self.new),
            "down_to": self.down_to,
            "aside": sorted(self.aside),
        }


def move_of(corpus: Corpus) -> Standing | None:
    """Read the move from old wishes to new ones that a corpus is in, from the newest photo to the oldest."""
    said = corpus.wishes_move
    if said is None:
        return None
    return Standing(_read(said["old"]), _read(said["new"]), said["down_to"], frozenset(said["aside"]))


def standing_of(corpus: Corpus) -> Standing:
    """Return the wishes of a corpus's owner as they stand: one query at most."""
    if (move := move_of(corpus)) is not None:
        return move
    wishes = wishes_of(corpus.owner_id)
    return Standing(wishes, wishes)


def _written(wishes: Wishes) -> dict[str, Any]:
    return {"muted": sorted(wishes.muted), "offsets": {str(tag): one for tag, one in wishes.offsets.items()}}


def _read(said: Mapping[str, Any]) -> Wishes:
    return Wishes(
        muted=frozenset(said["muted"]), offsets={int(tag): one for tag, one in said["offsets"].items()}
    )
