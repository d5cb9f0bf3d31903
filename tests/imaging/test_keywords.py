import pytest

from magicroll.imaging.keywords import MAX_CAPTION_CHARS, Keyword, Keywords, bounded, in_tree, merged
from magicroll.imaging.protocol import read_answer, write_answer

DOG, CAT = Keyword("Dog"), Keyword("Cat")


def test_words_are_one_clean_line_each_and_come_once() -> None:
    found = bounded(
        [Keyword(" Dog\n\x01 house "), Keyword("Dog house"), Keyword("\t"), Keyword("")], ["", "a", "a"]
    )
    assert found == Keywords((Keyword("Dog house"),), ("a",))


def test_a_tree_is_taken_apart_by_its_separator() -> None:
    assert in_tree("Animals|Dog", "|") == Keyword("Dog", ("Animals",))
    assert in_tree("/Animals/Pets/Dog/", "/") == Keyword("Dog", ("Animals", "Pets"))
    assert in_tree("Dog", "|") == DOG
    assert bounded([in_tree("||", "|"), in_tree("a||b", "|")], []).added == (Keyword("b", ("a",)),)


@pytest.mark.parametrize(
    ("within", "beside", "expected"),
    [
        (Keywords((DOG,)), None, Keywords((DOG,))),
        (Keywords((DOG,)), Keywords((CAT,)), Keywords((CAT, DOG))),
        (Keywords((DOG, CAT)), Keywords((), ("dog",)), Keywords((CAT,), ("dog",))),
        (Keywords((DOG,), ("Cat",)), Keywords((CAT,)), Keywords((CAT, DOG), ("Cat",))),
        (Keywords((DOG,)), Keywords((), (), is_ours=True), Keywords((), (), is_ours=True)),
        (Keywords(caption="Old"), Keywords((CAT,)), Keywords((CAT,), caption="Old")),
        (Keywords(caption="Old"), Keywords(caption="New"), Keywords(caption="New")),
        (Keywords(caption="Old"), Keywords(is_ours=True), Keywords(is_ours=True)),
    ],
)
def test_the_file_beside_has_the_later_word(
    within: Keywords, beside: Keywords | None, expected: Keywords
) -> None:
    assert merged(within, beside) == expected


def test_a_caption_is_clean_lines_and_no_camera_s_name() -> None:
    assert bounded([], [], caption=" Rex\r\nat the \x01lake\n ").caption == "Rex\nat the lake"
    assert bounded([], [], caption="OLYMPUS DIGITAL CAMERA         ").caption == ""
    assert len(bounded([], [], caption="x" * 5000).caption) == MAX_CAPTION_CHARS


def test_keywords_pass_from_child_to_parent_and_are_checked_there() -> None:
    said = Keywords((Keyword("Hündchen", ("A", "B")),), ("no",), is_ours=True, caption="Über\nuns")
    line = write_answer(said)
    assert read_answer(line) == said
    assert read_answer(write_answer(None)) is None
    for nonsense in (
        line.replace(b'"no"', b"1"),
        line.replace(b'"no"', b'"\\ud800"'),
        line.replace(b"name", b"nome"),
        line.replace(b'"caption": "', b'"caption": 1, "": "'),
        line.replace(b'"caption": "', b'"caption": "\\ud800'),
    ):
        with pytest.raises((ValueError, LookupError, TypeError)):
            read_answer(nonsense)
    endless = line.replace(b'["no"]', b"[" + b", ".join(b'"%d"' % n for n in range(2000)) + b"]")
    assert len(read_answer(endless).rejected) < 1000
