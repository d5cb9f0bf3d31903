"""Which language a person reads: the one they chose, else the one that their browser asks for."""

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation import gettext

from magicroll.imaging.picture import ImageRefused
from magicroll.models import User


def in_words(refused: ImageRefused) -> str:
    """Say in the reader's language why a file was refused."""
    text = gettext(refused.text)
    values = {name: gettext(value) if value else "" for name, value in refused.values.items()}
    return text % values if values else text


class LanguageMiddleware(LocaleMiddleware):
    """Django's, with the person's own choice before everything else."""

    def process_request(self, request: HttpRequest) -> None:
        chosen = _chosen(request)
        if not chosen:
            super().process_request(request)
            return
        translation.activate(chosen)
        request.LANGUAGE_CODE = translation.get_language()


def _chosen(request: HttpRequest) -> str:
    try:
        language = request.user.language if isinstance(request.user, User) else ""
    except (
        DatabaseError
    ):  # /healthz has to answer all the same; whatever else needs the database says so itself
        return ""
    return language if language in dict(settings.LANGUAGES) else ""
