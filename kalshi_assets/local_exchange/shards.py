"""Shards: which part of the venue a market trades on, and where a call about it is sent.

Every shard matches, and holds cash, on its own; an account's cash on one shard pays for nothing on
another. A market's shard follows from its series.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.tape import Listing, Series, Tape

AUTO_ROUTED = -1
DEFAULT_SHARD = 0
SHARDS: Mapping[int, str] = MappingProxyType(
    {
        DEFAULT_SHARD: "all other markets",
        1: "combos",
        2: "crypto and commodities",
        3: "tennis, baseball and basketball",
    }
)

_COMBO_PREFIX = "KXMVE"
_TRADED_CATEGORIES = ("Crypto", "Commodities")
_SHARDED_SPORTS = {"tennis", "baseball", "basketball"}


def shard_of(listing: Listing, series: Series) -> int:
    """Return the shard (`exchange_index`) a market trades on."""
    if listing.ticker.startswith(_COMBO_PREFIX):
        return 1
    if series.category in _TRADED_CATEGORIES:
        return 2
    is_sharded = _SHARDED_SPORTS & {tag.lower() for tag in series.tags}
    return 3 if series.category == "Sports" and is_sharded else DEFAULT_SHARD


class Shards:
    """The shards of a tape's markets, and the routing of calls."""

    def __init__(self, tape: Tape) -> None:
        self._of = {
            ticker: shard_of(listing, tape.series[listing.series_ticker])
            for ticker, listing in tape.listings.items()
        }

    def of(self, ticker: str) -> int:
        """Return the shard of a market of the tape."""
        return self._of[ticker]

    @property
    def in_use(self) -> tuple[int, ...]:
        """The shards that have markets, at least the default one."""
        return tuple(sorted(set(self._of.values()))) or (DEFAULT_SHARD,)

    def route(self, index: int | None, ticker: str) -> int:
        """Return the shard a call goes to.

        Args:
            index: the call's `exchange_index`: a shard, -1 to be routed by ticker, or None.
            ticker: the market named in the call, empty if none is.

        Raises:
            Refusal: 400 for a shard there is not, and for routing by a ticker that is missing.
        """
        if index is not None and index not in (AUTO_ROUTED, *SHARDS):
            raise _invalid(f"exchange_index {index} is none of -1, 0, 1, 2, 3")
        if index is not None and index != AUTO_ROUTED:
            return index
        if index == AUTO_ROUTED and not ticker:
            raise _invalid("exchange_index -1 routes by market ticker, which is missing")
        return self._of.get(ticker, DEFAULT_SHARD)


def billed_shards(index: int | None, ticker: str) -> tuple[int, ...]:
    """Return the shards whose Write bucket a call is billed to; auto-routed calls bill all."""
    if index is not None and index in SHARDS:
        return (index,)
    return tuple(SHARDS) if ticker else (DEFAULT_SHARD,)


def _invalid(details: str) -> Refusal:
    return Refusal.nested(400, "invalid_order", details=details)
