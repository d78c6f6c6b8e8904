"""Every public method of the client against a running exchange, by what the exchange holds."""

import inspect
from collections.abc import Callable

import pytest

from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets_tests.exchange_rest.account_cases import ACCOUNT_CASES
from kalshi_assets_tests.exchange_rest.exchange_cases import EXCHANGE_CASES
from kalshi_assets_tests.exchange_rest.market_cases import MARKET_CASES
from kalshi_assets_tests.exchange_rest.order_cases import ORDER_CASES
from kalshi_assets_tests.exchange_rest.price_cases import PRICE_CASES
from kalshi_assets_tests.exchange_rest.world import World

BY_SUBJECT = [EXCHANGE_CASES, MARKET_CASES, PRICE_CASES, ACCOUNT_CASES, ORDER_CASES]
CASES = {name: case for cases in BY_SUBJECT for name, case in cases.items()}


def public_calls() -> set[str]:
    functions = inspect.getmembers(KalshiClient, inspect.isfunction)
    return {name for name, _ in functions if not name.startswith("_")} - {"close"}


def test_every_call_of_the_client_has_a_case_here():
    assert set(CASES) == public_calls()
    assert len(CASES) == sum(map(len, BY_SUBJECT))


@pytest.mark.parametrize("name", CASES)
def test_a_call_tells_what_the_exchange_holds(venue: World, monkeypatch, name):
    called = []
    real: Callable[..., object] = getattr(KalshiClient, name)

    def noted(*args, **kwargs):
        called.append(name)
        return real(*args, **kwargs)

    monkeypatch.setattr(KalshiClient, name, noted)
    CASES[name](venue)
    assert called
