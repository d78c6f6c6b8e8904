"""Trades through Kalshi's own Python SDK, as its users would; prints what it saw, fails if wrong.

Nothing of ours is imported: whoever has the SDK can point this at any Kalshi-like exchange where a
lost bet costs nothing. The SDK is no dependency of this project; put it beside the interpreter:

    pip install --ignore-requires-python --no-deps --target DIR kalshi_python_sync==3.34.0
    PYTHONPATH=DIR python trade.py --url http://127.0.0.1:PORT/trade-api/v2 --key-id ID \
        --private-key FILE --market TICKER --settles TICKER

`--market` is an open market to quote in, `--settles` one to buy in that is settled within a minute.
"""

import argparse
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import kalshi_python_sync as sdk  # type: ignore[import-not-found, unused-ignore]

T = TypeVar("T")
LAG_SECONDS = 5.0
SETTLED_SECONDS = 60.0


class Trader:
    """One account's SDK objects, and the steps a trader takes with them."""

    def __init__(self, url: str, key_id: str, pem: str) -> None:
        client = sdk.ApiClient(sdk.Configuration(host=url))
        client.kalshi_auth = sdk.KalshiAuth(key_id, pem)
        self.account = sdk.AccountApi(client)
        self.exchange = sdk.ExchangeApi(client)
        self.historical = sdk.HistoricalApi(client)
        self.markets = sdk.MarketApi(client)
        self.orders = sdk.OrdersApi(client)
        self.portfolio = sdk.PortfolioApi(client)

    def look_around(self, ticker: str) -> None:
        """Read what anybody may read."""
        assert self.exchange.get_exchange_status().trading_active
        listed = self.markets.get_markets(status="open", limit=1000).markets
        assert ticker in [market.ticker for market in listed]
        market = self.markets.get_market(ticker).market
        book = self.markets.get_market_orderbook(ticker).orderbook_fp
        [batch] = self.markets.get_market_orderbooks(tickers=[ticker]).orderbooks
        assert batch.ticker == ticker
        best_bid = book.yes_dollars[-1][0]
        assert best_bid == market.yes_bid_dollars, (best_bid, market.yes_bid_dollars)
        trades = self.markets.get_trades(ticker=ticker, limit=5).trades
        cutoff = self.historical.get_historical_cutoff()
        limits = self.account.get_account_api_limits()
        say("markets", len(listed), "best bid", best_bid, "trades", len(trades))
        say("cutoff", cutoff.trades_created_ts, "tier", limits.usage_tier)

    def quote(self, ticker: str) -> None:
        """Place, amend, decrease and cancel one order, and see each step in its record."""
        mine = f"sdk-{uuid.uuid4()}"
        created = self.place(ticker, "bid", "0.0200", "10.00", client_order_id=mine)
        assert (created.fill_count, created.remaining_count) == ("0.00", "10.00")
        self.shows(created.order_id, status="resting", yes_price_dollars="0.0200")

        amended = self.orders.amend_order_v2(
            created.order_id, ticker=ticker, side="bid", price="0.0300", count="12.00"
        )
        assert amended.remaining_count == "12.00"
        self.shows(created.order_id, yes_price_dollars="0.0300", remaining_count_fp="12.00")

        decreased = self.orders.decrease_order_v2(
            created.order_id, reduce_by="2.50", market_ticker=ticker
        )
        assert decreased.remaining_count == "9.50"
        self.shows(created.order_id, remaining_count_fp="9.50")

        canceled = self.orders.cancel_order_v2(created.order_id, market_ticker=ticker)
        assert canceled.reduced_by == "9.50"
        self.shows(created.order_id, status="canceled", remaining_count_fp="0.00")
        listed = self.orders.get_orders(ticker=ticker).orders
        assert mine in [order.client_order_id for order in listed]
        say("order", created.order_id, "placed, amended, decreased, cancelled")

    def be_refused(self, ticker: str) -> None:
        """Cancel what is not there, and repeat a client order id."""
        refused(sdk.NotFoundException, self.orders.cancel_order_v2, str(uuid.uuid4()))
        once = f"sdk-{uuid.uuid4()}"
        self.place(ticker, "bid", "0.0200", "1.00", client_order_id=once)
        refused(
            sdk.ConflictException,
            *(self.place, ticker, "bid", "0.0200", "1.00"),
            client_order_id=once,
        )
        self.orders.cancel_all_orders()
        say("refusals are exceptions of the SDK")

    def buy(self, ticker: str) -> None:
        """Buy whatever it costs; fills, position and balance must agree with the answer."""
        before = self.portfolio.get_balance()
        bought = self.place(ticker, "bid", "0.9900", "2.00", time_in_force="immediate_or_cancel")
        assert bought.fill_count == "2.00", bought
        fills = until(
            lambda: self.portfolio.get_fills(order_id=bought.order_id).fills,
            lambda found: sum(float(fill.count_fp) for fill in found) == 2,
        )
        assert all(fill.is_taker for fill in fills)
        [position] = until(
            lambda: self.portfolio.get_positions(ticker=ticker).market_positions, bool
        )
        assert float(position.position_fp) >= 2
        after = until(
            self.portfolio.get_balance,
            lambda found: found.balance_dollars != before.balance_dollars,
        )
        say("bought 2 at", bought.average_fill_price, "fee", [fill.fee_cost for fill in fills])
        say("balance", before.balance_dollars, "->", after.balance_dollars)

    def be_paid(self, ticker: str) -> None:
        """Wait for the market's settlement."""
        [paid] = until(
            lambda: self.portfolio.get_settlements(ticker=ticker).settlements,
            bool,
            seconds=SETTLED_SECONDS,
        )
        say("settled", paid.ticker, paid.market_result, "revenue", paid.revenue)

    def place(self, ticker: str, side: str, price: str, count: str, **more: str) -> Any:
        """Place an order that never trades with ourselves."""
        return self.orders.create_order_v2(
            ticker=ticker,
            side=side,
            price=price,
            count=count,
            self_trade_prevention_type="taker_at_cross",
            **{"time_in_force": "good_till_canceled", **more},
        )

    def shows(self, order_id: str, **expected: str) -> None:
        """Wait until reads show what a write was acknowledged with."""
        until(
            lambda: self.orders.get_order(order_id).order,
            lambda order: all(getattr(order, name) == value for name, value in expected.items()),
        )


