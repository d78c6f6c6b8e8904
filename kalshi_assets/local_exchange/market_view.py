"""Markets, series and books as the wire shows them, own orders and own trades included."""

from typing import Any

from kalshi_assets.local_exchange.book import Book, Depth
from kalshi_assets.local_exchange.interventions import Interventions
from kalshi_assets.local_exchange.shards import shard_of
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Level, Listing, PriceRange, Status, Tape
from kalshi_assets.local_exchange.units import DAY_MS, ONE_DOLLAR, count_text, iso, price_text

View = dict[str, Any]

_ZEROS: View = {
    "yes_bid_dollars": price_text(0),
    "yes_bid_size_fp": count_text(0),
    "yes_ask_dollars": price_text(0),
    "yes_ask_size_fp": count_text(0),
    "no_bid_dollars": price_text(0),
    "no_ask_dollars": price_text(0),
}
_UNTOUCHED: View = {
    "no_bid_dollars": price_text(ONE_DOLLAR),
    "no_ask_dollars": price_text(ONE_DOLLAR),
}


class MarketView:
    """Renders market data at a moment.

    Trades with our own orders count towards volume, last price and open interest here; candles show
    the tape alone.

    Args:
        tape: the markets.
        book: their books.
        store: our own trades.
        interventions: which markets are paused; none by default.
    """

    def __init__(
        self,
        tape: Tape,
        book: Book,
        store: Store,
        *,
        interventions: Interventions | None = None,
    ) -> None:
        self._tape = tape
        self._book = book
        self._store = store
        self._interventions = interventions or Interventions()

    def market(self, listing: Listing, ms: int) -> View:
        """Render one market."""
        return {
            **_facts(listing),
            "exchange_index": shard_of(listing, self._tape.series[listing.series_ticker]),
            "status": self.status(listing, ms),
            **self._quotes(listing, ms),
            **self._counters(listing, ms),
            **self._day_ago(listing, ms),
            **_outcome(listing, ms),
        }

    def status(self, listing: Listing, ms: int) -> Status:
        """Return the status shown: an active market that somebody has paused is inactive."""
        status = listing.status_at(ms)
        is_paused = listing.ticker in self._interventions.paused_markets
        return "inactive" if is_paused and status == "active" else status

    def updated_ms(self, listing: Listing, ms: int) -> int:
        """Return the `updated_time` shown."""
        if ms < listing.open_ms:
            return listing.created_ms
        if ms >= listing.close_ms:
            return listing.close_ms
        return max(self._tape.quote_at(listing.ticker, ms).updated_ms, listing.created_ms)

    def orderbook(self, ticker: str, ms: int, depth: int) -> View:
        """Render a book: bids only, best last, the no side in NO prices; depth 0 is all."""
        book = self._book.depth(ticker, ms)
        no_bids = [Level(ONE_DOLLAR - level.price, level.count) for level in book.asks]
        return {
            "orderbook_fp": {
                "yes_dollars": _ladder(list(book.bids), depth),
                "no_dollars": _ladder(no_bids, depth),
            }
        }

    def volume(self, listing: Listing, ms: int) -> int:
        """Return the contracts traded so far, ours included."""
        tape_volume = self._tape_volume(listing.ticker, ms)
        return tape_volume + self._own_volume(listing.ticker, 0, ms)

    def last_price(self, ticker: str, ms: int) -> int:
        """Return the price of the last trade, ours or the tape's; 0 before the first."""
        own = self._store.row(
            "select price, created_ms from trades where ticker = ? and created_ms <= ?"
            " order by created_ms desc, seq desc limit 1",
            *(ticker, ms),
        )
        activity = self._tape.activity_at(ticker, ms)
        if own is None or activity.volume > self._tape_volume(ticker, own["created_ms"]):
            return activity.last_price
        return int(own["price"])

    def _tape_volume(self, ticker: str, ms: int) -> int:
        return self._tape.activity_at(ticker, ms).volume

    def _quotes(self, listing: Listing, ms: int) -> View:
        updated_time = {"updated_time": iso(self.updated_ms(listing, ms))}
        if self._is_zero_coded(listing, ms):
            return {**updated_time, **_ZEROS}
        depth = self._book.depth(listing.ticker, ms)
        if depth == Depth((), ()) and self._is_untouched(listing, ms):
            return {**updated_time, **_ZEROS, **_UNTOUCHED}
        bid, ask = _touch(depth)
        return {
            **updated_time,
            "yes_bid_dollars": price_text(bid.price),
            "yes_bid_size_fp": count_text(bid.count),
            "yes_ask_dollars": price_text(ask.price),
            "yes_ask_size_fp": count_text(ask.count),
            "no_bid_dollars": price_text(ONE_DOLLAR - ask.price),
            "no_ask_dollars": price_text(ONE_DOLLAR - bid.price),
        }

    def _is_untouched(self, listing: Listing, ms: int) -> bool:
        """Tell whether nobody has quoted the market yet: its ask then shows 0 without a size."""
        if ms < listing.open_ms:
            return True
        quote = self._tape.quote_at(listing.ticker, min(ms, listing.close_ms - 1))
        return not quote.bids and not quote.asks and quote.updated_ms <= listing.created_ms

    def _is_zero_coded(self, listing: Listing, ms: int) -> bool:
        is_active = listing.open_ms <= ms < listing.close_ms
        return is_active and self._tape.quote_at(listing.ticker, ms).is_zero_coded

    def _counters(self, listing: Listing, ms: int) -> View:
        activity = self._tape.activity_at(listing.ticker, ms)
        own = self._own_volume(listing.ticker, 0, ms)
        own_24h = self._own_volume(listing.ticker, ms - DAY_MS, ms)
        is_zero = self._is_zero_coded(listing, ms)
        last = 0 if is_zero else self.last_price(listing.ticker, ms)
        return {
            "last_price_dollars": price_text(last),
            "volume_fp": count_text(activity.volume + own),
            "volume_24h_fp": count_text(activity.volume_24h + own_24h),
            "open_interest_fp": count_text(activity.open_interest + own),
        }

    def _own_volume(self, ticker: str, after_ms: int, until_ms: int) -> int:
        return self._store.number(
            "select coalesce(sum(count), 0) from trades"
            " where ticker = ? and created_ms > ? and created_ms <= ?",
            *(ticker, after_ms, until_ms),
        )

    def _day_ago(self, listing: Listing, ms: int) -> View:
        then = ms - DAY_MS
        bid = ask = price = 0
        is_active = listing.open_ms <= then < listing.close_ms
        if is_active and not self._is_zero_coded(listing, then):
            quote = self._tape.quote_at(listing.ticker, then)
            bid, ask = (level.price for level in _touch(Depth(quote.bids, quote.asks)))
            price = self._tape.activity_at(listing.ticker, then).last_price
        return {
            "previous_yes_bid_dollars": price_text(bid),
            "previous_yes_ask_dollars": price_text(ask),
            "previous_price_dollars": price_text(price),
        }


