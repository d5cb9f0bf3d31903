from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from magicroll.models import Photo, User
from tagging.models import Outstanding, Tag, Verdict
from tests.factories import JUNE, annotate, make_photo

HTMX = {"HX-Request": "true"}
GETS = ["", "tags/", "similar/"]
POSTS = ["favourite/", "trash/", "restore/", "delete/", "retry/"]


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def photo(alice: User) -> Photo:
    return make_photo(
        alice,
        name="IMG_0042.jpg",
        width=4032,
        height=3024,
        byte_size=3_565_158,
        taken_offset_min=120,
        latitude=38.71391,
        longitude=-9.13347,
        camera={
            "camera_make": "Canon",
            "camera_model": "Canon EOS R6",
            "focal_length_mm": 35.0,
            "aperture_f": 2.8,
            "exposure_s": 0.004,
            "iso": 400,
        },
    )


class TestDoors:
    @pytest.mark.parametrize("path", GETS)
    def test_it_works(self, as_alice: Client, photo: Photo, path: str) -> None:
        assert as_alice.get(f"/photo/{photo.pk}/{path}").status_code == 200

    @pytest.mark.parametrize("path", [*GETS, *POSTS])
    def test_another_persons_photo_is_404(self, as_bob: Client, photo: Photo, path: str) -> None:
        ask = as_bob.post if path in POSTS else as_bob.get
        assert ask(f"/photo/{photo.pk}/{path}").status_code == 404

    def test_judging_another_persons_photo_is_404(self, as_bob: Client, photo: Photo) -> None:
        data = {"verdict": "add", "name": "dog"}
        assert as_bob.post(f"/photo/{photo.pk}/tags/", data).status_code == 404
        assert not Verdict.objects.exists()

    @pytest.mark.parametrize("path", [*GETS, *POSTS])
    def test_anonymous_is_sent_to_log_in(self, client: Client, photo: Photo, path: str) -> None:
        ask = client.post if path in POSTS else client.get
        assert ask(f"/photo/{photo.pk}/{path}")["Location"].startswith("/login/")

    @pytest.mark.parametrize("path", [*GETS, *POSTS])
    def test_it_rejects_the_wrong_method(self, as_alice: Client, photo: Photo, path: str) -> None:
        ask = as_alice.get if path in POSTS else as_alice.put
        assert ask(f"/photo/{photo.pk}/{path}").status_code == 405


