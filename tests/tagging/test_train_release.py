"""manage.py train_release: from verdicts and stored embeddings, or from labelled photos, to a new release."""

import io
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from magicroll.models import Photo, User
from tagging.ml.encoder import open_encoder
from tagging.ml.registry import ENCODERS
from tagging.models import Embedding, Release, Tag, Verdict
from tagging.releases import card_of, register_release, release_tags
from tagging.services import open_corpus
from tagging.vocabulary import load_builtin, load_everyday
from tests.factories import make_photo
from tests.tagging.ml.photos import picture

pytestmark = pytest.mark.django_db

SPEC = ENCODERS["efficientnet-lite2"]


@pytest.fixture(autouse=True)
def _models(settings: LazySettings, models_dir: Path) -> None:
    settings.MODELS_DIR = models_dir


@pytest.fixture
def release() -> Release:
    return register_release(SPEC, load_everyday(SPEC.name), default=True)


@pytest.fixture
def alice(release: Release) -> User:
    user = User.objects.create_user("alice", password="a long password")
    open_corpus(user)
    return user


def judge(user: User, release: Release, slug: str, n: int, seed: int = 0) -> list[Photo]:
    """Photos that have a tag or don't in turns, said by their owner; the embeddings give it away."""
    tag, rng = Tag.objects.get(slug=slug, owner=None), np.random.default_rng(seed)
    towards = np.zeros(SPEC.dimensions)
    towards[:64] = 2.0
    photos = [make_photo(user) for _ in range(n)]
    for i, photo in enumerate(photos):
        vector = rng.exponential(0.4, SPEC.dimensions) + (i % 2) * towards
        Embedding.objects.create(
            owner=user,
            encoder=release.encoder,
            photo=photo,
            revision=photo.revision,
            vector=vector.astype("<f2").tobytes(),
        )
        kind = Verdict.Kind.ADDED if i % 2 else Verdict.Kind.REJECTED
        Verdict.objects.create(owner=user, photo=photo, tag=tag, kind=kind)
    return photos


def train(*arguments: object) -> str:
    out = io.StringIO()
    call_command("train_release", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_verdicts_teach_without_opening_an_image(
    alice: User, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(alice, release, "cat", 80)
    monkeypatch.setattr("tagging.management.commands.train_release.open_encoder", None)
    said = train("mine", "--verdicts-of", "alice")
    made = Release.objects.exclude(pk=release.pk).get()
    assert made.name in said
    assert not made.is_default
    vocabulary = release_tags(made.pk).vocabulary
    assert (made.vocabulary, vocabulary.heads is not None) == ("mine", True)
    card = card_of(made)
    assert card is not None
    [cat] = [tag for tag in card.tags if tag.slug == "cat"]
    assert cat.evidence[0].right >= 20
    assert "private" in card.origins[-1].terms
    assert "alice" not in repr(card)


def test_only_live_photos_with_the_pixels_of_now_count(alice: User, release: Release) -> None:
    photos = judge(alice, release, "cat", 44)
    Photo.objects.filter(pk__in=[photo.pk for photo in photos[:6]]).update(revision=7)
    with pytest.raises(CommandError, match="cat: 19 photos with it and 19 without"):
        train("mine", "--verdicts-of", "alice")
    assert Release.objects.count() == 1


def test_nobody_elses_verdicts_teach(alice: User, release: Release) -> None:
    bob = User.objects.create_user("bob", password="a long password")
    open_corpus(bob)
    judge(bob, release, "cat", 80)
    with pytest.raises(CommandError, match="Nothing was judged"):
        train("mine", "--verdicts-of", "alice")


def test_a_dry_run_registers_nothing(alice: User, release: Release) -> None:
    judge(alice, release, "cat", 80)
    assert "dry run" in train("mine", "--verdicts-of", "alice", "--dry-run")
    assert Release.objects.get() == release


def test_the_same_lesson_twice_is_one_release(alice: User, release: Release) -> None:
    judge(alice, release, "cat", 80)
    for _ in range(2):
        train("mine", "--verdicts-of", "alice")
    assert Release.objects.count() == 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cats and mugs, each in many crops."""
    path = tmp_path_factory.mktemp("labelled")
    lines = ["path\ttags"]
    for name, tags in (("chelsea", "grandma's cat"), ("coffee", "")):
        whole = picture(name)
        for i in range(22):
            crop = whole.crop((4 * i, 3 * i, whole.width - 2 * i, whole.height - i))
            crop.save(path / f"{name}{i}.jpg", quality=85)
            lines.append(f"{name}{i}.jpg\t{tags}")
    (path / "labels.tsv").write_text("\n".join(lines) + "\n")
    return path


def test_labelled_photos_teach_a_new_tag(release: Release, folder: Path, models_dir: Path) -> None:
    labels = folder / "labels.tsv"
    said = train("ours", "--photos", folder, "--labels", labels, "--new-tags-in", "animals")
    assert "grandma-s-cat" in said
    made = Release.objects.exclude(pk=release.pk).get()
    vocabulary = release_tags(made.pk).vocabulary
    assert vocabulary.tags[-1].shown
    encoder = open_encoder(SPEC, models_dir, "cpu")
    pixels = np.stack([np.asarray(picture("chelsea").resize((260, 260)))] * 2)
    embeddings = encoder.encode(pixels).astype(np.float16)
    scores = vocabulary.score(encoder.head.logits(embeddings), embeddings)
    assert vocabulary.present(scores, SPEC.name)[0, -1]


def test_unknown_labels_are_named_by_line(release: Release, folder: Path) -> None:
    with pytest.raises(CommandError, match='line 2: no tag answers to the label "grandma\'s cat"'):
        train("ours", "--photos", folder, "--labels", folder / "labels.tsv")
    assert Release.objects.get() == release


def test_a_word_that_no_release_may_say_is_refused(release: Release, folder: Path) -> None:
    rude = folder / "rude.tsv"
    rude.write_text((folder / "labels.tsv").read_text().replace("grandma's cat", "fat"))
    with pytest.raises(CommandError, match="No release may say: fat"):
        train("ours", "--photos", folder, "--labels", rude, "--new-tags-in", "animals")
    assert Release.objects.get() == release


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "Say either"),
        (("--verdicts-of", "alice", "--photos", "x", "--labels", "y"), "Say either"),
        (("--photos", "x"), "Say either"),
        (("--verdicts-of", "mallory"), "Nobody here is called mallory"),
        (("--verdicts-of", "alice", "--from", "nothing"), "There is no release 'nothing'"),
        (("--photos", "x", "--labels", "gone.tsv"), "gone.tsv"),
    ],
)
def test_bad_orders_are_refused(alice: User, arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        train("mine", *arguments)
    assert Release.objects.count() == 1


def test_a_release_without_heads_cannot_learn(alice: User, release: Release) -> None:
    judge(alice, release, "cat", 44)
    plain = register_release(SPEC, load_builtin(), default=False)
    with pytest.raises(CommandError, match="has no heads"):
        train("mine", "--verdicts-of", "alice", "--from", plain.name)
