"""From photos in storage to what a release sees in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.files.storage import default_storage

from tagging.outstanding import Work
from tagging.taggers import tagger_for
from tagging.writer import NewAnnotation


@dataclass(frozen=True, slots=True)
class Seen:
    """Annotations, and why the other photos have none (reasons by photo id, for their owner to read)."""

    annotations: list[NewAnnotation] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)
