from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django import Settings

from magicroll.throttle import Limit, client_address, forgive, wait_s

THREE = Limit("test", 3, 60, "tests")


@pytest.fixture(autouse=True)
def _clean() -> None:
    cache.clear()


def test_it_counts_in_a_fixed_window_and_says_how_long_to_wait() -> None:
    with patch("magicroll.throttle.time.time", return_value=600.0):
        assert [wait_s(THREE, "a") for _ in range(4)] == [0, 0, 0, 61]
        assert wait_s(THREE, "b") == 0
    with patch("magicroll.throttle.time.time", return_value=659.5):
        assert wait_s(THREE, "a") == 1
    with patch("magicroll.throttle.time.time", return_value=660.0):
        assert wait_s(THREE, "a") == 0


def test_an_attempt_may_cost_more_than_one() -> None:
    with patch("magicroll.throttle.time.time", return_value=600.0):
        assert wait_s(THREE, "a", cost=3) == 0
        assert wait_s(THREE, "a") > 0


def test_forgiving_forgets() -> None:
    with patch("magicroll.throttle.time.time", return_value=600.0):
        wait_s(THREE, "a", cost=5)
        forgive(THREE, "a")
        assert wait_s(THREE, "a") == 0


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_ipv6_household_is_one_address(address: str, counted: str) -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=address)) == counted


def test_the_last_hop_counts_only_behind_a_proxy(settings: Settings) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="1.1.1.1, 2.2.2.2")
    settings.BEHIND_PROXY = False
    assert client_address(request) == "10.0.0.1"
    settings.BEHIND_PROXY = True
    assert client_address(request) == "2.2.2.2"
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="10.0.0.1")) == "10.0.0.1"
