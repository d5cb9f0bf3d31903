"""What the roll's page draws itself from: its days, and photos in blocks. static/js/timeline.js reads it."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from magicroll import accounts
from magicroll.forms import RowSizeForm
from magicroll.http import HttpRequest, shows_corpus, snapshot_read, state_tag
from magicroll.models import Photo
from magicroll.templatetags.photos import said_of
from tagging.models import Corpus
from tagging.search import timeline
from tagging.search.timeline import Block, Month, Place

FIRST = 100  # photos that come with the page: more than a screen shows
A_YEAR_S = 365 * 24 * 3600
_compact = partial(JsonResponse, json_dumps_params={"separators": (",", ":")})


@login_required
@require_safe
@shows_corpus
def roll_days(request: HttpRequest) -> HttpResponse:
    return _compact(_length(request.corpus, timeline.months_of(timeline.days_of(request.corpus))))


@login_required
@require_safe
@snapshot_read
def roll_block(request: HttpRequest) -> HttpResponse:
    """Answer with the photos of one block; what is named by its version never changes, and may be kept."""
    first, part = day_of(request.GET.get("from")), number_of(request.GET.get("part"))
    if first is None:
        raise Http404
    corpus = request.corpus
    months = timeline.months_of(timeline.days_of(corpus, first.replace(day=1)))
    try:
        block = timeline.block_at(months, first, part)
    except timeline.NoSuchBlock as error:
        raise Http404 from error
    version = f"{months[0].version}-{_seal(corpus)}"
    (photos,) = timeline.photos_of(corpus, [block])
    response = _compact({"version": version, "photos": _facts(photos)})
    if request.GET.get("v") == version:
        patch_cache_control(response, private=True, max_age=A_YEAR_S, immutable=True)
    else:
        patch_cache_control(response, private=True, no_cache=True)
    return response


@login_required
@require_POST
def roll_size(request: HttpRequest) -> HttpResponse:
    form = RowSizeForm(request.POST)
    if not form.is_valid():
        return HttpResponse(
            "Say row=, a number from 120 to 360.", status=422, content_type="text/plain; charset=utf-8"
        )
    accounts.set_row_px(request.user, form.cleaned_data["row"])
    return HttpResponse(status=204)


def in_page(corpus: Corpus, place: Place | None) -> str:
    """Write down the length of a roll, and the photos at a place in it (None: the newest), as JSON."""
    months = timeline.months_of(timeline.days_of(corpus))
    blocks = _blocks_at(months, place or Place(date.max))
    photos = timeline.photos_of(corpus, blocks)
    first = [
        [block.days[0].date.isoformat(), block.part, _facts(its)]
        for block, its in zip(blocks, photos, strict=True)
    ]
    at = [place.day.isoformat(), place.nth] if place else None
    return json.dumps({**_length(corpus, months), "first": first, "at": at}, separators=(",", ":"))


def _length(corpus: Corpus, months: Sequence[Month]) -> dict[str, Any]:
    return {
        "seal": _seal(corpus),
        "block": timeline.BLOCK,
        "photo": reverse("photo", args=[0]),
        "months": [
            [
                f"{month.first:%Y-%m}",
                month.version,
                [[[day.date.day, day.count, day.breadth] for day in days] for days in month.blocks],
            ]
            for month in months
        ],
    }


def _seal(corpus: Corpus) -> str:
    """Name what a block shows besides its photos: whose they are, and which release speaks about them."""
    return state_tag(corpus.owner_id, corpus.active_id).strip('"')[:12]


def _blocks_at(months: Sequence[Month], place: Place) -> list[Block]:
    """Choose the block that holds a place, and those after it until there are enough photos for a screen."""
    chosen: list[Block] = []
    for month in months:
        for days in month.blocks:
            if days[-1].date > place.day:
                continue
            for block in timeline.parts_of(days):
                is_before = days[0].date == place.day and (block.part or 0) < place.nth // timeline.BLOCK
                if not is_before or block.part is None:
                    chosen.append(block)
                if sum(one.count for one in chosen) >= FIRST:
                    return chosen
    return chosen


def _facts(photos: Sequence[Photo]) -> list[list[Any]]:
    return [
        [
            photo.id,
            photo.width,
            photo.height,
            photo.dominant_colour,
            photo.revision,
            int(photo.favourite),
            said_of(photo),
        ]
        for photo in photos
    ]


def day_of(text: str | None) -> date | None:
    """Read a day of an address. Raises Http404."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise Http404 from error


def number_of(text: str | None) -> int | None:
    """Read a number of an address. Raises Http404."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Http404
    return int(text)
