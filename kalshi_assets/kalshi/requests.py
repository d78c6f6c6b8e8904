"""What is asked for: paths, filters, and calls cut to the exchange's sizes. Sends nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from kalshi_assets.errors import ExchangeError

Query = dict[str, str | int | None]

PORTFOLIO = "/portfolio"
HISTORICAL = "/historical"
# Reads list orders under the portfolio itself; writes (V2) go to its events.
ORDER_LIST = PORTFOLIO + "/orders"
ORDER_WRITES = PORTFOLIO + "/events/orders"

LARGEST_PAGE = 1_000
LARGEST_EVENT_PAGE = 200
# Where the API document limits a list of tickers, it does so to this many.
MOST_TICKERS = 100
# It does not for the list of markets; there the length of the address is the limit.
LONGEST_TICKER_LIST = 29_000
TOO_LONG = frozenset({413, 414, 431, 494})
MOST_CANDLES = 10_000
MOST_CANDLES_OF_ONE = 5_000
CANDLE_MINUTES = (1, 60, 1440)
SECONDS_PER_MINUTE = 60
# Both ends of a span are inclusive, and a point at its start may come on top.
CANDLES_BESIDE = 2

MARKET_STATUSES = ("unopened", "open", "paused", "closed", "settled")
_STATUSES_BESIDE = {
    "created": ("unopened", "open"),
    "close": ("closed",),
    "settled": ("settled",),
    "updated": (),
}


@dataclass(frozen=True)
class TimeFilter:
    """Markets by one of their times; the exchange takes no two of them in one call.

    Attributes:
        of: the time that counts; `updated` is that of terms, quotes do not move it.
        start: leave out earlier ones; rounded down, so a few earlier ones may come.
        end: leave out later ones; rounded up, so a few later ones may come.
    """

    of: Literal["created", "close", "settled", "updated"]
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class MarketFilter:
    """Which markets, tickers apart.

    Attributes:
        status: the filter's words, not those of a market.
        combos: `only` or `exclude` markets made of several legs; both kinds by default.
    """

    series_ticker: str | None = None
    event_ticker: str | None = None
    status: str | None = None
    combos: Literal["only", "exclude"] | None = None
    time: TimeFilter | None = None

    def query(self, *, has_tickers: bool) -> Query:
        """Return the query parameters.

        Raises:
            ValueError: the exchange does not take these filters together.
        """
        if self.status is not None and self.status not in MARKET_STATUSES:
            raise ValueError(f"status {self.status!r} is none of {', '.join(MARKET_STATUSES)}")
        named: Query = {
            "series_ticker": self.series_ticker,
            "event_ticker": self.event_ticker,
            "status": self.status,
            "mve_filter": self.combos,
        }
        if self.time is None:
            return named
        if self.status is not None and self.status not in _STATUSES_BESIDE[self.time.of]:
            raise ValueError(
                f"status {self.status} does not go with a time of {self.time.of}; "
                f"leave it out or take one of {_STATUSES_BESIDE[self.time.of]}"
            )
        if self.time.of == "updated":
            self._require_alone(has_tickers=has_tickers)
        return {
            **named,
            f"min_{self.time.of}_ts": after(self.time.start),
            f"max_{self.time.of}_ts": before(self.time.end),
        }

    def _require_alone(self, *, has_tickers: bool) -> None:
        if has_tickers or self.event_ticker is not None or self.combos == "only":
            raise ValueError("a time of updates goes with a series and no combos, nothing else")
        if self.series_ticker is not None and self.combos != "exclude":
            raise ValueError('a time of updates and a series go only with combos="exclude"')


def segment(name: str) -> str:
    """Return a ticker or id as one segment of a path.

    Raises:
        ValueError: it is empty or dots: the path would name all orders, or something else.
    """
    if not name.strip("."):
        raise ValueError(f"{name!r} is no ticker and no id")
    return quote(name, safe="")


def epoch_seconds(moment: datetime) -> int:
    """Return whole seconds since the epoch, rounded down.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return int(moment.timestamp() // 1)


def after(moment: datetime | None) -> int | None:
    """Return the `min_ts` that leaves out nothing from `moment` on, itself included."""
    return None if moment is None else epoch_seconds(moment) - 1


def before(moment: datetime | None) -> int | None:
    """Return the `max_ts` that leaves out nothing up to `moment`, itself included."""
    return None if moment is None else epoch_seconds(moment) + 1


def word(flag: bool | None) -> str | None:
    """Return a flag as a query carries it."""
    return None if flag is None else str(flag).lower()


def distinct(tickers: Sequence[str]) -> list[str]:
    """Return the tickers, each once.

    Raises:
        ValueError: one would read as two in a comma list, or as none.
    """
    for ticker in tickers:
        if not ticker or "," in ticker or ticker != ticker.strip():
            raise ValueError(f"{ticker!r} is no ticker")
    return list(dict.fromkeys(tickers))


def in_calls(tickers: Sequence[str], most: int = MOST_TICKERS) -> list[list[str]]:
    """Return the tickers, each once, in runs that fit into one call."""
    unique = distinct(tickers)
    return [unique[at : at + most] for at in range(0, len(unique), most)]


def first_call(tickers: Sequence[str], most: int) -> list[str]:
    """Return the first tickers, as many as an address and a page hold, and at most `most`."""
    length, call = 0, list[str]()
    for ticker in tickers[: min(most, LARGEST_PAGE)]:
        length += len(quote(f"{ticker},", safe=""))
        if call and length > LONGEST_TICKER_LIST:
            break
        call.append(ticker)
    return call


def is_too_long(failure: ExchangeError, count: int) -> bool:
    """Tell whether a call failed for the length of its list, and a shorter one may pass.

    A plain 400 means that only beyond the sizes that the API document has elsewhere.
    """
    if failure.status in TOO_LONG:
        return count > 1
    return failure.status == 400 and count > MOST_TICKERS


def candle_calls(
    tickers: Sequence[str], start: datetime, end: datetime, *, interval_minutes: int
) -> Iterator[Query]:
    """Yield the parameters of calls that each stay below the exchange's sizes.

    Raises:
        ValueError: no candles of such an interval, or the span ends before it starts.
    """
    for span in candle_spans(start, end, interval_minutes=interval_minutes, most=MOST_CANDLES):
        seconds = span["end_ts"] - span["start_ts"]
        each = seconds // (interval_minutes * SECONDS_PER_MINUTE) + CANDLES_BESIDE
        for call in in_calls(tickers, min(MOST_TICKERS, MOST_CANDLES // each)):
            yield {"market_tickers": ",".join(call), **span}


def candle_spans(
    start: datetime, end: datetime, *, interval_minutes: int, most: int = MOST_CANDLES_OF_ONE
) -> Iterator[dict[str, int]]:
    """Yield spans, each inclusive, with at most `most` candles of one market.

    Raises:
        ValueError: no candles of such an interval, or the span ends before it starts.
    """
    if interval_minutes not in CANDLE_MINUTES:
        raise ValueError(f"interval {interval_minutes} min is none of {CANDLE_MINUTES}")
    first, last = epoch_seconds(start), epoch_seconds(end)
    if last < first:
        raise ValueError(f"{end} lies before {start}")
    while first <= last:
        step = (most - CANDLES_BESIDE) * interval_minutes * SECONDS_PER_MINUTE
        until = min(last, first + step)
        yield {"start_ts": first, "end_ts": until, "period_interval": interval_minutes}
        first = until + 1
