"""A folder of recorded frames, folded market by market.

A frame that is whole but wrong is set aside, and the book it was about is in doubt until its next
snapshot; where that cannot be told, all books of its files are. See `frame_order` for frames that
came twice or late.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.recordings.frame_files import (
    BadLine,
    Frame,
    Line,
    frame_files,
    read_lines,
)
from kalshi_assets.local_exchange.recordings.frame_order import (
    SNAPSHOT,
    FrameOrder,
    Received,
    Turn,
)
from kalshi_assets.local_exchange.recordings.frames import Delta, RecordedFrames, Snapshot, Trade
from kalshi_assets.local_exchange.recordings.set_aside import SetAside, Tally

DELTA, TRADE = "orderbook_delta", "trade"
_BOOK_TYPES = frozenset({SNAPSHOT, DELTA})

_LOG = logging.getLogger(__name__)


def read_frames(folder: Path, *, is_yes_priced: bool) -> list[RecordedFrames]:
    """Fold all frames of a folder; one line on those that were not is logged as a warning.

    Args:
        folder: see `frame_files`.
        is_yes_priced: orders for NO carry YES prices in lines that do not say whether they do.

    Raises:
        RecordingError: naming what cannot be used, if that is more than 5 % of the frames, or a
            folder that holds nothing to replay.
    """
    files, folding = frame_files(folder), Folding(is_yes_priced=is_yes_priced)
    for file in files:
        for number, line in read_lines(file):
            folding.take(file, number, line)
    markets = folding.finish()
    folding.tally.check(folder)
    if not markets:
        raise RecordingError(
            f"{folder} holds no orderbook_snapshot in {len(files)} files of frames: without one no"
            " book can be replayed; record from the subscription on"
        )
    if (summary := folding.tally.summary(folder)) is not None:
        _LOG.warning("%s", summary)
    return markets


class Folding:
    """Takes lines in the order of the files, and tells the markets in the end.

    Attributes:
        tally: what became of the frames so far.
    """

    def __init__(self, *, is_yes_priced: bool) -> None:
        self.tally = Tally()
        self._is_yes_priced = is_yes_priced
        self._markets: dict[str, RecordedFrames] = {}
        self._sources: defaultdict[Path, _Source] = defaultdict(_Source)
        self._readers = _readers(self._market)

    def take(self, file: Path, number: int, line: Line | BadLine) -> None:
        """Take a line; notes, and frames of types that are not replayed, are left alone."""
        source = self._sources[file.parent]
        if isinstance(line, BadLine):
            self._do(source.flush())
            self._doubt(source.all_tickers())
            if line.is_torn:
                self.tally.torn += 1
            else:
                self.tally.set_aside.append(SetAside(file, number, line.reason))
        elif isinstance(line.event, Frame):
            told = self._is_yes_priced if line.use_yes_price is None else line.use_yes_price
            received = Received(file, number, line.recv_ms, line.event, told)
            self._do(source.turns(received))

    def finish(self) -> list[RecordedFrames]:
        """Return the markets of which there is a book."""
        for source in self._sources.values():
            self._do(source.flush())
        for one in self._markets.values():
            one.finish()
        return [one for one in self._markets.values() if one.first_ms is not None]

    def _do(self, turns: Iterable[Turn]) -> None:
        for turn in turns:
            if turn.kind == "anew":
                self._doubt(self._tickers(turn.received))
            elif turn.kind == "twice":
                self.tally.twice += 1
            elif turn.kind == "late":
                self.tally.late += 1
                self._doubt_subject(turn.received)
            elif turn.received.frame.type in self._readers:
                self._fold(turn.received)

    def _fold(self, received: Received) -> None:
        try:
            ticker = self._readers[received.frame.type](received)
        except (msgspec.MsgspecError, ValueError) as exc:
            reason = SetAside(received.file, received.number, str(exc))
            self.tally.set_aside.append(reason)
            if received.frame.type in _BOOK_TYPES:
                self._doubt_subject(received)
        else:
            self.tally.used += 1
            if received.frame.type in _BOOK_TYPES:
                self._tickers(received).add(ticker)

    def _doubt_subject(self, received: Received) -> None:
        """Doubt the book a frame was about; where it does not say, all of its subscription."""
        try:
            subject = {msgspec.json.decode(received.frame.msg, type=_Subject).market_ticker}
        except msgspec.MsgspecError:
            subject = self._tickers(received)
        self._doubt(subject)

    def _doubt(self, tickers: Iterable[str]) -> None:
        for ticker in tickers:
            if ticker in self._markets:
                self._markets[ticker].doubt()

    def _tickers(self, received: Received) -> set[str]:
        return self._sources[received.file.parent].tickers[received.frame.sid]

    def _market(self, ticker: str) -> RecordedFrames:
        if ticker not in self._markets:
            self._markets[ticker] = RecordedFrames(ticker)
        return self._markets[ticker]


class _Source:
    """The files of one folder: one recorder's connections, one after the other."""

    def __init__(self) -> None:
        self.tickers: defaultdict[int | None, set[str]] = defaultdict(set)
        self._orders: defaultdict[int, FrameOrder] = defaultdict(FrameOrder)

    def turns(self, received: Received) -> Iterator[Turn]:
        """Yield what is to be done with a frame: trades have ids, only books need an order."""
        frame = received.frame
        if frame.type == "subscribed":
            if (sid := _acknowledged(frame)) is not None:
                yield from self._orders[sid].answered()
        elif frame.type not in _BOOK_TYPES or frame.sid is None or frame.seq is None:
            yield Turn("fold", received)
        else:
            yield from self._orders[frame.sid].take(received, frame.seq)

    def flush(self) -> Iterator[Turn]:
        """Yield what is still waiting for its turn."""
        for order in self._orders.values():
            yield from order.flush()

    def all_tickers(self) -> set[str]:
        """Return the markets of all its books."""
        return {ticker for tickers in self.tickers.values() for ticker in tickers}


class _Subject(msgspec.Struct, frozen=True):
    market_ticker: str


class _Subscribed(msgspec.Struct, frozen=True):
    sid: int


def _acknowledged(frame: Frame) -> int | None:
    """Return the id that an answer to `subscribe` gives."""
    try:
        return msgspec.json.decode(frame.msg, type=_Subscribed).sid
    except msgspec.MsgspecError:
        return frame.sid


_Reader = Callable[[Received], str]


def _readers(market: Callable[[str], RecordedFrames]) -> dict[str, _Reader]:
    """Return what folds each type of frame and tells its market."""
    snapshot = msgspec.json.Decoder(Snapshot).decode
    delta = msgspec.json.Decoder(Delta).decode
    trade = msgspec.json.Decoder(Trade).decode

    def fold_snapshot(one: Received) -> str:
        told = snapshot(one.frame.msg)
        take = market(told.market_ticker).take_snapshot
        take(told, one.recv_ms, is_yes_priced=one.is_yes_priced)
        return told.market_ticker

    def fold_delta(one: Received) -> str:
        told = delta(one.frame.msg)
        take = market(told.market_ticker).take_delta
        take(told, one.recv_ms, is_yes_priced=one.is_yes_priced)
        return told.market_ticker

    def fold_trade(one: Received) -> str:
        told = trade(one.frame.msg)
        market(told.market_ticker).take_trade(told, one.recv_ms)
        return told.market_ticker

    return {SNAPSHOT: fold_snapshot, DELTA: fold_delta, TRADE: fold_trade}
