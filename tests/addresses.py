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
    the test. send: forms that somebody may post. admin: for administrators only.
    """

    open: bool = False
    post: bool = False
    get: bool = True
    admin: bool = False
    query: tuple[str, ...] = ()
    send: tuple[dict[str, str], ...] = field(default=({},))


TAG_FORMS = (
    {"verdict": "add", "name": "{own_tag}"},
    {"verdict": "add", "name": "dog", "tag": "{own_tag_id}"},
    {"verdict": "reject", "tag": "{own_tag_id}"},
    {"verdict": "reject", "tag": "{dog_id}"},
    {"verdict": "undo", "tag": "{own_tag_id}"},
)
PLACES = ("?in=tag:{own_slug}", "?in=search:{word}", "?in=favourites", "?in=search:1987")
CURSORS = ("?before={newest}", "?month=1987-03")
POST_ONLY = Known(post=True, get=False)

KNOWN = {
    "roll": Known(query=CURSORS),
    "magic": Known(),
    "tag": Known(query=CURSORS),
    "search": Known(
        query=(
            *("?q={word}", "?q={own_tag}", "?q={file}", "?q=dog", "?q=1987", "?q=march", "?q=dog+1987"),
            "?q=dog&before={newest}",
        )
    ),
    "favourites": Known(query=CURSORS),
    "trash": Known(query=("?before={trash_cursor}",)),
    "empty_trash": POST_ONLY,
    "set_aside": Known(),
    "upload": Known(post=True),
    "upload_status": Known(query=("?ids={ids}",)),
    "photo": Known(query=PLACES),
    "photo_tags": Known(post=True, query=PLACES, send=TAG_FORMS),
    "similar": Known(),
    "photo_favourite": Known(post=True, get=False, send=({"favourite": "yes"}, {"favourite": "no"})),
    "photo_trash": POST_ONLY,
    "photo_restore": POST_ONLY,
    "photo_delete": POST_ONLY,
    "photo_retry": POST_ONLY,
    "thumbnail": Known(query=("?r=1",)),
    "preview": Known(query=("?r=1",)),
    "original": Known(),
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
