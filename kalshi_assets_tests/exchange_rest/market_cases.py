"""Reads of series, events and markets: each value is the tape's."""

from decimal import Decimal

from kalshi_assets.domain.price import micros
from kalshi_assets.kalshi.requests import TimeFilter
from kalshi_assets_tests.exchange_rest.cases import Case, register
from kalshi_assets_tests.exchange_rest.world import (
    EVENT,
    HOUR,
    LATE,
    LONG,
    NOON,
    SERIES,
    SOON,
    World,
    moment,
)
from kalshi_assets_tests.local_exchange.bench import TICKER

MARKET_CASES: dict[str, Case] = {}
case = register(MARKET_CASES)

ALL = [TICKER, SOON, LATE]


def tickers_of(batch) -> list[str]:
    assert not batch.rejected
    return [snapshot.market.ticker for snapshot in batch.rows]


@case
def series(venue: World) -> None:
    told, held = venue.client.series(SERIES), venue.floor.tape.series[SERIES]
    assert (told.ticker, told.title, told.category) == (held.ticker, held.title, held.category)
    assert (told.fee_type, told.fee_multiplier) == ("quadratic", Decimal(1))


@case
def series_list(venue: World) -> None:
    told = venue.client.series_list(category="Economics")
    assert told.rows == (venue.client.series(SERIES),)
    assert venue.client.series_list(category="Sports").rows == ()
    assert venue.client.series_list(min_updated_at=NOON).rows == ()


@case
def event(venue: World) -> None:
    told = venue.client.event(EVENT, with_markets=True)
    assert (told.ticker, told.series_ticker, told.exchange_index) == (EVENT, SERIES, 0)
    assert told.fee_type_override is None
    assert told.markets == venue.client.markets(event_ticker=EVENT).snapshots
    assert venue.client.event(EVENT).markets is None


@case
def events(venue: World) -> None:
    told = venue.client.events(series_ticker=SERIES, status="open", with_markets=True)
    assert told.rows == (venue.client.event(EVENT, with_markets=True),)
    assert venue.client.events(tickers=["KXNONE-26OCT"]).rows == ()
    assert venue.client.events(status="settled").rows == ()


@case
def market(venue: World) -> None:
    venue.take("yes", "0.52", "1")
    told, held = venue.client.market(TICKER), venue.floor.tape.listings[TICKER]
    assert (told.market.event_ticker, told.market.status) == (EVENT, "active")
    assert told.market.open_at == moment(held.open_ms)
    assert told.market.close_at == moment(held.close_ms)
    assert told.market.grid.holds(micros("0.01"))
    assert not told.market.grid.holds(micros("0.005"))
    quote = told.quote
    assert (quote.yes_bid, quote.yes_bid_size) == (micros("0.47"), 300)
    assert (quote.yes_ask, quote.yes_ask_size) == (micros("0.52"), 200)
    assert (quote.last_price, quote.volume) == (micros("0.52"), 200)  # the tape's one, and ours
    venue.wait(LONG)
    told = venue.client.market(SOON)
    assert (told.market.status, told.market.result) == ("finalized", "yes")
    assert (told.market.settlement_value, told.market.settled_at) == (1_000_000, NOON + 2 * HOUR)


@case
def markets(venue: World) -> None:
    client = venue.client
    assert tickers_of(client.markets()) == ALL
    assert tickers_of(client.markets(tickers=[LATE, TICKER, "KXNONE"])) == [TICKER, LATE]
    assert client.markets(tickers=[TICKER]).snapshots == (client.market(TICKER),)
    assert tickers_of(client.markets(series_ticker=SERIES, status="settled")) == []
    assert tickers_of(client.markets(combos="only")) == []
    soon = TimeFilter("close", NOON, NOON + 2 * HOUR)
    assert tickers_of(client.markets(time=soon)) == [SOON]
    venue.wait(3)
    settled = TimeFilter("settled", NOON, NOON + 2 * HOUR)
    assert tickers_of(client.markets(status="settled", time=settled)) == [SOON]
    changed = TimeFilter("updated", NOON, NOON + 2 * HOUR)
    assert tickers_of(client.markets(time=changed, combos="exclude", series_ticker=SERIES)) == [
        SOON
    ]


@case
def historical_market(venue: World) -> None:
    venue.wait(LONG)
    assert venue.client.historical_market(SOON) == venue.client.market(SOON)


@case
def historical_markets(venue: World) -> None:
    assert venue.client.historical_markets(series_ticker=SERIES).rows == ()
    venue.wait(LONG)
    assert tickers_of(venue.client.historical_markets(tickers=[SOON, TICKER])) == [TICKER, SOON]
    assert tickers_of(venue.client.historical_markets(event_ticker=EVENT)) == [TICKER, SOON]


@case
def settled_markets(venue: World) -> None:
    for hours in (3, LONG):
        venue.wait(hours)
        found = venue.client.settled_markets(SERIES, start=NOON, end=NOON + 3 * HOUR)
        assert tickers_of(found) == [SOON]
