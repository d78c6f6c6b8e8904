"""What listeners hear of: all that is on disk, in order, and nothing that was undone."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.bulletin import Event, Filled, OrderChanged, Traded
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.order_request import decode_order
from kalshi_assets.local_exchange.store import Store
from kalshi_assets_tests.local_exchange.bench import (
    UNLIMITED,
    ScriptedTape,
    order_body,
    private_key,
    public_pem,
)


def exchange_with(cash: str = "5000") -> Exchange:
    tape = ScriptedTape()
    return Exchange(
        tape,
        Store(None),
        doorkeeper=Doorkeeper({"me": public_pem(private_key("me"))}),
        clock=ManualClock(tape.started_ms),
        terms=replace(UNLIMITED, cash=Decimal(cash)),
    )


def place(exchange: Exchange, size: str) -> None:
    text = json.dumps(order_body("bid", "0.52", size)).encode()
    exchange.place("me", decode_order(text), now_ms=exchange.moment())


def test_a_fill_is_told_after_its_commit_and_in_order() -> None:
    exchange = exchange_with()
    heard: list[Event] = []
    exchange.store.bulletin.listen(heard.append)

    with exchange.store.transaction():
        place(exchange, "2")
        assert heard == []

    kinds = [type(event) for event in heard]
    assert kinds[0] is OrderChanged
    assert kinds.index(Traded) < kinds.index(Filled)
    assert isinstance(heard[-1], OrderChanged)
    assert heard[-1].order.status == "executed"
    [fill] = [event for event in heard if isinstance(event, Filled)]
    assert (fill.count, fill.position_after, fill.is_taker) == (200, 200, True)


def test_an_order_that_was_refused_and_undone_is_not_told() -> None:
    exchange = exchange_with(cash="1.56")  # the fee is not in it
    heard: list[Event] = []
    exchange.store.bulletin.listen(heard.append)
    with exchange.store.transaction(), pytest.raises(Refusal):
        place(exchange, "3")
    assert heard == []
