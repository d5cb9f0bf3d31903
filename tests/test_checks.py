import pytest
from pytest_django import Settings

from magicroll import checks


def test_a_data_folder_of_somebody_else_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.data_folder_is_ours() == []
    monkeypatch.setattr("os.access", lambda *_: False)
    assert [found.id for found in checks.data_folder_is_ours()] == ["magicroll.E001"]


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("", []),
        ("https://photos.example.org", []),
        ("http://photos.lan:8000", []),
        ("photos.example.org", ["magicroll.E002"]),
        ("ftp://photos.example.org", ["magicroll.E002"]),
        ("https://example.org/photos", ["magicroll.E002"]),
    ],
)
def test_the_address_is_whole(settings: Settings, url: str, ids: list[str]) -> None:
    settings.URL = url
    assert [found.id for found in checks.address_is_whole()] == ids


@pytest.mark.parametrize(
    ("broker", "cache", "ids"),
    [
        ("filesystem://", "", []),
        ("amqp://rabbit//", "redis://redis/1", []),
        ("amqp://rabbit//", "", ["magicroll.W001"]),
    ],
)
def test_throttles_are_shared_by_web_processes(
    settings: Settings, broker: str, cache: str, ids: list[str]
) -> None:
    settings.BROKER_URL, settings.CACHE_URL = broker, cache
    assert [found.id for found in checks.throttle_is_shared()] == ids


@pytest.mark.parametrize(
    ("engine", "broker", "ids"),
    [
        ("django.db.backends.sqlite3", "filesystem://", []),
        ("django.db.backends.postgresql", "redis://redis/0", []),
        ("django.db.backends.postgresql", "filesystem://", ["magicroll.W002"]),
    ],
)
def test_a_database_server_with_a_folder_as_broker_is_remarked_on(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, engine: str, broker: str, ids: list[str]
) -> None:
    settings.BROKER_URL = broker
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", engine)
    assert [found.id for found in checks.embedded_broker_has_embedded_database()] == ids
