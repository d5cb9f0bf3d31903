"""Choices of tags: what a list has, its counts, and what one step more leaves. Held against a plain recount."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from magicroll import services
from magicroll.models import Photo, User
from tagging import search
from tagging.models import Corpus, PhotoTag, TagCount
from tagging.search import BadChoice, BadCursor, Choice, UnknownTag
from tagging.search.choosing import resolve, selection_of
from tagging.search.postings import SURE_FROM, postings_of
from tagging.services import add_tag, reject_tag
from tests.factories import JUNE, annotate, make_photo, make_user

pytestmark = pytest.mark.django_db
SLUGS = ("dog", "beach", "cat", "car")
QUICK = settings(max_examples=12, suppress_health_check=list(HealthCheck))


def listed(user: User, choice: Choice, limit: int = 2) -> Iterator[int]:
    """Read a whole list page by page, as somebody who scrolls does."""
    before: str | None = None
    while True:
        page = search.chosen_page(search.corpus_of(user), choice, before, limit).tag.page
        yield from (photo.pk for photo in page.photos)
        before = page.next
        if before is None:
            return


def recount(user: User, choice: Choice) -> list[int]:
    """Say what a choice means, one photo at a time."""
    scores: dict[int, dict[str, float]] = defaultdict(dict)
    rows = PhotoTag.objects.seen_in(Corpus.objects.get(owner=user))
    for photo_id, slug, score in rows.values_list("photo", "tag__slug", "score"):
        scores[photo_id][slug] = score
    found = []
    for photo_id, taken_at in (
        Photo.objects.owned_by(user).live().newest_first().values_list("id", "taken_at")
    ):
        mine = scores[photo_id]
        has = [mine.get(slug, -1.0) >= (SURE_FROM if choice.surer else 0) for slug in choice.tags]
        if choice.years and taken_at.year not in choice.years:
            continue
        if (any if choice.match_any else all)(has) and not mine.keys() & set(choice.without):
            found.append(photo_id)
    return found


@pytest.fixture
def alice(db: None) -> User:
    """Sixteen photos with every mix of four tags, sure and less sure, several of one moment, over three years."""
    user = make_user("alice")
    for number, mix in enumerate(product((False, True), repeat=len(SLUGS))):
        photo = make_photo(user, JUNE - timedelta(days=200 * (number % 5)))
        score = 0.95 if number % 3 else 0.5
        annotate(photo, {slug: score for slug, has in zip(SLUGS, mix, strict=True) if has})
    return user


choices = st.builds(
    lambda slugs, asked, refused, years, match_any, surer: Choice(
        first=slugs[0],
        further=tuple(slugs[1:asked]),
        without=tuple(slugs[asked : asked + refused]),
        years=tuple(sorted(years, reverse=True)),
        match_any=match_any and asked > 1,
        surer=surer,
    ),
    st.permutations(SLUGS),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sets(st.sampled_from([2021, 2022, 2023, 2024]), max_size=2),
    st.booleans(),
    st.booleans(),
)


@QUICK
@given(choice=choices)
def test_a_list_has_what_it_says_in_order_and_its_count_is_its_length(alice: User, choice: Choice):
    wanted = recount(alice, choice)
    page = search.chosen_page(search.corpus_of(alice), choice)
    assert list(listed(alice, choice)) == wanted
    assert page.tag.count == len(wanted)


@QUICK
@given(choice=choices)
def test_every_facet_is_the_count_of_the_list_it_leads_to(alice: User, choice: Choice):
    corpus = search.corpus_of(alice)
    facets = search.facets_of(corpus, resolve(corpus, choice))
    count = lambda one: len(recount(alice, one))  # noqa: E731
    assert facets.total == count(choice)
    for tag in facets.tags:
        assert tag.with_it == count(choice.adding(tag.slug)), tag
        assert tag.without_it == count(choice.excluding(tag.slug)), tag
    for year in facets.years:
        assert year.count == count(Choice(**{**fields(choice), "years": (year.year,)}))
    assert facets.surer == count(Choice(**{**fields(choice), "surer": True}))


def fields(choice: Choice) -> dict[str, object]:
    return {name: getattr(choice, name) for name in Choice.__slots__}


@QUICK
@given(choice=choices)
def test_an_address_says_the_whole_choice(choice: Choice):
    assert search.read(choice.first, QueryDict(choice.query)) == choice
    assert search.read_place(choice.place.removeprefix("tag:")) == choice


@QUICK
@given(choice=choices)
def test_neighbours_follow_the_list(alice: User, choice: Choice):
    corpus, ids = search.corpus_of(alice), recount(alice, choice)
    for newer, here, older in zip([None, *ids], ids, [*ids[1:], None], strict=False):
        beside = search.neighbours(corpus, Photo.objects.get(pk=here), choice.place)
        assert (beside.previous, beside.next) == (newer, older)


def test_a_photo_outside_of_the_list_has_neighbours_in_it(alice: User):
    choice = Choice("dog", ("beach",))
    corpus, ids = search.corpus_of(alice), recount(alice, choice)
    for photo in Photo.objects.owned_by(alice).exclude(pk__in=ids):
        beside = search.neighbours(corpus, photo, choice.place)
        order = [one.pk for one in Photo.objects.filter(pk__in=[*ids, photo.pk]).newest_first()]
        place = order.index(photo.pk)
        assert beside.previous == (order[place - 1] if place else None)
        assert beside.next == (order[place + 1] if place + 1 < len(order) else None)


def test_what_is_kept_follows_every_change(alice: User):
    choice = Choice("dog", ("beach",))
    ids = recount(alice, choice)
    assert list(listed(alice, choice)) == ids
    _, beach = resolve(search.corpus_of(alice), choice).asked
    photo = Photo.objects.get(pk=ids[0])
    reject_tag(alice, photo, beach.pk)
    assert list(listed(alice, choice)) == ids[1:]
    add_tag(alice, photo, "beach")
    assert list(listed(alice, choice)) == ids
    services.trash(alice, [ids[1]])
    assert list(listed(alice, choice)) == [ids[0], *ids[2:]]
    services.restore(alice, [ids[1]])
    new = make_photo(alice, JUNE + timedelta(days=1))
    annotate(new, {"dog": 0.9, "beach": 0.9})
    assert list(listed(alice, choice)) == [new.pk, *ids]
    assert search.chosen_page(search.corpus_of(alice), choice).tag.count == len(ids) + 1


def test_only_what_changed_is_read_again(alice: User, django_assert_num_queries):
    corpus = search.corpus_of(alice)
    versions = dict(TagCount.objects.filter(owner=alice).values_list("tag_id", "version"))
    postings_of(corpus, versions)
    with django_assert_num_queries(0):
        postings_of(corpus, versions)
    annotate(make_photo(alice), {"car": 0.9})
    now = dict(TagCount.objects.filter(owner=alice).values_list("tag_id", "version"))
    changed = {tag for tag in now if now[tag] != versions.get(tag)}
    assert changed
    assert len(changed) < len(now)
    with django_assert_num_queries(len(changed)):
        postings_of(corpus, now)


def test_what_is_kept_is_one_persons(alice: User):
    bob = make_user("bob")
    photo = make_photo(bob)
    annotate(photo, {"dog": 0.9, "beach": 0.9})
    choice = Choice("dog", ("beach",))
    assert photo.pk not in set(listed(alice, choice))
    assert list(listed(bob, choice)) == [photo.pk]


def test_a_place_that_is_not_known_is_taken_for_the_roll(alice: User):
    photo = Photo.objects.owned_by(alice).newest_first()[0]
    for place in ("tag:dog?with=no-such-tag", "tag:dog?year=x", "tag:dog?match=some"):
        assert search.neighbours(search.corpus_of(alice), photo, place) == search.neighbours(
            search.corpus_of(alice), photo, "roll"
        )


def test_unknown_tags_and_nonsense_are_refused(alice: User):
    corpus = search.corpus_of(alice)
    with pytest.raises(UnknownTag):
        search.chosen_page(corpus, Choice("dog", ("no-such-tag",)))
    with pytest.raises(BadCursor):
        search.chosen_page(corpus, Choice("dog", ("beach",)), "nonsense")
    for query in ("year=x", "year=0", "year=12345", "match=some", "&".join(f"with=t{n}" for n in range(13))):
        with pytest.raises(BadChoice):
            search.read("dog", QueryDict(query))


def test_a_tag_that_no_photo_has_leaves_nothing_and_excludes_nothing(alice: User):
    assert list(listed(alice, Choice("dog", ("owl",)))) == []
    assert list(listed(alice, Choice("dog", without=("owl",)))) == recount(alice, Choice("dog"))
    empty = selection_of(search.corpus_of(alice), resolve(search.corpus_of(alice), Choice("owl", ("dog",))))
    assert empty.count == 0
    assert empty.older(None, 5) == []
