from django.contrib import admin
from django.http import HttpRequest

from tagging.models import Corpus, Release


class ReadOnly:
    """What services write is looked at here, not changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Release)
class ReleaseAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = ("name", "encoder", "vocabulary", "is_default", "created_at")
    list_select_related = ("encoder",)
    exclude = ("vocabulary_json",)


@admin.register(Corpus)
class CorpusAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = ("owner", "active", "filling", "previous", "version")
    list_select_related = ("owner", "active", "filling", "previous")
