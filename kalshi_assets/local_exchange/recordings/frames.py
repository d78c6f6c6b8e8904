"""The frames of one market, folded into the course of its book and the trades beside it.

Everything is dated by the exchange's own `ts_ms`. A snapshot carries none: it was taken before the
next dated change of its book, and no later than it was received. A book that is in doubt stands as
it was, dated as it was, until a snapshot puts it right: it is served like a gap.
"""

from functools import lru_cache
from typing import Literal

import msgspec

from kalshi_assets.local_exchange.recordings.book_course import BookCourse
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
        trades: by id; one that came again counts once.
        first_ms: when the record begins; what is from before the first snapshot tells nothing.
        last_ms: when it ends.
        is_in_doubt: changes of the book are left out until the next snapshot.
    """

    def __init__(self, ticker: str) -> None:
        self.ticker = ticker
        self.book = BookCourse()
        self.trades: dict[str, TapeTrade] = {}
        self.first_ms: int | None = None
        self.last_ms = 0
        self.is_in_doubt = False
        self._pending: tuple[int, _Counts, _Counts] | None = None

    def take_snapshot(self, frame: Snapshot, recv_ms: int, *, is_yes_priced: bool) -> None:
        """Take a whole book; it counts from the next change on, at the latest."""
        bids = {_price(price): _signed(count) for price, count in frame.yes_dollars_fp}
        asks = {
            _ask(price, is_yes_priced=is_yes_priced): _signed(count)
            for price, count in frame.no_dollars_fp
        }
        self._settle()
        self._pending = recv_ms, bids, asks
        self.is_in_doubt = False

    def take_delta(self, frame: Delta, recv_ms: int, *, is_yes_priced: bool) -> None:
        """Take a change of the book."""
        ms = self._reach(recv_ms if frame.ts_ms is None else frame.ts_ms)
        if self.first_ms is None or self.is_in_doubt:
            return
        count = _signed(frame.delta_fp)
        if frame.side == "yes":
            self.book.change(ms, "bid", _price(frame.price_dollars), by=count)
        else:
            ask = _ask(frame.price_dollars, is_yes_priced=is_yes_priced)
            self.book.change(ms, "ask", ask, by=count)

    def take_trade(self, frame: Trade, recv_ms: int) -> None:
        """Take a trade; one of a block met no order of the book."""
        ms = recv_ms if frame.ts_ms is None else frame.ts_ms
        price, count = _price(frame.yes_price_dollars), _signed(frame.count_fp)
        if not frame.is_block_trade:
            self.trades[frame.trade_id] = TapeTrade(
                frame.trade_id, self.ticker, price, count, frame.taker_book_side, ms
            )

    def doubt(self) -> None:
        """Leave the book as it stands until the next snapshot: something of it is missing."""
        self._settle()
        self.is_in_doubt = True

    def finish(self) -> None:
        """Put the last snapshot into effect, and take out the trades from before the first."""
        self._settle()
        first_ms = self.first_ms
        if first_ms is not None:
            self.trades = {k: one for k, one in self.trades.items() if one.created_ms >= first_ms}
            self.last_ms = max([self.last_ms, *(one.created_ms for one in self.trades.values())])

    def _settle(self) -> None:
        """Put a snapshot into effect that no dated change has followed yet."""
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
