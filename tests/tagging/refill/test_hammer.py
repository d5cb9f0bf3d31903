"""Readers, people, workers and an administrator at the same time: each answer is whole, and of one release."""

import random
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from magicroll.models import Photo, User
from tagging.models import Corpus, CorpusRefill, Leftover, Refill, Release
from tagging.refill import cleaning, filling, orders
from tagging.services import annotate_some
from tests.factories import make_photo, make_release
from tests.tagging.refill.crew import Crew, turn
from tests.tagging.refill.model import expire_chunks, expire_leases, looking
from tests.tagging.refill.people import make_person, start, work_off
from tests.tagging.refill.test_orders import check_whole

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 6.0
STEADY, BUSY = 10, 8


@dataclass(frozen=True)
class Words:
    """What one release says about every photo, and the category that it stands in."""

    tag: str
    category: str


OLD, NEW = Words("dog", "animals"), Words("car", "vehicles")


@dataclass(frozen=True)
class Answer:
    """What a page says: its rail, and the cells of its list with their words."""

    path: str
    html: str

    @property
    def rail(self) -> dict[str, int]:
        found = re.findall(r'id="rail-([\w-]+)" .*?</span><span class="count">(\d+)</span>', self.html)
        return {slug: int(count) for slug, count in found}

    @property
    def cells(self) -> dict[int, str]:
        found = re.findall(r'<li class="cell" data-id="(\d+)".*? alt="([^"]*)"', self.html)
        return {int(photo): words for photo, words in found}

    @property
    def count(self) -> int | None:
        """How many photos the page says that it lists."""
        said = re.search(r'<p class="quiet tabular">(\d+) photo', self.html)
        said = said or re.search(r'<span class="count">(\d+) photos</span>', self.html)
        return int(said[1]) if said else None

    @property
    def words(self) -> Words:
        """The release that it comes from, which its rail tells; a photo that it has yet to see may carry others."""
        here = [words for words in (OLD, NEW) if self.rail.get(words.category, 0) >= STEADY]
        assert len(here) == 1, f"{self.path}: rail {self.rail}"
        return here[0]


@dataclass
class Reader:
    """Reads pages as one person and holds each answer against itself."""

    client: Client
    crew: Crew
    steady: set[int]
    releases: list[Words] = field(default_factory=list)  # of the answers, in their order

    def read(self, rng: random.Random) -> None:
        words, photo = rng.choice((OLD, NEW)), rng.choice(sorted(self.steady))
        tagged = [f"/magic/{words.tag}/", f"/magic/{words.category}/", f"/search/?q={words.tag}"]
        path = rng.choice([*tagged, "/", "/magic/", f"/photo/{photo}/similar/", f"/photo/{photo}/tags/"])
        answer = self.get(path)
        if path in tagged:
            self.check_list(answer, self.steady if answer.words == words else set())
        elif path == "/":
            self.check_list(answer, self.steady)
        elif "similar" in path:
            self.check_list(answer, self.steady - {photo})
        elif "tags" in path:
            chips = set(re.findall(r'href="/magic/(dog|car)/"', answer.html))
            assert chips == {answer.words.tag}, (path, chips)
        self.releases.append(answer.words)
        self.crew.over.wait(0.01)

    def get(self, path: str) -> Answer:
        response = self.client.get(path)
        assert response.status_code == 200, (path, response.status_code)
        answer = Answer(path, response.content.decode())
        for photo in self.steady & answer.cells.keys():
            said = {OLD.tag, NEW.tag} & set(answer.cells[photo].split(", "))
            assert said == {answer.words.tag}, f"{path}: {said} beside {answer.rail}"
        shelves = dict(
            re.findall(r'id="shelf-([\w-]+)"(?:(?!id="shelf-).)*?All (\d+)<', answer.html, re.DOTALL)
        )
        assert all(answer.rail[slug] == int(count) for slug, count in shelves.items()), (path, shelves)
        return answer

    def check_list(self, answer: Answer, wanted: set[int]) -> None:
        assert answer.cells.keys() & self.steady == wanted, f"{answer.path}: {answer.rail} and {answer.cells}"
        assert answer.count in (None, len(answer.cells)), (
            f"{answer.path}: {answer.count} beside {answer.cells}"
        )
        category = re.fullmatch(r"/magic/(animals|vehicles)/", answer.path)
        if category and wanted:
            assert answer.rail[category[1]] == len(answer.cells)


