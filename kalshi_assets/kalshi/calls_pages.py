"""The account's lists page by page, for whoever keeps each page before it asks for the next.

Here one malformed row never costs the others: what is read this way lies in the past, and nothing
is ordered on it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kalshi_assets.domain.account import Fill, ListKind, Settlement, Tier, VenueOrder
from kalshi_assets.kalshi import requests
from kalshi_assets.kalshi.batches import Batch, RejectedPayload, read_batch
from kalshi_assets.kalshi.body import Row
from kalshi_assets.kalshi.calls import Calls
from kalshi_assets.kalshi.connection import next_cursor
from kalshi_assets.kalshi.requests import HISTORICAL, ORDER_LIST, PORTFOLIO, Query
from kalshi_assets.kalshi.schemas_account import FillPayload, OrderPayload, SettlementPayload

Record = VenueOrder | Fill | Settlement

# The historical tier keeps no settlements.
_PATHS: Mapping[tuple[ListKind, Tier], str] = {
    ("orders", "live"): ORDER_LIST,
    ("fills", "live"): f"{PORTFOLIO}/fills",
    ("settlements", "live"): f"{PORTFOLIO}/settlements",
    ("orders", "historical"): f"{HISTORICAL}/orders",
    ("fills", "historical"): f"{HISTORICAL}/fills",
}
LISTS = tuple(_PATHS)


@dataclass(frozen=True)
class AccountPage:
    """A page of one of the account's lists, newest first; a row that came twice counts once.

    Attributes:
        cursor: leads to the next page; "" after the last.
    """

    rows: tuple[Record, ...]
    rejected: tuple[RejectedPayload, ...]
    cursor: str


class PageCalls(Calls):
    """Pages of orders, fills and settlements of either tier."""

    def account_page(
        self,
        kind: ListKind,
        tier: Tier,
        *,
        cursor: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = requests.LARGEST_PAGE,
    ) -> AccountPage:
        """Return one page.

        Args:
            kind: which list.
            tier: which tier of it; settlements are live only.
            cursor: from the page before; "" for the first.
            since: leave out older rows; rounded down, so a few older ones may come.
            until: leave out newer rows; rounded up, so a few newer ones may come.
            limit: rows a page.

        Raises:
            PayloadError: the page as a whole cannot be read.
        """
        params: Query = {
            "min_ts": requests.after(since),
            "max_ts": requests.before(until),
            "limit": limit,
            "cursor": cursor or None,
        }
        body = self._connection.get(_PATHS[kind, tier], params)
        found = _READ[kind](body.rows(kind))
        following = next_cursor(body, is_optional=kind == "settlements")
        return AccountPage(found.rows, found.rejected, following)


# Rows of one id that differ stay two: whoever keeps them says what is wrong with them.
def _orders(rows: Iterable[Row]) -> Batch[VenueOrder]:
    return read_batch(OrderPayload, rows, OrderPayload.to_domain, key=repr)


def _fills(rows: Iterable[Row]) -> Batch[Fill]:
    return read_batch(FillPayload, rows, FillPayload.to_domain, key=repr)


def _settlements(rows: Iterable[Row]) -> Batch[Settlement]:
    return read_batch(SettlementPayload, rows, SettlementPayload.to_domain, key=repr)


_READ: Mapping[
    ListKind, Callable[[Iterable[Row]], Batch[VenueOrder] | Batch[Fill] | Batch[Settlement]]
] = {"orders": _orders, "fills": _fills, "settlements": _settlements}