def _facts(listing: Listing) -> View:
    return {
        "ticker": listing.ticker,
        "event_ticker": listing.event_ticker,
        "market_type": "binary",
        "title": listing.title,
        "yes_sub_title": listing.yes_sub_title,
        "no_sub_title": listing.yes_sub_title,
        **_times(listing),
        "settlement_timer_seconds": (listing.settled_ms - listing.determined_ms) // 1000,
        "can_close_early": False,
        "notional_value_dollars": price_text(ONE_DOLLAR),
        "settlement_bounds_type": "default",
        **_strike(listing),
        **_waiver(listing),
        "rules_primary": listing.rules_primary,
        "rules_secondary": listing.rules_secondary,
        "price_level_structure": listing.price_level_structure,
        "price_ranges": [_range(part) for part in listing.price_ranges],
    }


def _strike(listing: Listing) -> View:
    if listing.floor_strike is None:
        return {"strike_type": "custom"}
    return {"strike_type": "greater", "floor_strike": listing.floor_strike}


def _waiver(listing: Listing) -> View:
    until_ms = listing.fee_waiver_until_ms
    return {} if until_ms is None else {"fee_waiver_expiration_time": iso(until_ms)}


def _range(part: PriceRange) -> View:
    ends = {"start": part.start, "end": part.end, "step": part.step}
    return {name: price_text(price) for name, price in ends.items()}


def _times(listing: Listing) -> View:
    return {
        "created_time": iso(listing.created_ms),
        "open_time": iso(listing.open_ms),
        "close_time": iso(listing.close_ms),
        "expected_expiration_time": iso(listing.determined_ms),
        "expiration_time": iso(listing.determined_ms),
        "latest_expiration_time": iso(listing.determined_ms),
    }


def _outcome(listing: Listing, ms: int) -> View:
    payout = listing.yes_payout
    if ms < listing.determined_ms or listing.result is None or payout is None:
        return {"result": "", "expiration_value": ""}
    view: View = {
        "result": listing.result,
        "expiration_value": listing.expiration_value,
        "settlement_value_dollars": price_text(payout),
    }
    if ms >= listing.settled_ms:
        view["settlement_ts"] = iso(listing.settled_ms)
    return view


def _touch(book: Depth) -> tuple[Level, Level]:
    """Return best bid and ask; an empty side shows its outermost price and no size."""
    bid = book.bids[0] if book.bids else Level(0, 0)
    ask = book.asks[0] if book.asks else Level(ONE_DOLLAR, 0)
    return bid, ask


def _ladder(best_first: list[Level], depth: int) -> list[list[str]]:
    shown = best_first[:depth] if depth > 0 else best_first
    return [[price_text(level.price), count_text(level.count)] for level in reversed(shown)]
