"""Raw ticks: one observation of one market, as a row of `raw_ticks`.

An observation's key is market, source and source time: the poll's slot, the exchange's time of a
streamed quote, or the candle's end and interval. So a repeated poll of a slot, or a repeated
backfill, adds nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from kalshi_assets.domain.market import Candle, MarketSnapshot, Trade
from kalshi_assets.domain.stream import TickerUpdate

RawTick = dict[str, Any]
# A tick that came so long after newer ones still takes its place in a run about this moment; what
# comes later is for whoever loads it to clean the whole day anew.
LATEST = timedelta(minutes=5)
# The tag by which a run knows the poll slot it serves, or of a feed the moment.
SLOT_TAG = "kalshi/slot"
# The tags by which a run knows the days it loads, and that it asks again for loaded ones: for
# after their ticks were removed by hand.
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
AGAIN_TAG = "kalshi/again"


def slot_of(moment: datetime, poll_seconds: int) -> datetime:
    """Return the start of the poll slot a moment falls in; slots count from the epoch."""
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % poll_seconds, UTC)


def tick_of_poll(snapshot: MarketSnapshot, *, slot: datetime, received_at: datetime) -> RawTick:
    """Return the raw tick of a polled quote, dated to its slot."""
    quote = snapshot.quote
    return {
        "observed_at": slot,
        "market_ticker": quote.market_ticker,
        "source": "poll",
        "source_key": "",
        "quoted_at": quote.quoted_at,
        "received_at": received_at,
        "status": quote.status,
        "yes_bid": quote.yes_bid,
        "yes_ask": quote.yes_ask,
        "yes_bid_size": quote.yes_bid_size,
        "yes_ask_size": quote.yes_ask_size,
        "last_price": quote.last_price,
        "volume": quote.volume,
        "volume_24h": quote.volume_24h,
        "open_interest": quote.open_interest,
    }


def tick_of_quote(quote: TickerUpdate, *, status: str) -> RawTick:
    """Return the raw tick of a streamed quote, dated by the exchange."""
    return {
        "observed_at": quote.quoted_at,
        "market_ticker": quote.market_ticker,
        "source": "stream",
        "source_key": "",
        "quoted_at": quote.quoted_at,
        "received_at": quote.received_at,
        "status": status,
        "yes_bid": quote.yes_bid,
        "yes_ask": quote.yes_ask,
        "yes_bid_size": quote.yes_bid_size,
        "yes_ask_size": quote.yes_ask_size,
        "last_price": quote.last_price,
        "volume": quote.volume,
        "volume_24h": None,
        "open_interest": quote.open_interest,
    }


def tick_of_candle(candle: Candle, *, received_at: datetime) -> RawTick:
    """Return the raw tick of a candlestick: its closing quote, dated to its end."""
    bid_open, bid_low, bid_high = candle.yes_bid_range
    ask_open, ask_low, ask_high = candle.yes_ask_range
    return {
        "observed_at": candle.end_at,
        "market_ticker": candle.market_ticker,
        "source": "candle",
        "source_key": str(candle.interval_seconds),
        "quoted_at": candle.end_at,
        "received_at": received_at,
        "status": "active",
        "yes_bid": candle.yes_bid,
        "yes_ask": candle.yes_ask,
        "last_price": candle.trade_close,
        "bar_volume": candle.volume,
        "open_interest": candle.open_interest,
        "bid_open": bid_open,
        "bid_low": bid_low,
        "bid_high": bid_high,
        "ask_open": ask_open,
        "ask_low": ask_low,
        "ask_high": ask_high,
        "trade_open": candle.trade_open,
        "trade_low": candle.trade_low,
        "trade_high": candle.trade_high,
    }


def row_of_trade(trade: Trade, source: str, *, received_at: datetime) -> dict[str, Any]:
    """Return a public trade that was read over REST as a row of `trades`."""
    row = {**vars(trade), "source": source, "received_at": received_at}
    row["traded_at"] = row.pop("created_at")
    return row
