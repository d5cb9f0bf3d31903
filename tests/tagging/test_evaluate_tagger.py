"""manage.py evaluate_tagger, on real photos with the releases' own files."""

import io
import json
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from PIL import Image

from tagging.ml.registry import ENCODERS
from tagging.releases import register_release
from tagging.vocabulary import everyday_file, load_everyday
from tests.tagging.ml.photos import picture

pytestmark = pytest.mark.django_db

LITE0 = str(everyday_file("efficientnet-lite0"))
LABELS = (
    "path\ttags\nastronaut.jpg\tpeople\nchelsea.jpg\tanimal,pet,cat\ncoffee.jpg\tdrink\nrocket.jpg\tsky\n"
)


@pytest.fixture(autouse=True)
def _models(settings: LazySettings, models_dir: Path) -> None:
    settings.MODELS_DIR = models_dir


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        picture(name).save(tmp_path / f"{name}.jpg", quality=90)
    (tmp_path / "labels.tsv").write_text(LABELS)
    return tmp_path


def evaluate(folder: Path, release: str = LITE0, *options: str) -> str:
    out = io.StringIO()
    call_command("evaluate_tagger", release, str(folder), str(folder / "labels.tsv"), *options, stdout=out)
    return out.getvalue()


def test_it_works(folder: Path) -> None:
    found = json.loads(evaluate(folder, LITE0, "--json"))
    assert found["photos"] == 4
    assert found["micro_precision"] == 1.0
    assert found["micro_recall"] >= 0.5
    assert found["macro_ap"] > 0.9
    assert found["ece"] < 0.3
    cat = found["tags"]["cat"]
    assert (cat["n"], cat["judged"], cat["ap"]) == (1, 4, 1.0)
    assert "mountain" not in found["tags"]


def test_a_registered_release_says_the_same_as_its_file(folder: Path) -> None:
    release = register_release(
        ENCODERS["efficientnet-lite0"], load_everyday("efficientnet-lite0"), default=False
    )
    ours, file = (json.loads(evaluate(folder, name, "--json")) for name in (release.name, LITE0))
    assert ours.pop("release") == release.name
    file.pop("release")
    assert ours == file


def test_two_releases_are_compared(folder: Path) -> None:
    text = evaluate(folder, LITE0, "--compare", str(everyday_file("efficientnet-lite2")))
    assert text.splitlines()[0].startswith("everyday-efficientnet-lite0.json: 4 photos; precision 1.000")
    assert text.splitlines()[1].startswith("everyday-efficientnet-lite2.json: 4 photos")
    [cat] = [line for line in text.splitlines() if line.startswith("cat ")]
    assert cat.split()[:3] == ["cat", "1", "1.000"]
    assert json.loads(evaluate(folder, LITE0, "--compare", LITE0, "--json"))["compared"]["photos"] == 4


def test_mistakes_are_told_with_their_files(folder: Path) -> None:
    (folder / "labels.tsv").write_text(LABELS.replace("animal,pet,cat", "people").replace("drink", "animal"))
    lines = evaluate(folder).splitlines()
    assert any(line.startswith("wrong: animal (") and "chelsea.jpg" in line for line in lines)
    assert any(line.startswith("missed: animal (") and "coffee.jpg" in line for line in lines)


def test_the_plot_is_a_picture(folder: Path) -> None:
    evaluate(folder, LITE0, "--plot", str(folder / "plot.png"))
    with Image.open(folder / "plot.png") as plot:
        assert plot.format == "PNG"
        assert len(plot.convert("RGB").getcolors(1_000_000)) > 3


def test_photos_that_cannot_be_read_are_told_and_left_out(folder: Path) -> None:
    (folder / "rocket.jpg").write_text("no picture")
    found = json.loads(evaluate(folder, LITE0, "--json"))
    assert found["photos"] == 3
    assert list(found["unreadable"]) == ["rocket.jpg"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("gone.jpg\tcat", "line 6: there is no photo gone.jpg"),
        ("coffee.jpg\tcup", "line 6: coffee.jpg is there already, in line 4"),
        ("coffee.jpg\tunicorn", "line 6: no tag answers to the label 'unicorn'"),
    ],
)
def test_bad_lines_are_named(folder: Path, line: str, complaint: str) -> None:
    (folder / "labels.tsv").write_text(f"{LABELS}{line}\n")
    with pytest.raises(CommandError, match=complaint):
        evaluate(folder)


def test_an_unknown_release_is_named(folder: Path) -> None:
    with pytest.raises(CommandError, match="There is no release and no file 'nothing'"):
        evaluate(folder, "nothing")


def test_a_file_that_is_no_vocabulary_is_refused(folder: Path) -> None:
    (folder / "bad.json").write_text("{}")
    with pytest.raises(CommandError, match="lacks"):
        evaluate(folder, str(folder / "bad.json"))
