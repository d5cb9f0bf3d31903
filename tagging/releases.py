"""Releases in the database: registering one, and its tags by database id."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from tagging.blocked import refuse_blocked
from tagging.cards import Card
from tagging.combine import Brought, Hierarchy, brought_by
from tagging.ml.registry import EncoderSpec
from tagging.models import Encoder, Release, ReleaseCard, Tag
from tagging.vocabulary import Vocabulary

OWN_CATEGORY = "my-tags"


class NoRelease(RuntimeError):
    """There is no default release yet."""

    def __init__(self) -> None:
        super().__init__("No release is registered: run `manage.py install_encoders` first.")


@dataclass(frozen=True, slots=True)
class ReleaseTags:
    """A release's vocabulary and the database ids of its tags: `ids` int32 [n_tags] in vocabulary order."""

    encoder_id: int
    vocabulary: Vocabulary
    ids: NDArray[np.int32]
    hierarchy: Hierarchy
    brought: Brought
    tag_names: dict[int, str]
    thresholds: dict[int, float]  # of the tags that it shows


def default_release() -> Release:
    """Return the release that new corpora begin with. Raises NoRelease."""
    release = Release.objects.filter(is_default=True).defer("vocabulary_json").first()
    if release is None:
        raise NoRelease
    return release


@transaction.atomic
def register_release(
    spec: EncoderSpec, vocabulary: Vocabulary, *, default: bool, card: Card | None = None
) -> Release:
    """Register the pair if it is new, with a row for each of its tags, and its card; idempotent.

    Raises VocabularyError where the vocabulary's heads were trained for another encoder, and BlockedWords.
    """
    vocabulary.check_fits(spec.onnx_sha256)
    refuse_blocked(vocabulary)
    encoder, _ = Encoder.objects.get_or_create(
        sha256=spec.onnx_sha256,
        defaults={
            "name": spec.name,
            "dimensions": spec.dimensions,
            "licence": spec.licence,
            "training_data": spec.training_data,
        },
    )
    release, _ = Release.objects.get_or_create(
        encoder=encoder,
        vocabulary_sha256=vocabulary.sha256,
        defaults={
            "name": f"{spec.name}+{vocabulary.name}-{vocabulary.sha256[:8]}",
            "vocabulary": vocabulary.name,
            "vocabulary_json": vocabulary.to_json(),
        },
    )
    if card is not None:
        ReleaseCard.objects.update_or_create(release=release, defaults={"facts": card.to_facts()})
    wanted = [Tag(slug=c.slug, name=c.name, kind=Tag.Kind.CATEGORY) for c in vocabulary.categories]
    wanted += [Tag(slug=t.slug, name=t.name, kind=Tag.Kind.TAG) for t in vocabulary.tags]
    wanted.append(Tag(slug=OWN_CATEGORY, name="My tags", kind=Tag.Kind.CATEGORY))
    Tag.objects.bulk_create(wanted, ignore_conflicts=True)
    if default and not release.is_default:
        Release.objects.filter(is_default=True).update(is_default=False)
        Release.objects.filter(pk=release.pk).update(is_default=True)
    return release


def card_of(release: Release) -> Card | None:
    """Read what is known of a release's making; None where nobody wrote it down."""
    found = ReleaseCard.objects.filter(release=release).first()
    return None if found is None else Card.from_facts(found.facts)


@lru_cache(maxsize=8)
def release_tags(release_id: int) -> ReleaseTags:
    """Return the tags of a release; it never changes, so each process reads it once."""
    release = Release.objects.select_related("encoder").get(pk=release_id)
    vocabulary = Vocabulary.from_json(release.vocabulary_json)
    shared = {tag.slug: tag for tag in Tag.objects.filter(owner=None)}
    ids = np.array([shared[tag.slug].pk for tag in vocabulary.tags], np.int32)
    parents = {
        shared[tag.slug].pk: shared[tag.parent].pk for tag in vocabulary.tags if tag.parent is not None
    }
    categories = {shared[tag.slug].pk: shared[tag.category].pk for tag in vocabulary.tags}
    hierarchy = Hierarchy(parents, categories, other_category=shared[OWN_CATEGORY].pk)
    return ReleaseTags(
        encoder_id=release.encoder_id,
        vocabulary=vocabulary,
        ids=ids,
        hierarchy=hierarchy,
        brought=brought_by(ids, hierarchy),
        tag_names={shared[tag.slug].pk: tag.name for tag in vocabulary.tags},
        thresholds={
            shared[tag.slug].pk: tag.thresholds[release.encoder.name]
            for tag in vocabulary.tags
            if tag.shown and release.encoder.name in tag.thresholds
        },
    )
