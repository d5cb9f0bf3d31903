"""The table of labels: what it may say, and how it is refused, line by line."""

from pathlib import Path

import numpy as np
import pytest

from tagging.evaluation.labels import LabelsError, read_labels, tag_for
from tagging.vocabulary import CategorySpec, TagSpec, Vocabulary


def tag(slug: str, parent: str | None = None, *synonyms: str, name: str = "") -> TagSpec:
    return TagSpec(slug, name or slug, "animals", parent, synonyms, (), {"tiny": 0.5})


@pytest.fixture
def words() -> Vocabulary:
    tags = (
        tag("animal"),
        tag("dog", "animal", "hound"),
        tag("person", name="people"),
        tag("indoors", None, "interior"),
    )
    return Vocabulary("test", "made up", (CategorySpec("animals", "Animals"),), tags)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def read(folder: Path, words: Vocabulary, text: str | bytes, **options: bool) -> np.ndarray:
    file = folder / "labels.tsv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_labels(file, folder, words, **options).truth


def problems(folder: Path, words: Vocabulary, text: str | bytes) -> list[str]:
    with pytest.raises(LabelsError) as caught:
        read(folder, words, text)
    return str(caught.value).splitlines()


def test_exhaustive_rows_say_what_is_absent(folder: Path, words: Vocabulary) -> None:
    found = read(folder, words, "path\ttags\na.jpg\tanimal,dog\nb.jpg\tanimal\nc.jpg\t\n")
    assert found.tolist() == [[1, 1, -1, -1], [1, 0, -1, -1], [0, 0, -1, -1]]


def test_positive_only_rows_leave_the_rest_open(folder: Path, words: Vocabulary) -> None:
    text = "a.jpg\tdog\tpositive-only\tpeople\nb.jpg\tanimal\tpositive-only\n"
    assert read(folder, words, text).tolist() == [[1, 1, 0, -1], [1, -1, -1, -1]]


def test_a_tag_brings_its_parents_where_these_are_judged(folder: Path, words: Vocabulary) -> None:
    assert read(folder, words, "a.jpg\tdog\nb.jpg\tanimal\n")[0].tolist() == [1, 1, -1, -1]
    assert read(folder, words, "a.jpg\tdog\nb.jpg\t\n")[0].tolist() == [-1, 1, -1, -1]


def test_a_list_of_tags_says_what_was_looked_for(folder: Path, words: Vocabulary) -> None:
    (folder / "TAGS.txt").write_text("people: anybody\ndog\n")
    assert read(folder, words, "a.jpg\tdog\n").tolist() == [[-1, 1, 0, -1]]


def test_columns_go_by_their_names(folder: Path, words: Vocabulary) -> None:
    text = "path\tnote\tabsent\ttags\nb.jpg\tx\tdog\tpeople\n"
    assert read(folder, words, text).tolist() == [[-1, 0, 1, -1]]


@pytest.mark.parametrize(
    ("label", "slug"), [("people", "person"), ("interior", "indoors"), ("hounds", "dog"), ("unicorn", None)]
)
def test_labels_answer_to_names_and_synonyms(words: Vocabulary, label: str, slug: str | None) -> None:
    assert tag_for(words, label) == slug


def test_every_line_at_fault_is_named(folder: Path, words: Vocabulary) -> None:
    text = "path\ttags\na.jpg\tdog\nmissing.jpg\tdog\na.jpg\tdog\nb.jpg\tunicorn\nc.jpg\n../x.jpg\tdog\n"
    assert problems(folder, words, text) == [
        "line 3: there is no photo missing.jpg",
        "line 4: a.jpg is there already, in line 2",
        "line 5: no tag answers to the label 'unicorn'",
        "line 6: no tab between the path and the tags",
        "line 7: ../x.jpg is outside of the folder",
    ]


def test_a_contradiction_is_named(folder: Path, words: Vocabulary) -> None:
    [problem] = problems(folder, words, "a.jpg\tdog\texhaustive\tdog\n")
    assert problem == "line 1: present and absent at once: dog"


def test_an_unknown_labelling_is_named(folder: Path, words: Vocabulary) -> None:
    [problem] = problems(folder, words, "a.jpg\tdog\tsome\n")
    assert problem == "line 1: labelling is 'some', not exhaustive or positive-only"


def test_another_encoding_is_named(folder: Path, words: Vocabulary) -> None:
    [problem] = problems(folder, words, "a.jpg\tdog\nb.jpg\thündin\n".encode("latin-1"))
    assert problem == "line 2: not UTF-8 (byte 0xfc)"


def test_a_table_without_photos_is_refused(folder: Path, words: Vocabulary) -> None:
    assert problems(folder, words, "path\ttags\n") == ["the table has no photos"]


def test_unknown_labels_may_be_passed_over(folder: Path, words: Vocabulary) -> None:
    found = read(folder, words, "a.jpg\tdog,unicorn\n", ignore_unknown=True)
    assert found.tolist() == [[-1, 1, -1, -1]]


def test_a_byte_order_mark_is_no_part_of_a_name(folder: Path, words: Vocabulary) -> None:
    assert read(folder, words, b"\xef\xbb\xbfpath\ttags\na.jpg\tdog\n").tolist() == [[-1, 1, -1, -1]]
