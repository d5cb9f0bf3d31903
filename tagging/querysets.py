"""Owner-scoped doors to annotations, the reverse index and verdicts."""

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Self

from django.db import connection, models
from django.db.models import Q
from django.db.models.expressions import RawSQL

if TYPE_CHECKING:
    from magicroll.models import User
    from tagging.models import (  # noqa: F401 - in base classes, as text
        Annotation,
        Corpus,
        Embedding,
        PhotoTag,
        Tag,
        Verdict,
    )


def among(ids: Iterable[int]) -> RawSQL:
    """Say `in=` of many ids with one parameter; writing out a thousand takes longer than finding their rows."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", ["{" + ",".join(map(str, ids)) + "}"])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])


def near(photo_ids: Collection[int]) -> Q:
    """Say `photo__in`, or a range that holds them and not many more; the caller passes over those.

    A chunk's ids lie close together, and a range is found at once where each of a thousand ids is a search.
    """
    if not photo_ids:
        return Q(photo__in=())
    first, last = min(photo_ids), max(photo_ids)
    if last - first < 4 * len(photo_ids):
        return Q(photo__gte=first, photo__lte=last)
    return Q(photo__in=among(photo_ids))


class AnnotationQuerySet(models.QuerySet["Annotation"]):
    def seen_in(self, corpus: "Corpus") -> Self:
        """Keep what a reader of the corpus may see: the annotations of its active release."""
        return self.filter(owner_id=corpus.owner_id, release_id=corpus.active_id)


class EmbeddingQuerySet(models.QuerySet["Embedding"]):
    def seen_in(self, corpus: "Corpus") -> Self:
        """Keep the embeddings of the corpus's active release's encoder."""
        return self.filter(owner_id=corpus.owner_id, encoder_id=corpus.active.encoder_id)


class PhotoTagQuerySet(models.QuerySet["PhotoTag"]):
    def seen_in(self, corpus: "Corpus") -> Self:
        """Keep the reverse index of the corpus's active release, without what was muted just now."""
        rows = self.filter(owner_id=corpus.owner_id, release_id=corpus.active_id)
        return rows.exclude(tag__in=corpus.aside) if corpus.aside else rows


class TagQuerySet(models.QuerySet["Tag"]):
    def owned_by(self, user: "User | int") -> Self:
        """Keep one person's own tags, without those that they forgot."""
        return self.filter(owner=user).exclude(slug__startswith=self.model.FORGOTTEN)

    def known_to(self, user: "User | int") -> Self:
        """Keep everybody's tags and one person's own."""
        return self.filter(Q(owner=None) | Q(owner=user)).exclude(slug__startswith=self.model.FORGOTTEN)


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def owned_by(self, user: "User | int") -> Self:
        """Keep what one person said."""
        return self.filter(owner=user)
