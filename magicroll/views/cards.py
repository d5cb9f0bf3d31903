"""For administrators: the card of a release."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from magicroll.http import HttpRequest, staff_only
from tagging.cards import Card, CardTag
from tagging.local_names import names_of
from tagging.models import Release
from tagging.releases import ReleaseTags, card_of, release_tags
from tagging.vocabulary import TagSpec


@dataclass(frozen=True, slots=True)
class Line:
    """A tag with what the card says of it; a card may be silent about some."""

    name: str  # of the tag, in the reader's language
    tag: TagSpec
    said: CardTag | None


@never_cache
@staff_only
@require_safe
def card(request: HttpRequest, release_id: int) -> HttpResponse:
    found = Release.objects.select_related("encoder").defer("vocabulary_json")
    release = get_object_or_404(found, pk=release_id)
    tags, told = release_tags(release.pk), card_of(release)
    lines = _lines(tags, told)
    context = {
        "release": release,
        "card": told,
        "shown": [line for line in lines if line.tag.shown],
        "hidden": [line for line in lines if not line.tag.shown],
        "source": tags.vocabulary.source,
    }
    return render(request, "models_card.html", context)


def _lines(tags: ReleaseTags, told: Card | None) -> list[Line]:
    said = {} if told is None else {one.slug: one for one in told.tags}
    names = names_of(tags)
    return [
        Line(names[tag_id], tag, said.get(tag.slug))
        for tag_id, tag in zip(tags.ids.tolist(), tags.vocabulary.tags, strict=True)
    ]
