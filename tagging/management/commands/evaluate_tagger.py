"""Say how right a release's tags are on a folder of labelled photos."""

import json
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tagging.evaluation.embedding import EmbeddedFiles, embed_files
from tagging.evaluation.labels import LabelsError, read_labels
from tagging.evaluation.plot import draw_reliability
from tagging.evaluation.report import Report
from tagging.evaluation.running import evaluate
from tagging.ml.encoder import Encoder, open_encoder
from tagging.ml.install import InstallError, install
from tagging.ml.registry import DEFAULT_ENCODER, ENCODERS
from tagging.models import Release
from tagging.vocabulary import Vocabulary, VocabularyError


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is evaluated: a registered release, or a vocabulary's file with its encoder."""

    name: str
    encoder: str
    vocabulary: Vocabulary


class Command(BaseCommand):
    help = (
        "Evaluate a release on labelled photos. LABELS: path<TAB>tags[<TAB>labelling[<TAB>absent]], UTF-8; "
        "labelling is exhaustive (unless said) or positive-only."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("release", help="name of a release, or a vocabulary's JSON file")
        parser.add_argument("folder", type=Path, help="folder that the paths of the labels are in")
        parser.add_argument("labels", type=Path, help="the table of labels")
        parser.add_argument("--compare", metavar="OTHER", help="another release or file, on the same photos")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        parser.add_argument("--plot", type=Path, metavar="PNG", help="write a reliability plot")
        parser.add_argument(
            "--encoder", default=DEFAULT_ENCODER, choices=list(ENCODERS), help="for files without heads"
        )
        parser.add_argument("--ignore-unknown", action="store_true", help="pass over labels that are no tags")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [options["release"], *filter(None, [options["compare"]])]
        candidates = [_candidate(name, options["encoder"]) for name in names]
        embedded: dict[str, EmbeddedFiles] = {}
        reports = [self._evaluate(one, options, embedded) for one in candidates]
        if options["plot"] is not None:
            draw_reliability(reports[0].reliability, reports[0].release, options["plot"])
        if options["json"]:
            facts = reports[0].to_facts()
            if len(reports) > 1:
                facts["compared"] = reports[1].to_facts()
            self.stdout.write(json.dumps(facts, default=str))
        else:
            self._tell(reports)

    def _evaluate(
        self, candidate: Candidate, options: dict[str, Any], embedded: dict[str, EmbeddedFiles]
    ) -> Report:
        """Evaluate one; photos are embedded once for each encoder."""
        folder = options["folder"]
        try:
            labels = read_labels(
                options["labels"], folder, candidate.vocabulary, ignore_unknown=options["ignore_unknown"]
            )
            encoder = _open(candidate.encoder)
            if candidate.encoder not in embedded:
                embedded[candidate.encoder] = embed_files(encoder, labels.paths)
            return evaluate(
                candidate.name, encoder, candidate.vocabulary, embedded[candidate.encoder], labels, folder
            )
        except (LabelsError, VocabularyError, OSError) as error:
            raise CommandError(f"{options['labels']}:\n{error}") from error

    def _tell(self, reports: list[Report]) -> None:
        for report in reports:
            self.stdout.write(
                f"{report.release}: {report.photos} photos; precision {_share(report.micro_precision)} at recall "
                f"{_share(report.micro_recall)} over shown tags; mean AP {_share(report.macro_ap)} "
                f"(shown tags {_share(report.macro_ap_shown)}); calibration error {_share(report.ece)}"
            )
            for path, why in report.unreadable.items():
                self.stderr.write(f"{path}: {why}")
        self._tell_tags(reports)
        for one in reports[0].mistakes:
            words = "missed" if one.missed else "wrong"
            beside = ", ".join(one.instead) or "nothing"
            self.stdout.write(f"{words}: {one.tag} ({one.score:.2f}) on {one.path}; there or shown: {beside}")

    def _tell_tags(self, reports: list[Report]) -> None:
        header = f"{'tag':20} {'n':>5} " + " ".join(
            f"{'AP':>5} {'prec':>5} {'rec':>5} {'ECE':>5}" for _ in reports
        )
        self.stdout.write(header)
        for slug in dict.fromkeys(slug for one in reports for slug in one.tags):
            found = [one.tags.get(slug) for one in reports]
            n = next(one.n for one in found if one is not None)
            cells = (
                " ".join(
                    f"{_share(value):>5}"
                    for value in ((one.ap, one.precision, one.recall, one.ece) if one else (None,) * 4)
                )
                for one in found
            )
            hidden = "" if any(one is not None and one.shown for one in found) else "  (not shown)"
            self.stdout.write(f"{slug:20} {n:5} {' '.join(cells)}{hidden}")


def _candidate(name: str, encoder: str) -> Candidate:
    file = Path(name)
    if file.is_file():
        try:
            vocabulary = Vocabulary.from_json(file.read_text("utf-8"))
        except (VocabularyError, UnicodeDecodeError) as error:
            raise CommandError(f"{name}: {error}") from error
        return Candidate(file.name, vocabulary.heads.encoder if vocabulary.heads else encoder, vocabulary)
    release = Release.objects.select_related("encoder").filter(name=name).first()
    if release is None:
        known = ", ".join(Release.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no release and no file {name!r}. Releases: {known}.")
    return Candidate(release.name, release.encoder.name, Vocabulary.from_json(release.vocabulary_json))


def _open(name: str) -> Encoder:
    if name not in ENCODERS:
        raise CommandError(f"The encoder {name!r} isn't known here.")
    try:
        install(ENCODERS[name], settings.MODELS_DIR)
    except InstallError as error:
        raise CommandError(str(error)) from error
    return open_encoder(ENCODERS[name], settings.MODELS_DIR, settings.ONNX_PROVIDER)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