class TestPhoto:
    def test_it_tells_the_facts(self, as_alice: Client, photo: Photo) -> None:
        page = text(as_alice.get(f"/photo/{photo.pk}/"))
        for fact in (
            "Saturday, 15 June 2024",
            "12:30",
            "UTC+02:00",
            "from the camera",
            "Canon EOS R6",
            "35 mm · f/2.8 · 1/250 s · ISO 400",
            "4032 × 3024",
            "12 MP",
            "3.4\xa0MB",
            "JPEG",
            "38.71391° N, 9.13347° W",
            f'src="/photo/{photo.pk}/preview.jpg?r=1"',
            f'href="/photo/{photo.pk}/original"',
        ):
            assert fact in page
        assert "Canon Canon" not in page

    def test_previous_and_next_are_those_of_the_list_it_was_opened_from(
        self, as_alice: Client, alice: User
    ) -> None:
        newest, middle, oldest = (make_photo(alice, JUNE - timedelta(days=day)) for day in range(3))
        Photo.objects.filter(pk__in=[newest.pk, oldest.pk]).update(favourite=True)
        page = text(as_alice.get(f"/photo/{middle.pk}/"))
        assert f'href="/photo/{newest.pk}/" data-key="previous"' in page
        assert f'href="/photo/{oldest.pk}/" data-key="next"' in page
        page = text(as_alice.get(f"/photo/{newest.pk}/?in=favourites"))
        assert f'href="/photo/{oldest.pk}/?in=favourites" data-key="next"' in page
        assert 'href="/favourites/" data-key="back"' in page

    @pytest.mark.parametrize(
        ("within", "back"),
        [
            ("roll", "/?photo={photo}"),
            ("tag:dog", "/magic/dog/"),
            ("search:red dog", "/search/?q=red+dog"),
            ("favourites", "/favourites/"),
            ("nonsense", "/?photo={photo}"),
            ("tag:", "/?photo={photo}"),
        ],
    )
    def test_back_leads_to_the_list(self, as_alice: Client, photo: Photo, within: str, back: str) -> None:
        page = text(as_alice.get(f"/photo/{photo.pk}/", {"in": within}))
        back = back.format(photo=photo.pk)
        assert f'href="{back}" data-key="back"' in page

    @pytest.mark.parametrize("within", ["tag:../../admin", "search:<script>", "\x01", "x" * 3000])
    def test_a_strange_context_does_no_harm(self, as_alice: Client, photo: Photo, within: str) -> None:
        response = as_alice.get(f"/photo/{photo.pk}/", {"in": within})
        assert response.status_code == 200
        assert b"<script>alert" not in response.content

    @pytest.mark.parametrize(("width", "is_larger"), [(1600, False), (1601, True)])
    def test_a_photo_larger_than_its_preview_fills_the_window(
        self, as_alice: Client, alice: User, width: int, is_larger: bool
    ) -> None:
        page = as_alice.get(f"/photo/{make_photo(alice, width=width, height=900).pk}/").content.decode()
        assert ('id="picture" class="larger"' in page) is is_larger

    @pytest.mark.parametrize(
        ("fields", "is_offered"),
        [
            ({}, True),
            ({"kind": "avif"}, True),
            ({"kind": "heic"}, False),  # few browsers show it
            ({"kind": "png", "camera": {"orientation": 6}}, False),  # some would show it lying
            ({"kind": "jpeg", "camera": {"orientation": 6}}, True),
            ({"byte_size": 60_000_001}, False),
            ({"width": 12_001, "height": 10_000}, False),
            ({"width": 1600, "height": 1200}, False),  # the preview has every pixel
        ],
    )
    def test_the_original_is_there_for_a_closer_look_where_browsers_show_it(
        self, as_alice: Client, alice: User, fields: dict[str, Any], is_offered: bool
    ) -> None:
        large = make_photo(alice, **{"width": 4000, "height": 3000} | fields)
        page = text(as_alice.get(f"/photo/{large.pk}/"))
        assert (f'data-original="/photo/{large.pk}/original"' in page) is is_offered

    def test_the_viewer_over_a_list_gets_the_photo_without_a_page(
        self, as_alice: Client, photo: Photo
    ) -> None:
        response = as_alice.get(f"/photo/{photo.pk}/", {"in": "favourites"}, headers=HTMX)
        assert "<html" not in text(response)
        assert f'class="viewer" data-photo="{photo.pk}"' in text(response)
        assert {"HX-Request", "HX-Boosted"} <= set(response["Vary"].split(", "))
        boosted = as_alice.get(f"/photo/{photo.pk}/", headers=HTMX | {"HX-Boosted": "true"})
        assert "<html" in text(boosted)

    def test_a_file_name_can_not_become_markup(self, as_alice: Client, alice: User) -> None:
        odd = make_photo(alice, name='"><script>alert(1)</script>.jpg')
        assert "<script>alert" not in text(as_alice.get(f"/photo/{odd.pk}/"))

    def test_a_set_aside_photo_says_why_and_can_be_tried_again(self, as_alice: Client, alice: User) -> None:
        odd = make_photo(alice, state="set_aside", set_aside_reason="It took too long.", width=0, height=0)
        page = text(as_alice.get(f"/photo/{odd.pk}/"))
        assert "It took too long." in page
        assert "preview.jpg" not in page
        assert f'action="/photo/{odd.pk}/retry/"' in page

    def test_a_trashed_photo_says_how_long_it_is_kept(self, as_alice: Client, photo: Photo) -> None:
        Photo.objects.filter(pk=photo.pk).update(trashed_at=timezone.now() - timedelta(days=3, minutes=1))
        page = text(as_alice.get(f"/photo/{photo.pk}/"))
        assert "Deleted for good in 27 days." in page
        assert f'action="/photo/{photo.pk}/restore/"' in page

    def test_its_queries_do_not_grow_with_its_tags(self, as_alice: Client, photo: Photo) -> None:
        counts = []
        for tags in ({"dog": 0.9}, {"dog": 0.9, "cat": 0.8, "beach": 0.7, "mountain": 0.6}):
            annotate(photo, tags)
            as_alice.get(f"/photo/{photo.pk}/")
            with CaptureQueriesContext(connection) as queries:
                as_alice.get(f"/photo/{photo.pk}/")
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestTags:
    def dog(self) -> Tag:
        return Tag.objects.get(slug="dog", owner=None)

    def test_the_fragment_asks_again_only_while_tags_are_on_their_way(
        self, as_alice: Client, photo: Photo
    ) -> None:
        assert 'hx-trigger="every 1s"' in text(as_alice.get(f"/photo/{photo.pk}/tags/", headers=HTMX))
        annotate(photo, {"dog": 0.873})
        fragment = text(as_alice.get(f"/photo/{photo.pk}/tags/", headers=HTMX))
        assert "every 1s" not in fragment
        assert 'href="/magic/dog/"' in fragment
        assert "87 %" in fragment
        assert "<html" not in fragment

    def test_rejecting_and_undoing(self, as_alice: Client, photo: Photo) -> None:
        annotate(photo, {"dog": 0.9})
        tag = self.dog()
        url = f"/photo/{photo.pk}/tags/"
        fragment = text(as_alice.post(url, {"verdict": "reject", "tag": tag.pk}, headers=HTMX))
        assert 'href="/magic/dog/"' not in fragment
        assert f'id="undo-{tag.pk}"' in fragment
        assert Verdict.objects.get().kind == Verdict.Kind.REJECTED
        fragment = text(as_alice.post(url, {"verdict": "undo", "tag": tag.pk}, headers=HTMX))
        assert 'href="/magic/dog/"' in fragment
        assert not Verdict.objects.exists()

    def test_adding_by_name(self, as_alice: Client, photo: Photo) -> None:
        url = f"/photo/{photo.pk}/tags/"
        assert 'href="/magic/dog/"' in text(
            as_alice.post(url, {"verdict": "add", "name": " Dog "}, headers=HTMX)
        )
        fragment = text(as_alice.post(url, {"verdict": "add", "name": "Grandma's garden"}, headers=HTMX))
        assert "Grandma&#x27;s garden" in fragment
        assert Tag.objects.filter(owner=photo.owner_id).count() == 1

    def test_a_plain_form_leads_back_to_the_photo(self, as_alice: Client, photo: Photo) -> None:
        data = {"verdict": "add", "name": "dog", "in": "tag:dog"}
        response = as_alice.post(f"/photo/{photo.pk}/tags/", data)
        assert (response.status_code, response["Location"]) == (302, f"/photo/{photo.pk}/?in=tag%3Adog")

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ({}, "Choose a tag first."),
            ({"verdict": "add", "name": "  "}, "Type a tag first."),
            ({"verdict": "add", "name": "x" * 81}, "1 to 80 characters"),
            ({"verdict": "add", "name": "!!!"}, "at least one letter or number"),
            ({"verdict": "reject", "tag": "dog"}, "Choose a tag first."),
            ({"verdict": "love", "tag": "1"}, "Choose a tag first."),
        ],
    )
    @pytest.mark.parametrize("headers", [HTMX, {}])
    def test_bad_input_is_422_with_a_message(
        self, as_alice: Client, photo: Photo, data: dict[str, str], message: str, headers: dict[str, str]
    ) -> None:
        response = as_alice.post(f"/photo/{photo.pk}/tags/", data, headers=headers)
        assert response.status_code == 422
        assert message in text(response)
        assert not Verdict.objects.exists()

    def test_another_persons_own_tag_is_no_tag(self, as_alice: Client, photo: Photo, bob: User) -> None:
        theirs = Tag.objects.create(owner=bob, slug="secret", name="secret", kind=Tag.Kind.OWN)
        url = f"/photo/{photo.pk}/tags/"
        answers = [
            as_alice.post(url, {"verdict": "reject", "tag": tag}) for tag in (theirs.pk, 999_999, 10**30)
        ]
        assert [answer.status_code for answer in answers] == [422, 422, 422]
        assert "There is no such tag." in text(answers[0])
        assert "secret" not in text(answers[0])
        assert not Verdict.objects.exists()

    def test_what_could_not_be_tagged_says_why(self, as_alice: Client, photo: Photo) -> None:
        Outstanding.objects.filter(photo=photo).update(set_aside_reason="The picture made no sense.")
        fragment = text(as_alice.get(f"/photo/{photo.pk}/tags/", headers=HTMX))
        assert "The picture made no sense." in fragment
        assert f'action="/photo/{photo.pk}/retry/"' in fragment