def until(
    read: Callable[[], T], is_there: Callable[[T], bool], *, seconds: float = LAG_SECONDS
) -> T:
    """Read until it shows; an exchange's reads lag behind its writes."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = read()
        except sdk.NotFoundException:
            found = None
        if found is not None and is_there(found):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not there after {seconds:g} s, but {found}")
        time.sleep(0.1)


def refused(kind: type[Exception], call: Callable[..., Any], *args: Any, **more: Any) -> None:
    """Make a call that the exchange must refuse."""
    try:
        call(*args, **more)
    except kind:
        return
    raise AssertionError(f"{call} was not refused with {kind.__name__}")


def say(*words: object) -> None:
    """Tell what was seen."""
    print(*words, flush=True)


def main() -> None:
    """Run all steps; an assertion or an exception of the SDK ends the process with 1."""
    parser = argparse.ArgumentParser()
    for name in ("url", "key-id", "private-key", "market", "settles"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    pem = Path(given.private_key).read_text()
    trader = Trader(given.url, given.key_id, pem)
    trader.look_around(given.market)
    trader.quote(given.market)
    trader.be_refused(given.market)
    trader.buy(given.settles)
    trader.be_paid(given.settles)
    stranger = Trader(given.url, str(uuid.uuid4()), pem)
    refused(sdk.UnauthorizedException, stranger.portfolio.get_balance)
    say("done")


if __name__ == "__main__":
    main()
