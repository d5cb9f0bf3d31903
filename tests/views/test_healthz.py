import json

import pytest
from django.test import Client
from pytest_django import Settings

from magicroll import reach


def away() -> None:
    raise reach.Unreachable("postgres://user:hidden@example is away")


@pytest.mark.django_db
def test_it_works(client: Client) -> None:
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"database": True, "storage": True, "broker": True}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("number", range(3))
def test_what_is_away_is_named_without_a_reason(
    client: Client, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    probes = list(reach.PROBES)
    probes[number] = reach.Probe(probes[number].name, away)
    monkeypatch.setattr(reach, "PROBES", tuple(probes))
    response = client.get("/healthz")
    assert response.status_code == 503
    assert [name for name, ok in json.loads(response.content).items() if not ok] == [probes[number].name]
    assert b"hidden" not in response.content


@pytest.mark.django_db
def test_it_rejects_post(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


def test_a_broker_folder_that_can_not_be_written_is_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(reach.Unreachable):
        reach.broker()
    with pytest.raises(reach.Unreachable):
        reach.storage()
