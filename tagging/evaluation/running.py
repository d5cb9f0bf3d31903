"""Run a release over labelled photos."""

from pathlib import Path

import numpy as np

from tagging.evaluation.embedding import EmbeddedFiles
from tagging.evaluation.labels import Labels
from tagging.evaluation.report import Report, Scored, report
from tagging.ml.encoder import Encoder
from tagging.vocabulary import Vocabulary

MIN_ROWS = 2  # as in tagging/ml/tagger.py


def evaluate(
    name: str, encoder: Encoder, vocabulary: Vocabulary, embedded: EmbeddedFiles, labels: Labels, folder: Path
) -> Report:
    """Score embedded photos, and report on those that could be read. Raises VocabularyError."""
    vocabulary.check_fits(encoder.spec.onnx_sha256)
    row = {path: i for i, path in enumerate(labels.paths)}
    truth = labels.truth[[row[path] for path in embedded.paths]]
    n = len(embedded.paths)
    rows = embedded.embeddings if n >= MIN_ROWS else np.repeat(embedded.embeddings, MIN_ROWS, axis=0)
    if n:
        scores = vocabulary.score(encoder.head.logits(rows), rows)[:n]
    else:
        scores = np.empty((0, len(vocabulary.tags)), np.float32)
    shown = vocabulary.present(scores, encoder.spec.name)
    scored = Scored(name, vocabulary, scores, shown, vocabulary.thresholds(encoder.spec.name))
    paths = [path.relative_to(folder) for path in embedded.paths]
    unreadable = {str(path.relative_to(folder)): why for path, why in embedded.failures.items()}
    return report(scored, paths, truth, unreadable)
