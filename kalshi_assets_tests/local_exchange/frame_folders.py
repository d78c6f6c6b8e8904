"""Small made-up recordings of frames, written where a test says."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from kalshi_assets.local_exchange.recordings import RecordedTape, load_recording
from kalshi_assets.local_exchange.tape import Quote
from kalshi_assets.local_exchange.units import to_ms

UP, DOWN = "KXGOLD-26AUG11-UP", "KXGOLD-26AUG11-DOWN"
NOON = to_ms(datetime(2026, 8, 11, 12, tzinfo=UTC))

_NUMBERS = count(1)

Pairs = Sequence[tuple[str, str]]
Json = dict[str, Any]


def at(seconds: float) -> int:
    """A moment in seconds from noon."""
    return NOON + round(seconds * 1000)


def line(seconds: float, kind: str, lag: float = 0.012, **message: Any) -> Json:
    """A line; where it says no `seq` of its own, `packed` numbers it."""
    event = {"type": kind, "sid": 1, "msg": message}
    return {"recv_ms": at(seconds + lag), "event": event}


def snapshot(seconds: float, *, yes: Pairs = (), no: Pairs = (), ticker: str = UP) -> Json:
    """A snapshot as received; an empty side has no key."""
    sides = {"yes_dollars_fp": list(yes), "no_dollars_fp": list(no)}
    told: Json = {name: pairs for name, pairs in sides.items() if pairs}
    return line(seconds, "orderbook_snapshot", 0, market_ticker=ticker, market_id="x", **told)


def delta(
    seconds: float, side: str, price: str, by: str, *, ticker: str = UP, lag: float = 0.012
) -> Json:
    return line(
        seconds,
        "orderbook_delta",
        lag,
        market_ticker=ticker,
        price_dollars=price,
        delta_fp=by,
        side=side,
        ts_ms=at(seconds),
    )


def trade(seconds: float, side: str, price: str, size: str, **changes: Any) -> Json:
    name = f"trade-{seconds}"
    told: Json = {
        "market_ticker": UP,
        "trade_id": name,
        "yes_price_dollars": price,
        "count_fp": size,
    }
    return line(
        seconds, "trade", **(told | {"taker_book_side": side, "ts_ms": at(seconds)} | changes)
    )


def numbered(one: Json, seq: int) -> Json:
    """The line of a frame with this number."""
    return one | {"event": one["event"] | {"seq": seq}}


def packed(*lines: Json) -> bytes:
    """The lines of a file; frames of books without a number get the next ones."""
    texts = [json.dumps(numbered(one, next(_NUMBERS)) if _is_bare(one) else one) for one in lines]
    return gzip.compress("".join(f"{text}\n" for text in texts).encode(), mtime=0)


def _is_bare(one: Json) -> bool:
    event = one.get("event")
    return isinstance(event, dict) and "seq" not in event and "sid" in event


def write(folder: Path, *lines: Json, name: str = "2026-08-11") -> Path:
    """Write a day file as a collector of all markets does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ndjson.gz").write_bytes(packed(*lines))
    return folder


def body(ticker: str = UP, **changes: Any) -> Json:
    """A body of `GET /events/{ticker}`."""
    market = {
        "ticker": ticker,
        "event_ticker": ticker.rpartition("-")[0],
        "title": "Gold up?",
        "yes_sub_title": "Above 4,385.92",
        "created_time": "2026-08-11T00:00:47.991008Z",
        "open_time": "2026-08-11T11:45:00Z",
        "close_time": "2026-08-11T12:15:00Z",
        "settlement_ts": "2026-08-11T12:15:09.862411Z",
        "result": "yes",
        "expiration_value": "4387.73",
        "floor_strike": 4385.92,
        "price_level_structure": "deci_cent",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}],
        "rules_primary": "p",
        "rules_secondary": "s",
        "a_later_field": {},
    }
    event = {"event_ticker": "KXGOLD-26AUG11", "series_ticker": "KXGOLD", "category": "Commodities"}
    return {"event": event, "markets": [market | changes]}


def write_body(folder: Path, document: Json, *, is_wrapped: bool = False) -> None:
    (folder / "metadata").mkdir(exist_ok=True)
    text = json.dumps({"status": 200, "response": document} if is_wrapped else document)
    (folder / "metadata" / "event.json").write_text(text)


def load(folder: Path, seconds: float = 1) -> RecordedTape:
    return load_recording(folder, name="frames", started_ms=at(seconds))


def sides(quote: Quote) -> tuple[dict[int, int], dict[int, int]]:
    """Counts by price of bids and asks."""
    bids, asks = ({one.price: one.count for one in levels} for levels in (quote.bids, quote.asks))
    return bids, asks


START = snapshot(0, yes=[("0.4000", "10.00"), ("0.4100", "5.50")], no=[("0.5700", "7.00")])
