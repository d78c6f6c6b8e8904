"""Recorded frames folded, market by market, into the course of a book and the trades beside it.

Everything is dated by the exchange's own `ts_ms`. A snapshot carries none: it was taken before the
next dated frame of its market, and no later than it was received. `seq` counts over all markets of
a subscription, so no gap can be told from it here: the next snapshot puts the book right.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.recordings.book_course import BookCourse
from kalshi_assets.local_exchange.recordings.frame_files import Frame, Line, frame_files, read_lines
from kalshi_assets.local_exchange.tape import Side, TapeTrade
from kalshi_assets.local_exchange.units import ONE_DOLLAR, parse_count, parse_price

_Pairs = list[tuple[str, str]]
_Counts = dict[int, int]  # by YES price


class Snapshot(msgspec.Struct, frozen=True):
    """A whole book; a side that is empty has no key."""

    market_ticker: str
    yes_dollars_fp: _Pairs = []
    no_dollars_fp: _Pairs = []


class Delta(msgspec.Struct, frozen=True):
    """A change of one level."""

    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: Literal["yes", "no"]
    ts_ms: int | None = None


class Trade(msgspec.Struct, frozen=True):
    """A trade; one agreed off the book is a block trade."""

    market_ticker: str
    trade_id: str
    yes_price_dollars: str
    count_fp: str
    taker_book_side: Side
    ts_ms: int | None = None
    is_block_trade: bool = False


class RecordedFrames:
    """What the frames tell of one market.

    Attributes:
        trades: by id, in the order received.
        first_ms: when the record begins; a change from before the first snapshot tells nothing.
        last_ms: when it ends.
    """

    def __init__(self, ticker: str) -> None:
        self.ticker = ticker
        self.book = BookCourse()
        self.trades: dict[str, TapeTrade] = {}
        self.first_ms: int | None = None
        self.last_ms = 0
        self._pending: tuple[int, _Counts, _Counts] | None = None

    def take_snapshot(self, frame: Snapshot, recv_ms: int, *, is_yes_priced: bool) -> None:
        """Take a whole book; it counts from the next dated frame on, at the latest."""
        self.settle()
        bids = {_price(price): _signed(count) for price, count in frame.yes_dollars_fp}
        asks = {
            _ask(price, is_yes_priced=is_yes_priced): _signed(count)
            for price, count in frame.no_dollars_fp
        }
        self._pending = recv_ms, bids, asks

    def take_delta(self, frame: Delta, recv_ms: int, *, is_yes_priced: bool) -> None:
        """Take a change of the book."""
        ms = self._reach(recv_ms if frame.ts_ms is None else frame.ts_ms)
        if self.first_ms is None:
            return
        count = _signed(frame.delta_fp)
        if frame.side == "yes":
            self.book.change(ms, "bid", _price(frame.price_dollars), by=count)
        else:
            ask = _ask(frame.price_dollars, is_yes_priced=is_yes_priced)
            self.book.change(ms, "ask", ask, by=count)

    def take_trade(self, frame: Trade, recv_ms: int) -> None:
        """Take a trade; one of a block met no order of the book."""
        ms = self._reach(recv_ms if frame.ts_ms is None else frame.ts_ms)
        price, count = _price(frame.yes_price_dollars), _signed(frame.count_fp)
        if not frame.is_block_trade and self.first_ms is not None:
            self.trades[frame.trade_id] = TapeTrade(
                frame.trade_id, self.ticker, price, count, frame.taker_book_side, ms
            )

    def settle(self) -> None:
        """Put a snapshot into effect that no dated frame has followed yet."""
        if self._pending is not None:
            self._reach(self._pending[0])

    def _reach(self, ms: int) -> int:
        """Go on to a moment, never back; a snapshot that waits comes into effect on the way."""
        if self._pending is not None:
            (recv_ms, bids, asks), self._pending = self._pending, None
            self.last_ms = max(min(recv_ms, ms), self.last_ms)
            self.first_ms = self.last_ms if self.first_ms is None else self.first_ms
            self.book.replace(self.last_ms, bids, asks)
        self.last_ms = max(ms, self.last_ms)
        return self.last_ms


def read_frames(folder: Path, *, is_yes_priced: bool) -> list[RecordedFrames]:
    """Fold all frames of a folder.

    Args:
        folder: see `frame_files`.
        is_yes_priced: orders for NO carry YES prices in lines that do not say whether they do.

    Raises:
        RecordingError: naming the file, line and value that cannot be used, or a folder that holds
            nothing to replay.
    """
    files = frame_files(folder)
    markets = _Markets()
    readers = _readers(markets)
    for file in files:
        for number, line in read_lines(file):
            try:
                _take(readers, line, is_yes_priced=is_yes_priced)
            except (msgspec.MsgspecError, ValueError) as exc:
                raise RecordingError(f"{file} line {number}: {exc}") from exc
    for one in markets.values():
        one.settle()
    whole = [one for one in markets.values() if one.first_ms is not None]
    if not whole:
        raise RecordingError(
            f"{folder} holds no orderbook_snapshot in {len(files)} files of frames: without one no"
            " book can be replayed; record from the subscription on"
        )
    return whole


class _Markets(dict[str, RecordedFrames]):
    def __missing__(self, ticker: str) -> RecordedFrames:
        self[ticker] = RecordedFrames(ticker)
        return self[ticker]


_Reader = Callable[[msgspec.Raw, int, bool], None]


def _readers(markets: _Markets) -> dict[str, _Reader]:
    """Return what takes each type of frame; frames of other types are left alone."""
    snapshot = msgspec.json.Decoder(Snapshot).decode
    delta = msgspec.json.Decoder(Delta).decode
    trade = msgspec.json.Decoder(Trade).decode

    def take_snapshot(raw: msgspec.Raw, recv_ms: int, is_yes_priced: bool) -> None:
        frame = snapshot(raw)
        markets[frame.market_ticker].take_snapshot(frame, recv_ms, is_yes_priced=is_yes_priced)

    def take_delta(raw: msgspec.Raw, recv_ms: int, is_yes_priced: bool) -> None:
        frame = delta(raw)
        markets[frame.market_ticker].take_delta(frame, recv_ms, is_yes_priced=is_yes_priced)

    def take_trade(raw: msgspec.Raw, recv_ms: int, is_yes_priced: bool) -> None:
        frame = trade(raw)
        markets[frame.market_ticker].take_trade(frame, recv_ms)

    return {
        "orderbook_snapshot": take_snapshot,
        "orderbook_delta": take_delta,
        "trade": take_trade,
    }


def _take(readers: dict[str, _Reader], line: Line, *, is_yes_priced: bool) -> None:
    if not isinstance(line.event, Frame) or (reader := readers.get(line.event.type)) is None:
        return
    told = is_yes_priced if line.use_yes_price is None else line.use_yes_price
    reader(line.event.msg, line.recv_ms, told)


@lru_cache(maxsize=ONE_DOLLAR)
def _price(text: str) -> int:
    price = parse_price(text)
    if price is None or not 0 < price < ONE_DOLLAR:
        raise ValueError(f"price {text} is not above 0 and below 1 dollar with up to 4 decimals")
    return price


def _signed(text: str) -> int:
    count = parse_count(text.removeprefix("-"))
    if count is None:
        raise ValueError(f"{text} is no count of contracts with up to 2 decimals")
    return -count if text.startswith("-") else count


def _ask(text: str, *, is_yes_priced: bool) -> int:
    """Return the YES price of an order for NO."""
    return _price(text) if is_yes_priced else ONE_DOLLAR - _price(text)
