from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from magicroll.views import accounts, files, frame, magic, ops, people, photo, roll, setup, trash, upload

photo_urls = [
    path("", photo.photo, name="photo"),
    path("tags/", photo.photo_tags, name="photo_tags"),
    path("similar/", photo.similar, name="similar"),
    path("favourite/", photo.photo_favourite, name="photo_favourite"),
    path("trash/", photo.photo_trash, name="photo_trash"),
    path("restore/", photo.photo_restore, name="photo_restore"),
    path("delete/", photo.photo_delete, name="photo_delete"),
    path("retry/", photo.photo_retry, name="photo_retry"),
    path("thumbnail.jpg", files.thumbnail, name="thumbnail"),
    path("preview.jpg", files.preview, name="preview"),
    path("original", files.original, name="original"),
]

urlpatterns = [
    path("", roll.roll, name="roll"),
    path("magic/", magic.magic, name="magic"),
    path("magic/<str:slug>/", magic.tag, name="tag"),
    path("search/", magic.search, name="search"),
    path("favourites/", roll.favourites, name="favourites"),
    path("trash/", trash.trash, name="trash"),
    path("trash/empty/", trash.empty_trash, name="empty_trash"),
    path("set-aside/", trash.set_aside, name="set_aside"),
    path("upload/", upload.upload, name="upload"),
    path("upload/status/", upload.upload_status, name="upload_status"),
    path("photo/<int:photo_id>/", include(photo_urls)),
    path("tags/suggest/", photo.suggest, name="suggest"),
    path("rail/", frame.rail_fragment, name="rail"),
    path("setup/", setup.setup, name="setup"),
    path("login/", accounts.login, name="login"),
    path("logout/", accounts.logout, name="logout"),
    path("password/", accounts.password, name="password"),
    path("invite/<str:token>/", accounts.invite, name="invite"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="people_invite"),
    path("people/invitations/<int:invitation_id>/withdraw/", people.withdraw, name="people_withdraw"),
    path("people/<int:user_id>/active/", people.set_active, name="people_active"),
    path("healthz", ops.healthz, name="healthz"),
    path(
        "admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)
    ),  # one throttled way in
    path("admin/", admin.site.urls),
]