class TestFavourite:
    def test_it_works(self, as_alice: Client, photo: Photo) -> None:
        url = f"/photo/{photo.pk}/favourite/"
        assert as_alice.post(url, {"favourite": "yes"})["Location"] == f"/photo/{photo.pk}/"
        photo.refresh_from_db()
        assert photo.favourite
        fragment = text(as_alice.post(url, {"favourite": "no"}, headers=HTMX))
        assert 'aria-pressed="false"' in fragment
        photo.refresh_from_db()
        assert not photo.favourite

    def test_bad_input_is_422_with_a_message(self, as_alice: Client, photo: Photo) -> None:
        response = as_alice.post(f"/photo/{photo.pk}/favourite/", {"favourite": "maybe"})
        assert response.status_code == 422
        assert "favourite=yes" in text(response)


class TestTrash:
    def test_it_goes_on_to_the_next_photo_and_can_be_undone_there(
        self, as_alice: Client, alice: User
    ) -> None:
        first, second = make_photo(alice, JUNE), make_photo(alice, JUNE - timedelta(days=1))
        response = as_alice.post(f"/photo/{first.pk}/trash/", follow=True)
        assert response.redirect_chain == [(f"/photo/{second.pk}/", 302)]
        assert "Moved to trash." in text(response)
        assert f'action="/photo/{first.pk}/restore/"' in text(response)
        first.refresh_from_db()
        assert first.trashed_at is not None
        as_alice.post(f"/photo/{first.pk}/restore/")
        first.refresh_from_db()
        assert first.trashed_at is None

    def test_from_the_last_photo_it_leads_to_the_list(self, as_alice: Client, photo: Photo) -> None:
        response = as_alice.post(f"/photo/{photo.pk}/trash/", {"in": "favourites"})
        assert response["Location"] == "/favourites/"

    def test_the_viewer_leaves_the_list_to_the_browser(self, as_alice: Client, photo: Photo) -> None:
        response = as_alice.post(f"/photo/{photo.pk}/trash/", {"in": "favourites"}, headers=HTMX)
        assert (response.status_code, response["HX-Redirect"]) == (200, "/favourites/")
        assert "Moved to trash." in text(as_alice.get("/favourites/"))

    def test_deleting_for_good_takes_two_steps(self, as_alice: Client, photo: Photo) -> None:
        response = as_alice.post(f"/photo/{photo.pk}/delete/")
        assert response.status_code == 422
        assert "trash first" in text(response)
        as_alice.post(f"/photo/{photo.pk}/trash/")
        assert as_alice.post(f"/photo/{photo.pk}/delete/")["Location"] == "/trash/"
        assert not Photo.objects.exists()


