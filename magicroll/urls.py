from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from magicroll.views import (
    accounts,
    cards,
    editing,
    files,
    frame,
    installed,
    judging,
    language,
    magic,
    models,
    my_model,
    my_tags,
    operations,
    ops,
    own_tags,
    people,
    photo,
    refills,
    roll,
    selection,
    setup,
    timeline,
    trash,
    upload,
    why,
    your_tags,
)

photo_urls = [
    path("", photo.photo, name="photo"),
    path("tags/", photo.photo_tags, name="photo_tags"),
    path("why/", why.why, name="why"),
    path("similar/", photo.similar, name="similar"),
    path("favourite/", photo.photo_favourite, name="photo_favourite"),
    path("rotate/", editing.photo_rotate, name="photo_rotate"),
    path("caption/", editing.photo_caption, name="photo_caption"),
    path("date/", editing.photo_date, name="photo_date"),
    path("trash/", photo.photo_trash, name="photo_trash"),
    path("restore/", photo.photo_restore, name="photo_restore"),
    path("delete/", photo.photo_delete, name="photo_delete"),
    path("retry/", photo.photo_retry, name="photo_retry"),
    path("thumbnail.jpg", files.thumbnail, name="thumbnail"),
    path("preview.jpg", files.preview, name="preview"),
    path("original", files.original, name="original"),
]

model_urls = [
    path("", models.models, name="models"),
    path("re-tag/", refills.retag, name="models_retag"),
    path("refills/<int:refill_id>/", refills.refill, name="models_refill"),
    path("refills/<int:refill_id>/failed/", refills.failed, name="models_failed"),
    path("refills/<int:refill_id>/people/<int:user_id>/", refills.compare, name="models_compare"),
    path("releases/<int:release_id>/", models.release, name="models_release"),
    path("releases/<int:release_id>/card/", cards.card, name="models_card"),
    path("people/", models.people, name="models_people"),
    path("people/<int:user_id>/", models.person, name="models_person"),
    path("audit/", models.audit, name="models_audit"),
]

own_tag_urls = [
    path("", own_tags.own_tags, name="own_tags"),
    path("<int:tag_id>/", own_tags.own_tag, name="own_tag"),
    path("<int:tag_id>/judge/", own_tags.own_tag_judge, name="own_tag_judge"),
    path("<int:tag_id>/teach/", own_tags.own_tag_teach, name="own_tag_teach"),
    path("<int:tag_id>/change/", own_tags.own_tag_change, name="own_tag_change"),
]

selection_urls = [
    path("", selection.operate, name="operate"),
    path("all/", selection.whole, name="selection_all"),
    path("span/", selection.span, name="selection_span"),
    path("tags/", selection.tags, name="selection_tags"),
    path("download/", selection.download, name="selection_download"),
]

operation_urls = [
    path("", operations.operations, name="operations"),
    path("<int:operation_id>/", operations.operation, name="operation"),
    path("<int:operation_id>/undo/", operations.undo, name="operation_undo"),
    path("<int:operation_id>/stop/", operations.stop, name="operation_stop"),
]

urlpatterns = [
    path("", roll.roll, name="roll"),
    path("roll/days/", timeline.roll_days, name="roll_days"),
    path("roll/photos/", timeline.roll_block, name="roll_block"),
    path("roll/size/", timeline.roll_size, name="roll_size"),
    path("magic/", magic.magic, name="magic"),
    path("magic/<str:slug>/", magic.tag, name="tag"),
    path("magic/<str:slug>/refine/", magic.refine, name="refine"),
    path("magic/<str:slug>/not-this/", judging.not_this, name="not_this"),
    path("magic/<str:slug>/cover/", judging.cover, name="cover"),
    path("search/", magic.search, name="search"),
    path("favourites/", roll.favourites, name="favourites"),
    path("trash/", trash.trash, name="trash"),
    path("trash/empty/", trash.empty_trash, name="empty_trash"),
    path("select/", selection.select, name="select"),
    path("selection/", include(selection_urls)),
    path("operations/", include(operation_urls)),
    path("set-aside/", trash.set_aside, name="set_aside"),
    path("upload/", upload.upload, name="upload"),
    path("upload/status/", upload.upload_status, name="upload_status"),
    path("photo/<int:photo_id>/", include(photo_urls)),
    path("my-tags/", include(own_tag_urls)),
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
    path("models/", include(model_urls)),
    path("my-model/", my_model.my_model, name="my_model"),
    path("language/", language.language, name="language"),
    path("my-tags.zip", my_tags.my_tags, name="my_tags"),
    path("manifest.webmanifest", installed.manifest, name="manifest"),
    path("service-worker.js", installed.service_worker, name="service_worker"),
    path("offline/", installed.offline, name="offline"),
    path("share/", installed.share, name="share"),
    path("keys/", installed.keys, name="keys"),
    path("your-tags/", your_tags.your_tags, name="your_tags"),
    path("healthz", ops.healthz, name="healthz"),
    path(
        "admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)
    ),  # one throttled way in
    path("admin/", admin.site.urls),
]