@dataclass
class Person:
    """Does to the photos that are not steady what people do, over HTTP where there is a page for it."""

    client: Client
    user: User
    steady: set[int]

    def act(self, rng: random.Random) -> None:
        photos = Photo.objects.owned_by(self.user).exclude(id__in=self.steady)
        ids = list(photos.order_by("id").values_list("id", flat=True))
        if len(ids) < BUSY:
            make_photo(self.user)
            return
        photo = rng.choice(ids)
        rng.choice((self.judge, self.judge, self.turn, self.move, self.delete, self.choose))(photo, rng)

    def judge(self, photo: int, rng: random.Random) -> None:
        words = {"verdict": "add", "name": "Grandma"}
        if rng.random() < 0.5:
            chips = re.findall(
                r'name="tag" value="(\d+)"', self.client.get(f"/photo/{photo}/").content.decode()
            )
            words = {"verdict": rng.choice(("reject", "undo")), "tag": rng.choice(chips)} if chips else words
        self.post(photo, "tags", words)

    def turn(self, photo: int, rng: random.Random) -> None:
        turn(self.user, photo)

    def move(self, photo: int, rng: random.Random) -> None:
        self.post(photo, rng.choice(("trash", "restore")), {})

    def delete(self, photo: int, rng: random.Random) -> None:
        self.post(photo, "trash", {})
        self.post(photo, "delete", {})

    def choose(self, photo: int, rng: random.Random) -> None:
        form = {"order": rng.choice(("mute", "hide", "show")), "name": rng.choice(("Grandma", "my tags"))}
        response = self.client.post("/your-tags/", form)
        assert response.status_code in (302, 422), response.status_code  # nobody added it yet

    def post(self, photo: int, act: str, fields: dict[str, str]) -> HttpResponse:
        response = self.client.post(f"/photo/{photo}/{act}/", fields)
        assert response.status_code in (200, 302, 404, 422), (act, response.status_code)
        return response


@pytest.fixture
def hammered(
    settings: Settings, tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[User]:
    """A person with photos; small snapshots, so that switches and readers meet them too."""
    settings.INDEX_DIR, settings.MODELS_DIR = tmp_path / "indexes", models_dir
    monkeypatch.setattr("tagging.snapshots.TAIL_ROWS", 5)

    def answer(release_id: int, photo_id: int, revision: int) -> dict[str, float]:
        return {(OLD if Release.objects.get(pk=release_id).is_default else NEW).tag: 0.75}

    monkeypatch.setattr("tests.tagging.refill.model.answer", answer)
    with looking(chunk=4):
        yield make_person("alice", STEADY)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@dataclass
class Administrator:
    """Brings a corpus to the other release, then perhaps back at once; now and then changes her mind midway."""

    user: User
    crew: Crew
    releases: list[Release]

    def administer(self, rng: random.Random) -> None:
        active = Corpus.objects.get(owner=self.user).active_id
        other = next(one for one in self.releases if one.pk != active)
        refill = start(other, self.user, hold=rng.random() < 0.3)
        if rng.random() < 0.3:
            filling.fill_some()
            with suppress(orders.OrderRefused):  # it was whole with one chunk
                orders.cancel(None, refill)
        else:
            self.finish(refill)
            for _ in range(rng.choice((0, 3, 6))):
                with suppress(orders.OrderRefused):  # time was over before it switched for the first time
                    orders.roll_back(None, self.user)
                self.crew.over.wait(0.05)
        if Leftover.objects.exists():
            cleaning.clean_some(float("inf"))

    def finish(self, refill: Refill) -> None:
        mine = refill.corpora.filter(state__in=CorpusRefill.OPEN)
        while mine.exists() and not self.crew.over.is_set():
            filling.fill_some()
            annotate_some(self.user.pk)
            cleaning.clean_some()
            for whole in mine.filter(state=CorpusRefill.State.WHOLE):
                with suppress(orders.OrderRefused):  # a photo came just now
                    orders.approve(None, whole)


def test_every_answer_is_whole_and_of_one_release_whatever_goes_on(hammered: User):
    steady = set(Photo.objects.owned_by(hammered).values_list("id", flat=True))
    crew = Crew(SECONDS)
    readers = [Reader(client_of(hammered), crew, steady) for _ in range(3)]
    for reader in readers:
        crew.hire(reader.read)
    person = Person(client_of(hammered), hammered, steady)
    crew.hire(lambda rng: person.act(rng) or crew.over.wait(rng.choice((0.02, 0.02, 0.6))))
    crew.hire(lambda _: annotate_some(hammered.pk) or crew.over.wait(0.05))
    releases = [make_release(), make_release("efficientnet-lite0")]
    crew.hire(Administrator(hammered, crew, releases).administer)

    def seen() -> int:
        pairs = [pair for reader in readers for pair in pairwise(list(reader.releases))]
        return sum(before != after for before, after in pairs)

    crew.run(enough=lambda: seen() > 6)
    print(f"{dict(crew.ran)}; readers saw {seen()} switches and ways back")  # noqa: T201 - shown when it fails
    assert crew.ran["read"] > 20
    assert seen() > 6
    finish_everything(hammered)


def finish_everything(user: User) -> None:
    """Let workers do what is left, and hold all of it against what it should be."""
    expire_chunks()
    expire_leases()
    filling.end_what_is_over()
    work_off()
    while annotate_some(user.pk):
        pass
    work_off()
    cleaning.clean_some(float("inf"))
    check_whole(user)
