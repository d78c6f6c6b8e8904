"""Candles and public trades as the wire shows them."""

from collections.abc import Iterator
from typing import Any

from kalshi_assets.local_exchange.query import Query, cursor_of
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Bar, Candle, Tape, TapeTrade
from kalshi_assets.local_exchange.units import (
    HOUR_MS,
    ONE_DOLLAR,
    count_text,
    iso,
    price_text,
)

View = dict[str, Any]


def candle_view(candle: Candle) -> View:
    """Render a candle."""
    return {
        "end_period_ts": candle.end_ms // 1000,
        "yes_bid": _bar(candle.bid),
        "yes_ask": _bar(candle.ask),
        "price": _price(candle),
        "volume_fp": count_text(candle.volume),
        "open_interest_fp": count_text(candle.open_interest),
    }


def projected_view(candle: Candle, end_ms: int) -> View:
    """Render a candle carried forward to the first period asked for: closes only, no trading."""
    return candle_view(
        Candle(
            end_ms=end_ms,
            bid=Bar(*[candle.bid.close] * 4),
            ask=Bar(*[candle.ask.close] * 4),
            price=None,
            previous=candle.price.close if candle.price else candle.previous,
            volume=0,
            notional=0,
            open_interest=candle.open_interest,
        )
    )


def trade_view(trade: TapeTrade) -> View:
    """Render a public trade."""
    outcome = "yes" if trade.taker_side == "bid" else "no"
    return {
        "trade_id": trade.trade_id,
        "ticker": trade.ticker,
        "count_fp": count_text(trade.count),
        "yes_price_dollars": price_text(trade.price),
        "no_price_dollars": price_text(ONE_DOLLAR - trade.price),
        "taker_side": outcome,
        "taker_outcome_side": outcome,
        "taker_book_side": trade.taker_side,
        "created_time": iso(trade.created_ms),
        "is_block_trade": False,
    }


class TradeHistory:
    """Public trades of the tape and of our own orders, newest first."""

    def __init__(self, tape: Tape, store: Store) -> None:
        self._tape = tape
        self._store = store

    def page(self, query: Query, now_ms: int) -> View:
        """Return the page of trades a query asks for."""
        limit, after = query.limit(), query.cursor()
        ticker = query.text("ticker")
        tickers = [ticker] if ticker else list(self._tape.listings)
        if ticker not in ("", *self._tape.listings) or query.flag("is_block_trade"):
            return {"trades": [], "cursor": ""}
        first = min(self._tape.listings[name].open_ms for name in tickers)
        from_ms = max((query.number("min_ts") or 0) * 1000, first)
        until_ms = min((query.number("max_ts") or now_ms // 1000 + 1) * 1000, now_ms)
        shown: list[TapeTrade] = []
        for trade in self._newest_first(tickers, from_ms, _start(after, until_ms)):
            if after and _place(trade) >= after:
                continue
            if len(shown) == limit:
                return {
                    "trades": [trade_view(t) for t in shown],
                    "cursor": cursor_of(_place(shown[-1])),
                }
            shown.append(trade)
        return {"trades": [trade_view(t) for t in shown], "cursor": ""}

    def _newest_first(self, tickers: list[str], from_ms: int, until_ms: int) -> Iterator[TapeTrade]:
        """Walk back hour by hour, so that a page costs no more than the hours it shows."""
        while until_ms >= from_ms:
            after = max(until_ms - HOUR_MS, from_ms - 1)
            found = [trade for name in tickers for trade in self._between(name, after, until_ms)]
            yield from sorted(found, key=_place, reverse=True)
            until_ms = after

    def _between(self, ticker: str, after_ms: int, until_ms: int) -> list[TapeTrade]:
        rows = self._store.rows(
            "select trade_id, ticker, price, count, taker_side, created_ms from trades"
            " where ticker = ? and created_ms > ? and created_ms <= ?",
            *(ticker, after_ms, until_ms),
        )
        own = [TapeTrade(**dict(row)) for row in rows]
        return [*self._tape.trades(ticker, after_ms, until_ms), *own]


def _place(trade: TapeTrade) -> str:
    """Return a trade's place in time, as text that sorts like it."""
    return f"{trade.created_ms:015d}/{trade.trade_id}"


def _start(after: str, until_ms: int) -> int:
    moment = after.split("/", 1)[0]
    return min(int(moment), until_ms) if moment.isdigit() else until_ms


def _bar(bar: Bar) -> View:
    return {
        "open_dollars": price_text(bar.open),
        "low_dollars": price_text(bar.low),
        "high_dollars": price_text(bar.high),
        "close_dollars": price_text(bar.close),
    }


def _price(candle: Candle) -> View:
    previous = None if candle.previous is None else price_text(candle.previous)
    if candle.price is None:
        names = ("open", "low", "high", "close", "mean", "min", "max")
        return {f"{name}_dollars": None for name in names} | {"previous_dollars": previous}
    return {
        **_bar(candle.price),
        "mean_dollars": price_text(_mean(candle.price, candle)),
        "min_dollars": price_text(candle.price.low),
        "max_dollars": price_text(candle.price.high),
        "previous_dollars": previous,
    }


def _mean(price: Bar, candle: Candle) -> int:
    """Return the mean price by volume; a recording may hold a price without any volume."""
    if candle.volume == 0:
        return price.close
    return (2 * candle.notional + candle.volume) // (2 * candle.volume)
