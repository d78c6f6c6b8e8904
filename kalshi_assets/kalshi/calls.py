"""What all groups of calls share: the connection, and lists in pages.

A group is a part of `KalshiClient`, by topic; it has no state of its own.
"""

from collections.abc import Iterator

from kalshi_assets.errors import ExchangeError
from kalshi_assets.kalshi import requests
from kalshi_assets.kalshi.body import Row
from kalshi_assets.kalshi.connection import Connection, Params


class Calls:
    """Base of the groups of calls."""

    _connection: Connection

    def _rows(
        self, path: str, params: Params, name: str, *, cursor_is_optional: bool = False
    ) -> Iterator[Row]:
        """Yield the rows of all pages."""
        for page in self._connection.pages(path, params, cursor_is_optional=cursor_is_optional):
            yield from page.rows(name)

    def _rows_of(self, path: str, params: Params, tickers: list[str]) -> Iterator[Row]:
        """Yield the markets of these tickers, in as few calls as the exchange lets pass."""
        rest, most = tickers, len(tickers)
        while rest:
            call = requests.first_call(rest, most)
            try:
                found = list(self._until_found(path, params, call))
            except ExchangeError as exc:
                if not requests.is_too_long(exc, len(call)):
                    raise
                most = len(call) // 2
                continue
            yield from found
            rest = rest[len(call) :]

    def _until_found(self, path: str, params: Params, tickers: list[str]) -> Iterator[Row]:
        """Yield the markets of one call; what the cursor leads to after the last is not read."""
        missing = set(tickers)
        for page in self._connection.pages(path, {**params, "tickers": ",".join(tickers)}):
            for row in page.rows("markets"):
                if isinstance(row.value, dict):
                    missing.discard(str(row.value.get("ticker")))
                yield row
            if not missing:
                return
