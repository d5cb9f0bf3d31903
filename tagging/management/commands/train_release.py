"""Teach a release's heads from verdicts or labelled photos, and register the result as a new release."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from magicroll.models import User
from tagging.cards import Card, CardTag, Evidence, Origin
from tagging.evaluation.embedding import embed_files
from tagging.evaluation.labels import LabelsError, named_labels, read_labels, tag_for
from tagging.examples import examples_of
from tagging.ml.encoder import open_encoder, read_head
from tagging.ml.install import NotInstalled, installed_path
from tagging.ml.registry import ENCODERS, EncoderSpec
from tagging.models import Release
from tagging.releases import NoRelease, card_of, default_release, register_release, release_tags
from tagging.retraining import LEAST, Examples, Lesson, Retrained, TooLittleEvidence, extended, retrain
from tagging.vocabulary import Vocabulary, VocabularyError

_LONGEST_NAME = 40
PRIVATE = (
    "Of verdicts, sums over all judged photos go into the weights; no photo, embedding, name or single verdict does. "
    "Everybody who is moved to the release is tagged by what these people said."
)


@dataclass(frozen=True, slots=True)
class _Lessons:
    """What is learned from: `vocabulary` with the new tags that labels name."""

    vocabulary: Vocabulary
    examples: Examples
    origin: Origin


class Command(BaseCommand):
    help = (
        "Teach a release's heads what people said: either --verdicts-of people here, whose stored embeddings are read "
        "and no image, or --photos with --labels (path<TAB>tags[<TAB>labelling[<TAB>absent]], as evaluate_tagger "
        f"reads). A tag learns from {LEAST} photos with it and {LEAST} without. The result is registered beside the "
        "others; nobody is moved to it, and the default stays what it is. " + PRIVATE
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the new vocabulary")
        parser.add_argument("--from", dest="base", metavar="RELEASE", help="what learns (else the default)")
        parser.add_argument("--verdicts-of", nargs="+", metavar="USER", help="people whose verdicts teach")
        parser.add_argument("--photos", type=Path, metavar="FOLDER", help="labelled photos")
        parser.add_argument("--labels", type=Path, metavar="LABELS.tsv", help="what is in them")
        parser.add_argument(
            "--new-tags-in", metavar="CATEGORY", help="make tags of unknown labels, in a category"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would come of it, and no more")

    def handle(self, *args: Any, **options: Any) -> None:
        _check(options)
        base = _base(options["base"])
        spec = _spec(base)
        try:
            lessons = _lessons(base, spec, options)
            head = read_head(installed_path(spec, settings.MODELS_DIR))
            source = f"{base.name}, taught by {lessons.origin.name}"
            made = retrain(lessons.vocabulary, options["name"], source, head, lessons.examples)
        except TooLittleEvidence as error:
            raise CommandError(f"Nothing was learned, and nothing registered:\n{error}") from error
        except (LabelsError, VocabularyError, NotInstalled, OSError) as error:
            raise CommandError(f"Nothing was registered:\n{error}") from error
        self._tell(made.lessons)
        if options["dry_run"]:
            self.stdout.write("Nothing was registered: this was a dry run.")
        else:
            self._register(spec, made, _card(base, made, lessons.origin))

    def _tell(self, lessons: list[Lesson]) -> None:
        self.stdout.write(f"{'tag':24} {'with':>5} {'without':>7} {'right':>5} {'wrong':>5} {'from':>5}")
        for one in lessons:
            counts = one.counts
            figures = f"{counts.right:5} {counts.wrong:5} {one.threshold:5.2f}" if one.taken else " " * 17
            state = "" if one.taken and one.shown else "  not shown: " if one.taken else "  as before: "
            self.stdout.write(f"{one.slug:24} {one.present:5} {one.absent:7} {figures}{state}{one.why}")

    def _register(self, spec: EncoderSpec, made: Retrained, card: Card) -> None:
        try:
            release = register_release(spec, made.vocabulary, default=False, card=card)
        except VocabularyError as error:
            raise CommandError(f"Nothing was registered:\n{error}") from error
        self.stdout.write(
            f"Registered {release.name}. Nobody is on it: begin a refill with it on the page Models, or with "
            f"`manage.py refill start {release.name} ...`."
        )


def _check(options: dict[str, Any]) -> None:
    """Complain of options that contradict each other."""
    photos, labels = options["photos"] is not None, options["labels"] is not None
    if photos != labels or photos == bool(options["verdicts_of"]):
        raise CommandError("Say either --verdicts-of, or --photos and --labels.")
    if not 0 < len(options["name"]) <= _LONGEST_NAME:
        raise CommandError(f"A vocabulary's name has 1 to {_LONGEST_NAME} characters.")


def _lessons(base: Release, spec: EncoderSpec, options: dict[str, Any]) -> _Lessons:
    if options["verdicts_of"]:
        return _judged(base, options["verdicts_of"])
    return _labelled(base, spec, options)


def _base(name: str | None) -> Release:
    try:
        found = (
            default_release()
            if name is None
            else Release.objects.select_related("encoder").filter(name=name).first()
        )
    except NoRelease as error:
        raise CommandError(str(error)) from error
    if found is None:
        known = ", ".join(Release.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no release {name!r}. Releases: {known}.")
    return found


def _spec(base: Release) -> EncoderSpec:
    spec = ENCODERS.get(base.encoder.name)
    if spec is None or spec.onnx_sha256 != base.encoder.sha256:
        raise CommandError(f"The encoder {base.encoder.name} of {base.name} isn't known here.")
    return spec


def _judged(base: Release, names: list[str]) -> _Lessons:
    people = dict(User.objects.filter(username__in=names).values_list("username", "pk"))
    if missing := sorted(set(names) - people.keys()):
        raise CommandError(f"Nobody here is called {', '.join(missing)}.")
    vocabulary = release_tags(base.pk).vocabulary
    examples = examples_of(sorted(people.values()), base.encoder_id, base.encoder.dimensions, vocabulary)
    n = len(examples.embeddings)
    whose = "one person" if len(people) == 1 else f"{len(people)} people"
    origin = Origin(f"verdicts of {whose}", n, "training", "private: only sums over all of them are kept")
    return _Lessons(vocabulary, examples, origin)


def _labelled(base: Release, spec: EncoderSpec, options: dict[str, Any]) -> _Lessons:
    vocabulary = release_tags(base.pk).vocabulary
    file, folder, category = options["labels"], options["photos"], options["new_tags_in"]
    if category is not None:
        new = [label for label in named_labels(file) if tag_for(vocabulary, label) is None]
        vocabulary = extended(vocabulary, new, category)
    labels = read_labels(file, folder, vocabulary)
    embedded = embed_files(open_encoder(spec, settings.MODELS_DIR, settings.ONNX_PROVIDER), labels.paths)
    if embedded.failures:
        told = [f"{path.relative_to(folder)}: {why}" for path, why in embedded.failures.items()]
        raise LabelsError(told)
    origin = Origin(f"labelled photos in {folder.name}", len(labels.paths), "training", "the labeller's own")
    nothing = np.empty((0, spec.dimensions), np.float16)
    return _Lessons(vocabulary, Examples(embedded.embeddings, labels.truth, nothing), origin)


def _card(base: Release, made: Retrained, origin: Origin) -> Card:
    """Write down what came of it, on top of what is known of the release that learned."""
    before = card_of(base)
    known = {} if before is None else {tag.slug: tag for tag in before.tags}
    known |= {one.slug: _card_tag(one) for one in made.lessons if one.taken}
    learned = ", ".join(one.slug for one in made.lessons if one.taken)
    return Card(
        summary=f"{base.name}, taught by {origin.name}. Learned: {learned}. All other tags are as they were.",
        licence=PRIVATE if before is None else f"{before.licence} {PRIVATE}",
        origins=(*(before.origins if before else ()), origin),
        measured=(),
        tags=tuple(known.values()),
        failures=() if before is None else before.failures,
    )


def _card_tag(one: Lesson) -> CardTag:
    counts = one.counts
    said = counts.right + counts.wrong
    evidence = Evidence("judged photos, each by heads without it", counts.right, counts.wrong, counts.missed)
    return CardTag(
        slug=one.slug,
        shown=one.shown,
        threshold=one.threshold,
        precision=counts.right / said if said else None,
        low=one.low,
        recall=counts.recall,
        evidence=(evidence,),
        why=one.why,
    )
