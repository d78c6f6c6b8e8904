"""The filters of the market list, and which of them exclude each other."""

from collections.abc import Callable

from kalshi_assets.local_exchange.query import Query
from kalshi_assets.local_exchange.tape import Listing, Status

STATUSES: dict[str, tuple[Status, ...]] = {
    "unopened": ("initialized",),
    "open": ("active",),
    "paused": ("inactive",),
    "closed": ("closed", "determined"),
    "settled": ("finalized",),
}
_COMPANIONS = {
    "created_ts": ("", "unopened", "open"),
    "close_ts": ("", "closed"),
    "settled_ts": ("", "settled"),
    "updated_ts": ("",),
}
"""The pairs of time bounds, and the status filters each of them goes with."""
_MVE = ("only", "exclude")
_MS = 1000


class MarketFilter:
    """The filters of one call for markets.

    Raises:
        Refusal: 400 for an unreadable filter, and for filters that exclude each other.
    """

    def __init__(self, query: Query) -> None:
        self._status = query.choice("status", tuple(STATUSES))
        self._tickers = query.names("tickers")
        self._event = query.text("event_ticker")
        self._series = query.text("series_ticker")
        self._mve = query.choice("mve_filter", _MVE)
        self._bounds = {
            name: (query.number(f"min_{name}"), query.number(f"max_{name}")) for name in _COMPANIONS
        }
        self._check(query)

    def holds(self, listing: Listing, status: Status, updated_ms: Callable[[], int]) -> bool:
        """Tell whether a market passes; no combos are served, so `only` passes none.

        Args:
            listing: the market.
            status: as it is shown.
            updated_ms: returns its `updated_time`; asked only if a filter is about it.
        """
        return (
            self._mve != "only"
            and (not self._status or status in STATUSES[self._status])
            and (not self._tickers or listing.ticker in self._tickers)
            and self._event in ("", listing.event_ticker)
            and self._series in ("", listing.series_ticker)
            and self._holds_moments(listing)
            and self._holds_update(updated_ms)
        )

    def _holds_moments(self, listing: Listing) -> bool:
        moments = (
            ("created_ts", listing.created_ms),
            ("close_ts", listing.close_ms),
            ("settled_ts", listing.settled_ms),
        )
        return all(self._is_within(name, ms) for name, ms in moments)

    def _holds_update(self, updated_ms: Callable[[], int]) -> bool:
        least, most = self._bounds["updated_ts"]
        return (least is None or updated_ms() > least * _MS) and (
            most is None or updated_ms() <= most * _MS
        )

    def _is_within(self, name: str, ms: int) -> bool:
        least, most = self._bounds[name]
        return (least is None or ms > least * _MS) and (most is None or ms < most * _MS)

    def _check(self, query: Query) -> None:
        given = [name for name, bounds in self._bounds.items() if bounds != (None, None)]
        if len(given) > 1:
            raise query.invalid(self._given_bound(given[1]), "excluded_with")
        for name in given:
            if self._status not in _COMPANIONS[name]:
                raise query.invalid(self._given_bound(name), "excluded_with")
        if given == ["updated_ts"] and self._is_narrowed():
            raise query.invalid(self._given_bound("updated_ts"), "excluded_with")

    def _is_narrowed(self) -> bool:
        """Tell whether there is a filter that bounds of the last update do not go with."""
        is_series_alone = bool(self._series) and self._mve != "exclude"
        return bool(self._tickers or self._event or self._mve == "only" or is_series_alone)

    def _given_bound(self, name: str) -> str:
        return f"max_{name}" if self._bounds[name][0] is None else f"min_{name}"