class TestSimilar:
    def test_the_fragment_is_a_strip_and_the_page_a_grid(
        self, as_alice: Client, photo: Photo, alice: User
    ) -> None:
        other = make_photo(alice)
        annotate(photo, {"dog": 0.9}, seed=1)
        annotate(other, {"dog": 0.8}, seed=1)
        fragment = text(as_alice.get(f"/photo/{photo.pk}/similar/", headers=HTMX))
        assert f'href="/photo/{other.pk}/"' in fragment
        assert "<html" not in fragment
        page = text(as_alice.get(f"/photo/{photo.pk}/similar/"))
        assert "<h1>Similar photos</h1>" in page
        assert f'href="/photo/{other.pk}/' in page

    def test_before_the_photo_was_looked_at_it_says_so(self, as_alice: Client, photo: Photo) -> None:
        assert "looked at" in text(as_alice.get(f"/photo/{photo.pk}/similar/", headers=HTMX))


class TestSuggest:
    def test_it_works(self, as_alice: Client) -> None:
        assert '<option value="dog">' in text(as_alice.get("/tags/suggest/?q=dog")).lower()
        assert text(as_alice.get("/tags/suggest/?q=")).strip() == ""

    def test_it_never_offers_another_persons_tags(self, as_alice: Client, bob: User) -> None:
        Tag.objects.create(owner=bob, slug="zzsecret", name="zzsecret", kind=Tag.Kind.OWN)
        assert "zzsecret" not in text(as_alice.get("/tags/suggest/?q=zz"))

    def test_anonymous_is_sent_to_log_in(self, client: Client, alice: User) -> None:
        assert client.get("/tags/suggest/?q=do").status_code == 302

    def test_it_rejects_post(self, as_alice: Client) -> None:
        assert as_alice.post("/tags/suggest/").status_code == 405
