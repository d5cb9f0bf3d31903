"""Every page, rendered in German, says nothing in English that has a German translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache

from magicroll import accounts
from magicroll.models import Invitation, User
from magicroll.texts.catalogue import read_po
from magicroll.texts.catalogues import catalogues
from tagging.models import Corpus
from tests.addresses import KNOWN, addresses
from tests.tagging.own_tags.eyes import few_dimensions
from tests.test_ownership import MARCH_1987, Roll, ask, make_roll, wait_for_approval
from tests.views.conftest import logged_in

pytestmark = pytest.mark.django_db
WORDS_OF_A_SENTENCE = 3
_FILLED = re.compile(r"%\(\w+\)s")


class Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.parts += [
            value for name, value in attributes if value and name in ("alt", "title", "aria-label")
        ]


def text_of(page: str) -> str:
    reader = Text()
    reader.feed(page)
    return " ".join(" ".join(reader.parts).split())


@pytest.fixture(autouse=True)
def _own_heads() -> Iterator[None]:
    with few_dimensions():
        yield


@pytest.fixture
def roll() -> Roll:
    cache.clear()
    roll = make_roll("frieda", "zaunkoenig", MARCH_1987, "#a1b2c3")
    roll.refill_id = wait_for_approval(roll.user)
    User.objects.filter(pk=roll.user.pk).update(is_staff=True, is_superuser=True, language="de")
    accounts.invite(roll.user, "", as_admin=True)
    return roll


def pages(roll: Roll) -> list[str]:
    values = {
        "photo_id": roll.live.pk, "slug": "dog", "user_id": roll.user.pk, "refill_id": roll.refill_id,
        "release_id": Corpus.objects.get(owner=roll.user).active_id, "token": "guessed",
        "invitation_id": Invitation.objects.get().pk, "tag_id": roll.own_tag.pk, "operation_id": roll.operation_id,
    }  # fmt: skip
    asked = [address.url(**values) for address in addresses() if KNOWN[address.name].get]
    return [*asked, "/models/re-tag/?people=frieda", "/no-such-page/"]


def english_sentences() -> list[re.Pattern[str]]:
    german = next(one for one in catalogues(Path(settings.BASE_DIR)) if one.language == "de")
    entries = [entry for entry in read_po(german.po.read_text("utf-8")) if entry.text.msgid]
    texts = {text for entry in entries for text in (entry.text.msgid, entry.text.plural)}
    texts.discard("only photos that the release has not seen")  # the audit trail is kept in one language
    long = [
        text
        for text in texts
        if len(re.findall(r"[^\W\d_]{2,}", _FILLED.sub("", text))) > WORDS_OF_A_SENTENCE
    ]
    return [re.compile(re.sub(r"%\\\(\w+\\\)s", ".+?", re.escape(text))) for text in long]


def test_no_page_in_german_says_an_english_sentence_that_has_a_translation(roll: Roll) -> None:
    client, sentences = logged_in(roll.user), english_sentences()
    assert len(sentences) > 100
    seen = 0
    for url in pages(roll):
        response = ask(client, "GET", url, {})
        assert response.status_code in (200, 302, 404, 422), url
        if response.streaming or not response["Content-Type"].startswith("text/html"):
            continue
        said = text_of(response.content.decode())
        assert [sentence.pattern for sentence in sentences if sentence.search(said)] == [], url
        seen += response.status_code == 200
    assert seen > 20
