"""What was ordered lately, what the day began with, and whether somebody armed it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.domain.market import MarketSnapshot, Series
from kalshi_assets.risk.inputs import Activity
from kalshi_assets.storage import ledger, markets
from kalshi_assets.storage.account import save_portfolio
from kalshi_assets.storage.activity import opening_value, ordered_lately
from kalshi_assets.storage.arming import arm, armed_until, disarm
from kalshi_assets.storage.engine import Connection
from kalshi_assets_tests.risk.cases import MARKET, QUOTE
from kalshi_assets_tests.storage.test_ledger import ORDER

NOW = datetime.fromisoformat("2026-10-13T14:30:00+00:00")
MIDNIGHT = datetime.fromisoformat("2026-10-13T04:00:00+00:00")  # in New York
SECOND, DOLLAR = timedelta(seconds=1), 1_000_000


def ordered(connection: Connection, at: datetime, *, leg: str = "entry", ticker: str = "") -> None:
    number = f"order at {at.isoformat()} {leg}{ticker}"
    order = replace(
        ORDER,
        client_order_id=number,
        market_ticker=ticker or number,
        leg=leg,
        created_at=at,
        status="canceled",
    )
    ledger.add_intent(connection, order)


COST = cost_to_buy(ORDER.count, ORDER.limit_price, multiplier=Decimal(1))


def test_nothing_ordered_is_nothing(connection: Connection) -> None:
    assert ordered_lately(connection, NOW) == Activity(0, 0, 0)


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (NOW, Activity(1, 1, COST)),
        (NOW - 59 * SECOND, Activity(1, 1, COST)),
        (NOW - 60 * SECOND, Activity(0, 1, COST)),
        (MIDNIGHT, Activity(0, 1, COST)),
        (MIDNIGHT - SECOND, Activity(0, 0, 0)),
    ],
)
def test_an_order_counts_for_a_minute_and_for_its_new_york_day(
    connection: Connection, at: datetime, counts: Activity
) -> None:
    ordered(connection, at)
    assert ordered_lately(connection, NOW) == counts


def test_just_after_midnight_the_minute_reaches_into_the_day_before(connection: Connection) -> None:
    ordered(connection, MIDNIGHT - 10 * SECOND)
    assert ordered_lately(connection, MIDNIGHT + 10 * SECOND) == Activity(1, 0, 0)


def test_an_exit_is_an_order_and_costs_nothing(connection: Connection) -> None:
    ordered(connection, NOW, leg="exit")
    assert ordered_lately(connection, NOW) == Activity(1, 1, 0)


def test_the_cost_is_with_the_fees_of_the_series(connection: Connection) -> None:
    series = Series(MARKET.series_ticker, "CPI", "Economics", "quadratic", Decimal(3))
    markets.save_series(connection, [series], seen_at=NOW)
    markets.save_markets(connection, [MarketSnapshot(MARKET, QUOTE)], tracked=[], seen_at=NOW)
    ordered(connection, NOW, ticker=MARKET.ticker)
    dear = cost_to_buy(ORDER.count, ORDER.limit_price, multiplier=Decimal(3))
    assert ordered_lately(connection, NOW) == Activity(1, 1, dear)


def test_a_market_is_kept_with_its_shard_and_category(connection: Connection) -> None:
    series = Series(MARKET.series_ticker, "CPI", "Economics", "quadratic", Decimal(1))
    markets.save_series(connection, [series], seen_at=NOW)
    placed = replace(MARKET, exchange_index=2)
    markets.save_markets(connection, [MarketSnapshot(placed, QUOTE)], tracked=[], seen_at=NOW)
    known = markets.known_markets(connection)[MARKET.ticker]
    assert (known.market.exchange_index, known.category) == (2, "Economics")


def test_of_the_known_markets_those_asked_for_are_read(connection: Connection) -> None:
    other = replace(MARKET, ticker="KXOTHER-26NOV-T1")
    seen = [MarketSnapshot(each, QUOTE) for each in (MARKET, other)]
    markets.save_markets(connection, seen, tracked=[], seen_at=NOW)
    assert set(markets.known_markets(connection)) == {MARKET.ticker, other.ticker}
    asked_for = [other.ticker, "KXNEVER-SEEN"]
    assert set(markets.known_markets(connection, asked_for)) == {other.ticker}
    assert markets.known_markets(connection, []) == {}


def worth(connection: Connection, at: datetime, value: int | None) -> None:
    held = None if value is None else 0
    save_portfolio(
        connection,
        as_of=at,
        cash_micros=(value or 7) * DOLLAR,
        positions_value_micros=held,
        open_positions=0,
    )


def test_the_day_begins_with_what_was_known_last_before_it(connection: Connection) -> None:
    worth(connection, MIDNIGHT - 3_600 * SECOND, 90)
    worth(connection, MIDNIGHT - SECOND, 100)
    worth(connection, MIDNIGHT, 80)
    assert opening_value(connection, NOW) == 100 * DOLLAR


def test_without_an_earlier_day_it_begins_with_what_was_known_first(connection: Connection) -> None:
    assert opening_value(connection, NOW) is None
    worth(connection, MIDNIGHT, 80)
    worth(connection, MIDNIGHT + SECOND, 70)
    assert opening_value(connection, NOW) == 80 * DOLLAR


def test_a_value_that_was_not_known_is_no_value(connection: Connection) -> None:
    worth(connection, MIDNIGHT - 2 * SECOND, 100)
    worth(connection, MIDNIGHT - SECOND, None)
    assert opening_value(connection, NOW) == 100 * DOLLAR


def test_what_nobody_armed_is_not_armed(connection: Connection) -> None:
    assert armed_until(connection) is None


def test_armed_is_until_its_end_and_no_longer(connection: Connection) -> None:
    until = wall_now() + timedelta(minutes=5)
    arm(connection, until=until, by="me")
    assert armed_until(connection) == until
    arm(connection, until=wall_now() - SECOND, by="me")
    assert armed_until(connection) is None


def test_a_disarm_ends_all_that_was_armed_before_it(connection: Connection) -> None:
    arm(connection, until=wall_now() + timedelta(minutes=5), by="me", override="a reason")
    disarm(connection, by="me")
    assert armed_until(connection) is None
    again = wall_now() + timedelta(minutes=1)
    arm(connection, until=again, by="me")
    assert armed_until(connection) == again
