from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from magicroll.models import Invitation, User

admin.site.unregister(Group)  # accounts are administrators or they are not
admin.site.site_header = admin.site.site_title = "Magic Roll"


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Accounts are opened by invitation (each has a corpus) and closed by deactivating."""

    list_display = ("username", "is_staff", "is_active", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Since", {"fields": ("last_login", "date_joined")}),
    )
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = ("note", "created_by", "created_at", "expires_at", "used_at", "used_by")
    fields = ("note", "as_admin", "created_by", "created_at", "expires_at", "used_at", "used_by")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
