"""Owner-scoped doors to annotations, the reverse index and verdicts."""

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from magicroll.models import User
    from tagging.models import (  # noqa: F401 - in base classes, as text
        Annotation,
        Corpus,
        Embedding,
        PhotoTag,
        Verdict,
    )


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
        """Keep the reverse index of the corpus's active release."""
        return self.filter(owner_id=corpus.owner_id, release_id=corpus.active_id)


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def owned_by(self, user: "User | int") -> Self:
        """Keep what one person said."""
        return self.filter(owner=user)
