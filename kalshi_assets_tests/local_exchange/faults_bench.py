"""Faults put into a running scenario, and how each of them shows: shared by tests of faults."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.faults import FaultyFeed, parse_faults
from kalshi_assets.local_exchange.gate import Interceptor
from kalshi_assets.local_exchange.scenarios import load_scenario
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.local_exchange.bench import UNLIMITED, Caller, private_key, public_pem

CPI, GDP, DECI = "KXCPI-26OCT-T0.3", "KXGDP-26Q3-T2.5", "KXCPIYOY-26OCT-T3.0"
ASKED = (CPI, DECI, GDP)
PRICES = ("yes_bid_dollars", "yes_ask_dollars", "no_bid_dollars", "no_ask_dollars")
SIZES = ("yes_bid_size_fp", "yes_ask_size_fp")
COUNTERS = ("last_price_dollars", "volume_fp", "volume_24h_fp", "open_interest_fp")

Row = dict[str, Any]


class Switch:
    """Lets every test put its own faults into one running exchange."""

    feed: Interceptor | None = None

    async def __call__(self, request, endpoint, proceed):
        if self.feed is None:
            return await proceed()
        return await self.feed(request, endpoint, proceed)


@dataclass
class Week:
    """The scenario half an hour after its start; time stands still."""

    caller: Caller
    exchange: Exchange
    switch: Switch

    def put(self, *faults: str) -> None:
        tape = self.exchange.tape
        self.switch.feed = FaultyFeed(parse_faults(faults, tape.listings), tape)

    def ask(self, path: str, **query: Any) -> Any:
        return self.caller.call("GET", path, **query)

    def true(self, path: str, **query: Any) -> Any:
        feed, self.switch.feed = self.switch.feed, None
        answer = self.ask(path, **query)
        self.switch.feed = feed
        return answer


@contextmanager
def running_week() -> Iterator[Week]:
    tape = load_scenario("cpi-week")
    switch = Switch()
    exchange = Exchange(
        tape,
        Store(None),
        doorkeeper=Doorkeeper({"me": public_pem(private_key("me"))}),
        clock=ManualClock(tape.started_ms + HOUR_MS // 2),
        terms=UNLIMITED,
    )
    with running_exchange(exchange, interceptor=switch) as handle:
        caller = Caller(handle.url, "me")
        with caller.http:
            yield Week(caller, exchange, switch)


def micros(text: str) -> int:
    return round(float(text) * 1_000_000)


def is_changed_only(row: Row, true: Row, *names: str) -> bool:
    """The same fields in the same order, and only those named differ."""
    return list(row) == list(true) and {n for n in row if row[n] != true[n]} <= set(names)


def is_complementary(row: Row) -> bool:
    yes_bid, yes_ask, no_bid, no_ask = (micros(row[name]) for name in PRICES)
    return yes_bid + no_ask == yes_ask + no_bid == 1_000_000


def the_only(rows: list[Row]) -> Row:
    (row,) = rows
    return row


def frozen(rows: list[Row], true: Row) -> None:
    row = the_only(rows)
    assert is_changed_only(row, true, *PRICES, *SIZES)
    assert [row[name] for name in (*PRICES, *SIZES)] != [true[name] for name in (*PRICES, *SIZES)]
    assert is_complementary(row)


def stale(rows: list[Row], true: Row) -> None:
    row = the_only(rows)
    assert is_changed_only(row, true, "updated_time", *PRICES, *SIZES, *COUNTERS)
    assert "2026-10-13T13:29:00" < row["updated_time"] <= "2026-10-13T13:30:00Z"
    assert float(row["volume_fp"]) <= float(true["volume_fp"])


def crossed(rows: list[Row], true: Row) -> None:
    row = the_only(rows)
    assert is_changed_only(row, true, "yes_bid_dollars", "no_ask_dollars")
    assert micros(row["yes_bid_dollars"]) == micros(true["yes_ask_dollars"]) + 20_000
    assert is_complementary(row)


def missing(rows: list[Row], true: Row) -> None:
    assert rows == []


def without_bid(rows: list[Row], true: Row) -> None:
    assert rows == [{name: true[name] for name in true if name != "yes_bid_dollars"}]


def bid_a_number(rows: list[Row], true: Row) -> None:
    row = the_only(rows)
    assert is_changed_only(row, true, "yes_bid_dollars")
    assert row["yes_bid_dollars"] == float(true["yes_bid_dollars"])
    assert isinstance(row["yes_bid_dollars"], float)


def twice(rows: list[Row], true: Row) -> None:
    assert rows == [true, true]


def off_grid(rows: list[Row], true: Row) -> None:
    row = the_only(rows)
    tick = micros(true["price_ranges"][0]["step"])
    assert is_changed_only(row, true, *PRICES)
    assert [micros(row[name]) % tick for name in PRICES] == [tick // 2] * 4
    assert micros(true["yes_bid_dollars"]) - micros(row["yes_bid_dollars"]) == tick // 2
    assert is_complementary(row)


def counted_anew(rows: list[Row], true: Row) -> None:
    row = the_only(rows)
    assert is_changed_only(row, true, "volume_fp", "volume_24h_fp", "open_interest_fp")
    assert all(float(row[name]) < float(true[name]) for name in ("volume_fp", "open_interest_fp"))


def zero_coded(rows: list[Row], true: Row) -> None:
    row = the_only(rows)
    zero = dict.fromkeys((*PRICES, "last_price_dollars"), "0.0000") | dict.fromkeys(SIZES, "0.00")
    assert row == true | zero


SEEN: dict[str, Callable[[list[Row], Row], None]] = {
    "frozen-feed": frozen,
    "stale-feed": stale,
    "crossed-book": crossed,
    "empty-feed": missing,
    "missing-field": without_bid,
    "wrong-type": bid_a_number,
    "duplicate-ticks": twice,
    "server-errors": missing,
    "off-grid": off_grid,
    "contract-roll": counted_anew,
    "zero-coded": zero_coded,
}
IN_PAYLOADS = [name for name in SEEN if name not in ("empty-feed", "server-errors")]

every_fault = pytest.mark.parametrize("name", SEEN)
