"""Every address that the application answers, found in its URL configuration: none can be forgotten."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.urls import URLPattern, URLResolver, get_resolver, reverse

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Address:
    """A named URL pattern and the names of its parameters."""

    name: str
    parameters: frozenset[str]

    def url(self, **values: object) -> str:
        return reverse(self.name, kwargs={name: values[name] for name in self.parameters})


@dataclass(frozen=True, slots=True)
class Known:
    """What the tests must know of an address that they can't find out.

    open: answers without log-in. post: takes POST. query: what somebody may ask there, `{...}` filled in by
    the test. send: forms that somebody may post. admin: for administrators only. staff: of it, too, but nobody
    else is told that the page exists.
    """

    open: bool = False
    post: bool = False
    get: bool = True
    admin: bool = False
    staff: bool = False
    query: tuple[str, ...] = ()
    send: tuple[dict[str, str], ...] = field(default=({},))


TAG_FORMS = (
    {"verdict": "add", "name": "{own_tag}"},
    {"verdict": "add", "name": "dog", "tag": "{own_tag_id}"},
    {"verdict": "reject", "tag": "{own_tag_id}"},
    {"verdict": "reject", "tag": "{dog_id}"},
    {"verdict": "undo", "tag": "{own_tag_id}"},
)
YOUR_TAGS_FORMS = (
    {"order": "mute", "tag": "{own_tag_id}"},
    {"order": "mute", "name": "{own_tag}"},
    {"order": "hide", "tag": "{own_tag_id}"},
    {"order": "show", "tag": "{own_tag_id}"},
    {"order": "release", "tag": "{dog_id}"},
    {"order": "learned", "tag": "{dog_id}"},
    {"order": "off"},
    {"order": "on"},
)
SELECTED = {"ids": "{ids}"}
ORDERS = (
    *({"kind": kind} | SELECTED for kind in ("trash", "restore", "favourite", "unfavourite", "delete")),
    {"kind": "add-tag", "name": "{own_tag}"} | SELECTED,
    {"kind": "reject-tag", "tag": "{own_tag_id}"} | SELECTED,
    {"kind": "reject-tag", "tag": "{dog_id}"} | SELECTED,
    {"kind": "shift-date", "days": "3"} | SELECTED,
    {"kind": "set-date", "date": "2001-02-03"} | SELECTED,
    {"kind": "trash", "all": "tag:{own_slug}", "upto": "999999"},
)
LISTS = ("?in=roll", "?in=favourites", "?in=trash", "?in=tag:{own_slug}", "?in=search:{word}")
PLACES = ("?in=tag:{own_slug}", "?in=search:{word}", "?in=favourites", "?in=search:1987")
UNDOS: tuple[dict[str, str], ...] = ({}, {"undo": "added"}, {"undo": "nothing"})
CHOICES = ("?with={own_slug}", "?with=dog&match=any", "?without={own_slug}", "?year=1987&surer=1")
CURSORS = ("?before={newest}", "?month=1987-03")
DAYS = ("?at=1987-03-05", "?at=1987-03-05&nth=1", "?photo={live}")
POST_ONLY = Known(post=True, get=False)

KNOWN = {
    "roll": Known(query=(*CURSORS, *DAYS)),
    "roll_days": Known(),
    "roll_block": Known(query=("?from=1987-03-05", "?from=1987-03-05&part=0")),
    "roll_size": Known(post=True, get=False, send=({"row": "300"},)),
    "magic": Known(),
    "tag": Known(query=(*CURSORS, *CHOICES)),
    "refine": Known(query=CHOICES),
    "not_this": Known(post=True, get=False, send=tuple({"photo": "{photo}"} | undo for undo in UNDOS)),
    "cover": Known(
        post=True, get=False, send=({"photo": "{photo}", "cover": "yes"}, {"photo": "{photo}", "cover": "no"})
    ),
    "search": Known(
        query=(
            *("?q={word}", "?q={own_tag}", "?q={file}", "?q=dog", "?q=1987", "?q=march", "?q=dog+1987"),
            "?q=dog&before={newest}",
        )
    ),
    "favourites": Known(query=CURSORS),
    "trash": Known(query=("?before={trash_cursor}",)),
    "empty_trash": POST_ONLY,
    "select": Known(query=(*LISTS, "?in=roll&before={newest}")),
    "operate": Known(post=True, get=False, send=ORDERS),
    "selection_all": Known(query=LISTS),
    "selection_span": Known(query=("?in=roll&from={live}&to={live}", "?in=roll&day=1987-03-05")),
    "selection_tags": Known(post=True, get=False, send=(SELECTED,)),
    "selection_download": Known(
        post=True, get=False, send=(SELECTED, {"all": "search:{word}", "upto": "999999"})
    ),
    "operations": Known(),
    "operation": Known(query=("?watched",)),
    "operation_undo": POST_ONLY,
    "operation_stop": POST_ONLY,
    "set_aside": Known(),
    "upload": Known(post=True),
    "upload_status": Known(query=("?ids={ids}",)),
    "photo": Known(query=PLACES),
    "photo_tags": Known(post=True, query=PLACES, send=TAG_FORMS),
    "why": Known(query=("?tag=dog", "?tag={own_slug}", "?tag={word}", "?name={own_tag}")),
    "similar": Known(),
    "photo_favourite": Known(post=True, get=False, send=({"favourite": "yes"}, {"favourite": "no"})),
    "photo_rotate": Known(post=True, get=False, send=({"turn": "left"}, {"turn": "right"})),
    "photo_caption": Known(post=True, get=False, send=({"caption": "{word} at home"},)),
    "photo_date": Known(post=True, get=False, send=({"taken_at": "2001-02-03T04:05"}, {"reset": "on"})),
    "photo_trash": POST_ONLY,
    "photo_restore": POST_ONLY,
    "photo_delete": POST_ONLY,
    "photo_retry": POST_ONLY,
    "thumbnail": Known(query=("?r=1",)),
    "preview": Known(query=("?r=1",)),
    "original": Known(),
    "own_tags": Known(post=True, send=({"name": "{own_tag}"},)),
    "own_tag": Known(query=("?cut=30", "?q={word}")),
    "own_tag_judge": Known(
        post=True, get=False, send=({"yes": "{live_id}"}, {"no": "{live_id}"}, {"undo": "{live_id}"})
    ),
    "own_tag_teach": Known(post=True, get=False, send=({"order": "teach", "cut": "50"}, {"order": "stop"})),
    "own_tag_change": Known(
        post=True, get=False, send=({"order": "rename", "name": "{word} new"}, {"order": "forget"})
    ),
    "suggest": Known(query=("?q={word}", "?name={word}", "?q={own_tag}")),
    "rail": Known(),
    "setup": Known(open=True, post=True),
    "login": Known(open=True, post=True),
    "logout": Known(post=True, get=False, open=True),
    "password": Known(post=True),
    "invite": Known(open=True, post=True),
    "people": Known(admin=True),
    "people_invite": Known(admin=True, post=True, get=False),
    "people_withdraw": Known(admin=True, post=True, get=False),
    "people_active": Known(admin=True, post=True, get=False, send=({"active": "no"},)),
    "models": Known(staff=True),
    "models_retag": Known(
        staff=True,
        post=True,
        query=("?people={word}-alice",),
        send=({"step": "start", "whom": "all", "scope": "everything", "release": "{release}"},),
    ),
    "models_refill": Known(
        staff=True,
        post=True,
        query=("?after=0-1",),
        send=tuple(
            {"order": order} for order in ("pause", "resume", "cancel", "approve-all", "roll-back", "retry")
        ),
    ),
    "models_failed": Known(staff=True),
    "models_compare": Known(staff=True, post=True, send=({"order": "approve"}, {"order": "reject"})),
    "models_release": Known(
        staff=True,
        post=True,
        get=False,
        send=tuple({"order": order} for order in ("default", "withdraw", "roll-back")),
    ),
    "models_card": Known(staff=True),
    "models_people": Known(staff=True, query=("?name={word}",)),
    "models_person": Known(
        staff=True, post=True, get=False, send=({"order": "roll-back", "leaving": "{release}"},)
    ),
    "models_audit": Known(staff=True, query=("?before=1000",)),
    "your_tags": Known(post=True, send=YOUR_TAGS_FORMS),
    "my_model": Known(post=True, send=({"release": "{release}"},)),
    "language": Known(post=True, send=({"language": "de"},)),
    "my_tags": Known(),
    "manifest": Known(open=True),
    "service_worker": Known(open=True),
    "offline": Known(open=True),
    "share": Known(post=True),
    "keys": Known(),
    "healthz": Known(open=True),
}


def addresses() -> list[Address]:
    """List every named pattern of the roll itself; Django's admin is walked by `admin_addresses`."""
    return [address for address in _walk(get_resolver()) if not address.name.startswith("admin:")]


def admin_addresses() -> list[Address]:
    """List every named pattern of Django's admin."""
    return [address for address in _walk(get_resolver()) if address.name.startswith("admin:")]


def unnamed() -> list[str]:
    """List patterns without a name, which nobody could test by it."""
    return [str(pattern.pattern) for pattern in _patterns(get_resolver()) if not pattern.name]


def _walk(
    resolver: URLResolver, namespace: str = "", above: frozenset[str] = frozenset()
) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        named = getattr(entry.pattern, "converters", None) or entry.pattern.regex.groupindex
        parameters = above | frozenset(named)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, inner, parameters)
        elif entry.name:
            yield Address(namespace + entry.name, parameters)


def _patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _patterns(entry)
        else:
            yield entry
