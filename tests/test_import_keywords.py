"""Keywords in photos and beside them, through the whole way in."""

from pathlib import Path

import pytest
from PIL import Image

from magicroll import importing, intake
from magicroll.imaging.decoder import DecoderFailed
from magicroll.imaging.protocol import Trouble
from magicroll.importing import Result
from magicroll.intake import OutcomeKind, retry_set_aside, store_upload
from magicroll.models import Photo, User
from tagging import search
from tagging.models import PhotoTag, Verdict
from tagging.verify import differences
from tests.factories import make_user
from tests.imaging.test_xmp import BILLION_LAUGHS, bag, packet
from tests.pictures import sent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(own_files: Path) -> User:
    return make_user("alice")


def save(path: Path, *words: str, colour: str = "teal") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), colour).save(path, "JPEG", xmp=packet(bag("dc:subject", *words)))
    return path


def words_on(user: User, name: str) -> dict[str, str]:
    photo = Photo.objects.owned_by(user).get(name=name)
    said = Verdict.objects.owned_by(user).filter(photo=photo).select_related("tag")
    return {verdict.tag.slug: verdict.kind for verdict in said}


def run(user: User, top: Path) -> dict[str, importing.Report]:
    walk = importing.find_files([top])
    return {report.path.name: report for report in importing.import_files(user, walk.files)}


def test_an_upload_brings_its_words_along_at_once(alice: User, tmp_path: Path) -> None:
    outcome = store_upload(alice, sent(save(tmp_path / "a.jpg", "Dog", "Fluffy")))
    assert outcome.kind == OutcomeKind.STORED
    assert words_on(alice, "a.jpg") == {"dog": "added", "fluffy": "added"}
    assert {"dog", "animals", "fluffy", "my-tags"} <= set(
        PhotoTag.objects.values_list("tag__slug", flat=True)
    )
    assert differences(alice.pk) == []


def caption_of(user: User, name: str) -> str:
    return Photo.objects.owned_by(user).get(name=name).caption


def test_an_upload_brings_its_caption_along_and_search_finds_it(alice: User, tmp_path: Path) -> None:
    picture = Image.new("RGB", (64, 48), "teal")
    picture.save(
        tmp_path / "a.jpg", "JPEG", xmp=packet("<dc:description>Rex, two weeks old</dc:description>")
    )
    assert store_upload(alice, sent(tmp_path / "a.jpg")).kind == OutcomeKind.STORED
    photo = Photo.objects.owned_by(alice).get()
    assert photo.caption == "Rex, two weeks old"
    assert search.find(search.corpus_of(alice), "weeks").page.photos == [photo]


def test_a_file_beside_a_photo_has_the_later_word_about_its_caption(alice: User, tmp_path: Path) -> None:
    for name, colour, beside in (
        ("a.jpg", "red", packet("<dc:description>Later</dc:description>")),
        ("b.jpg", "blue", packet(bag("dc:subject", "Dog"))),
        ("c.jpg", "green", packet("", 'magicroll:version="1"')),
    ):
        picture = Image.new("RGB", (64, 48), colour)
        picture.save(tmp_path / name, "JPEG", xmp=packet("<dc:description>First</dc:description>"))
        (tmp_path / f"{name}.xmp").write_bytes(beside)
    run(alice, tmp_path)
    assert [caption_of(alice, name) for name in ("a.jpg", "b.jpg", "c.jpg")] == ["Later", "First", ""]


def test_sidecars_are_read_beside_the_photos_of_a_tree(alice: User, tmp_path: Path) -> None:
    save(tmp_path / "2019/a.jpg", "Dog")
    (tmp_path / "2019/a.jpg.xmp").write_bytes(
        packet(bag("dc:subject", "Rex") + bag("magicroll:rejected", "Dog"))
    )
    save(tmp_path / "2020/b.jpg", "Dog", colour="red")
    (tmp_path / "2020/b.xmp").write_bytes(packet(bag("dc:subject", "Beach")))
    save(tmp_path / "2020/c.jpg", "Dog", colour="blue")
    (tmp_path / "2020/c.jpg.xmp").write_bytes(packet("", 'magicroll:version="1"'))
    reports = run(alice, tmp_path)
    assert words_on(alice, "a.jpg") == {"rex": "added", "dog": "rejected"}
    assert words_on(alice, "b.jpg") == {"beach": "added", "dog": "added"}
    assert words_on(alice, "c.jpg") == {}
    assert reports["a.jpg"].sidecars == (tmp_path / "2019/a.jpg.xmp",)
    assert differences(alice.pk) == []


@pytest.mark.parametrize("content", [BILLION_LAUGHS, b"", b"\0" * 5_000_000, packet("")[:200]])
def test_a_sidecar_that_may_not_be_read_is_reported_as_ignored_and_the_photo_comes_in(
    content: bytes, alice: User, tmp_path: Path
) -> None:
    save(tmp_path / "a.jpg", "Dog")
    (tmp_path / "a.xmp").write_bytes(content)
    report = run(alice, tmp_path)["a.jpg"]
    assert (report.result, report.sidecars) == (Result.IMPORTED, ())
    assert words_on(alice, "a.jpg") == {"dog": "added"}


def test_a_sidecar_that_nobody_may_open_costs_nothing_but_its_words(
    alice: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def read_sidecar(self, sidecar: Path) -> None:
            raise OSError(13, "Permission denied")

    monkeypatch.setattr(intake, "decoders", Broken)
    assert intake.read_keywords(tmp_path / "a.xmp") is None


def test_a_photo_that_is_set_aside_has_the_words_beside_it_and_gets_its_own_when_it_is_read(
    alice: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.jpg", "Dog")
    (tmp_path / "a.xmp").write_bytes(packet(bag("dc:subject", "Rex")))
    keywords = intake.read_keywords(tmp_path / "a.xmp")

    class Slow:
        def process(self, source: Path, out_dir: Path) -> None:
            raise DecoderFailed(Trouble.TIMEOUT)

    with monkeypatch.context() as context:
        context.setattr(intake, "decoders", Slow)
        outcome = store_upload(alice, sent(path), keywords=keywords)
    assert outcome.kind == OutcomeKind.SET_ASIDE
    assert outcome.photo is not None
    assert words_on(alice, "a.jpg") == {"rex": "added"}
    retry_set_aside(alice, outcome.photo)
    assert words_on(alice, "a.jpg") == {"rex": "added", "dog": "added"}
    assert differences(alice.pk) == []


def test_a_word_that_was_taken_back_does_not_return_with_the_next_import(alice: User, tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", "Dog")
    run(alice, tmp_path)
    Verdict.objects.owned_by(alice).delete()
    assert run(alice, tmp_path)["a.jpg"].result == Result.ALREADY_THERE
    assert words_on(alice, "a.jpg") == {}
