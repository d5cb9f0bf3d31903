"""What models and people say about photos, and how a corpus comes to another release."""

from tagging.models.corpora import (
    Annotation,
    Corpus,
    DayCount,
    Embedding,
    Encoder,
    MonthCount,
    Outstanding,
    PhotoTag,
    Release,
    ReleaseCard,
    Stream,
    Tag,
    TagCount,
    Verdict,
)
from tagging.models.covers import TagCover
from tagging.models.own_tags import OwnAnnotation, OwnHead
from tagging.models.refills import AuditEntry, Chunk, CorpusRefill, Leftover, Refill
from tagging.models.wishes import LearnedThreshold, TagChoice

__all__ = [
    "Annotation",
    "AuditEntry",
    "Chunk",
    "Corpus",
    "CorpusRefill",
    "DayCount",
    "Embedding",
    "Encoder",
    "LearnedThreshold",
    "Leftover",
    "MonthCount",
    "Outstanding",
    "OwnAnnotation",
    "OwnHead",
    "PhotoTag",
    "Refill",
    "Release",
    "ReleaseCard",
    "Stream",
    "Tag",
    "TagChoice",
    "TagCount",
    "TagCover",
    "Verdict",
]
