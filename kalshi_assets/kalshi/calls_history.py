"""Whole stretches of the past, whichever tier of the exchange each record lies in.

Records older than a cutoff leave the live tier for the historical one, and the cutoff moves while
we read. So the live tier is read first: what leaves it meanwhile is met in the historical tier,
which is read after it, beyond the cutoff asked for in between. What comes from both counts once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from kalshi_assets.domain.account import Fill, Position, VenueOrder
from kalshi_assets.domain.exchange import HistoricalCutoff
from kalshi_assets.domain.market import Candle, Market, MarketSnapshot, Trade
from kalshi_assets.errors import NotFound
from kalshi_assets.kalshi.batches import Batch, CandleBatch, MarketBatch, candle_key, joined
from kalshi_assets.kalshi.calls_account import AccountCalls
from kalshi_assets.kalshi.calls_exchange import ExchangeCalls
from kalshi_assets.kalshi.calls_market import MarketCalls
from kalshi_assets.kalshi.calls_prices import PriceCalls
from kalshi_assets.kalshi.requests import TimeFilter, distinct, epoch_seconds

T = TypeVar("T")

# How far the two tiers are read across each other.
OVERLAP = timedelta(days=1)


@dataclass(frozen=True)
class CandleTiers:
    """The markets whose candles the live tier may have, and those the historical one may have."""

    live: list[str]
    historical: list[str]


class HistoryCalls(ExchangeCalls, MarketCalls, PriceCalls, AccountCalls):
    """Trades, fills, orders, candlesticks, settled markets and positions of both tiers.

    All stretches hold `start` and end before `end`, candlesticks apart; both are aware.
    """

    def trade_history(
        self,
        *,
        start: datetime,
        end: datetime,
        ticker: str | None = None,
        is_block_trade: bool | None = None,
        cutoff: HistoricalCutoff | None = None,
    ) -> Batch[Trade]:
        """Return the public trades of a stretch, each once.

        Args:
            start: the first moment.
            end: the moment after the last.
            ticker: only those of this market.
            is_block_trade: only those matched beside the book, or only those in it.
            cutoff: as told less than a day ago, to whoever asks for many stretches.

        Raises:
            ValueError: the stretch ends before it starts.
        """
        _require_stretch(start, end)
        found: Batch[Trade] = Batch()
        # What lies before a cutoff that was told already has left the live tier.
        if cutoff is None or end > cutoff.trade_created_at:
            found = self.trades(ticker=ticker, start=start, end=end, is_block_trade=is_block_trade)
        told = self.historical_cutoff() if cutoff is None else cutoff
        moved_by = told.trade_created_at + OVERLAP
        if start < moved_by:
            old = self.historical_trades(
                ticker=ticker, start=start, end=min(end, moved_by), is_block_trade=is_block_trade
            )
            found = joined(found, old, key=lambda trade: trade.trade_id)
        kept = sorted(
            (trade for trade in found.rows if start <= trade.created_at < end),
            key=lambda trade: (trade.created_at, trade.trade_id),
        )
        return replace(found, rows=tuple(kept))

    def fill_history(
        self, *, start: datetime, end: datetime, ticker: str | None = None
    ) -> list[Fill]:
        """Return the account's fills of a stretch, oldest first, each once.

        Args:
            start: the first moment.
            end: the moment after the last.
            ticker: only those of this market.

        Raises:
            ValueError: the stretch ends before it starts.
        """
        _require_stretch(start, end)
        tickers = None if ticker is None else [ticker]
        found = self.fills(min_filled_at=start, max_filled_at=end, tickers=tickers)
        moved_by = self.historical_cutoff().trade_created_at + OVERLAP
        if start < moved_by:
            found += self.historical_fills(
                min_filled_at=start, max_filled_at=min(end, moved_by), ticker=ticker
            )
        kept = [fill for fill in found if start <= fill.filled_at < end]
        once = _newest_reading(kept, key=lambda fill: fill.fill_id)
        return sorted(once, key=lambda fill: (fill.filled_at, fill.fill_id))

    def order_history(
        self, *, start: datetime, end: datetime, ticker: str | None = None
    ) -> list[VenueOrder]:
        """Return the account's orders created in a stretch, oldest first, each once.

        They are asked for without an upper end: the document does not say whether the exchange
        would take it by creation, and an order moves by its last change.

        Args:
            start: the first moment.
            end: the moment after the last.
            ticker: only those of this market.

        Raises:
            ValueError: the stretch ends before it starts.
        """
        _require_stretch(start, end)
        found = self.orders(min_created_at=start, ticker=ticker)
        if start < self.historical_cutoff().order_updated_at + OVERLAP:
            found += self.historical_orders(min_created_at=start, ticker=ticker)
        kept = [order for order in found if start <= order.created_at < end]
        once = _newest_reading(kept, key=lambda order: order.order_id)
        return sorted(once, key=lambda order: (order.created_at, order.order_id))

    def position_history(self) -> list[Position]:
        """Return all positions the account ever had, settled ones included, each once."""
        found = [*self.positions(settlement_status="all"), *self.historical_positions()]
        return _newest_reading(found, key=lambda position: position.market_ticker)

    def settled_markets(self, series_ticker: str, *, start: datetime, end: datetime) -> MarketBatch:
        """Return the markets of a series that were settled in a stretch, each once.

        The historical tier knows no filter by time and is read whole for the series. A market of
        it that does not say when it was settled counts by its closing time.

        Args:
            series_ticker: the series.
            start: the first moment.
            end: the moment after the last.

        Raises:
            ValueError: the stretch ends before it starts.
        """
        _require_stretch(start, end)
        when = TimeFilter("settled", start, end)
        found: Batch[MarketSnapshot] = self.markets(
            series_ticker=series_ticker, status="settled", time=when
        )
        if start < self.historical_cutoff().market_settled_at + OVERLAP:
            old = self.historical_markets(series_ticker=series_ticker)
            found = joined(found, old, key=lambda snapshot: snapshot.market.ticker)
        kept = tuple(
            s for s in found.rows if start <= (s.market.settled_at or s.market.close_at) < end
        )
        return MarketBatch(**vars(replace(found, rows=kept)))

    def candle_history(
        self, tickers: Sequence[str], *, start: datetime, end: datetime, interval_minutes: int
    ) -> CandleBatch:
        """Return the candles that end from `start` to `end`, both inclusive, each once.

        Candlesticks move with their market, all at once: a market that is not listed any more, or
        was settled before the cutoff, is read in the historical tier, call by call.

        Args:
            tickers: the markets; those no tier knows have no candles.
            start: the first moment.
            end: the last moment.
            interval_minutes: 1, 60 or 1440.

        Raises:
            ValueError: no candles of such an interval, or the stretch ends before it starts.
        """
        _require_stretch(start, end)
        listing = self.markets(tickers=tickers)
        listed = {snapshot.market.ticker: snapshot.market for snapshot in listing.snapshots}
        asked = distinct(tickers)
        # A market that could not be read may be listed all the same.
        live = asked if listing.rejected else [ticker for ticker in asked if ticker in listed]
        found: Batch[Candle] = self.candlesticks(
            live, start=start, end=end, interval_minutes=interval_minutes
        )
        moved_by = self.historical_cutoff().market_settled_at + OVERLAP
        for ticker in asked:
            if _has_moved(listed.get(ticker), moved_by):
                old = self._old_candles(
                    ticker, start=start, end=end, interval_minutes=interval_minutes
                )
                found = joined(found, old, key=candle_key)
        return CandleBatch(**vars(found))

    def candle_tiers(self, tickers: Sequence[str]) -> CandleTiers:
        """Return where the candles of each market may lie, as far as the exchange tells it now.

        For whoever reads candles in portions of their own. What is live and moves within a day
        is named in both tiers, so read the live one first.
        """
        listing = self.markets(tickers=tickers)
        listed = {snapshot.market.ticker: snapshot.market for snapshot in listing.snapshots}
        asked = distinct(tickers)
        moved_by = self.historical_cutoff().market_settled_at + OVERLAP
        return CandleTiers(
            live=asked if listing.rejected else [t for t in asked if t in listed],
            historical=[t for t in asked if _has_moved(listed.get(t), moved_by)],
        )

    def _old_candles(
        self, ticker: str, *, start: datetime, end: datetime, interval_minutes: int
    ) -> CandleBatch:
        try:
            return self.historical_candlesticks(
                ticker, start=start, end=end, interval_minutes=interval_minutes
            )
        except NotFound:
            return CandleBatch()


def _has_moved(market: Market | None, moved_by: datetime) -> bool:
    """Tell whether the historical tier may have a market, by how it was listed before."""
    if market is None:
        return True
    return market.settled_at is not None and market.settled_at < moved_by


def _newest_reading(found: Iterable[T], *, key: Callable[[T], str]) -> list[T]:
    """Return each record once, as the tier read later tells it: there it is final."""
    return list({key(record): record for record in found}.values())


def _require_stretch(start: datetime, end: datetime) -> None:
    if epoch_seconds(end) < epoch_seconds(start):
        raise ValueError(f"{end} lies before {start}")
