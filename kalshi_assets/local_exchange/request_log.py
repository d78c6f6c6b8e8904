"""What was asked of the exchange: counts of all calls, and every order write, word for word.

For tests and rehearsals: an order that was sent twice, or sent while a gate was shut, shows here
even if it was refused.
"""

from collections import Counter
from typing import Any

from kalshi_assets.local_exchange.auth import wall_ms
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.units import iso


class RequestLog:
    """Counts since this process began; order writes since the state began."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, method: str, template: str) -> None:
        """Count a call."""
        self._counts[(method, template)] += 1

    def record_write(
        self,
        call: tuple[str, str, str],
        body: bytes,
        *,
        venue_ms: int,
        status: int,
        response: bytes,
    ) -> None:
        """Append an order write, within the caller's transaction.

        Args:
            call: key id (empty if none was sent), method, and path with query.
            body: the request's body.
            venue_ms: the venue's moment.
            status: the answer's status.
            response: the answer's body.
        """
        self._store.run(
            "insert into order_requests (venue_ms, wall_ms, key_id, method, path, body, status,"
            " response) values (?, ?, ?, ?, ?, ?, ?, ?)",
            *(venue_ms, wall_ms(), *call, body.decode(errors="replace"), status),
            response.decode(),
        )

    def view(self) -> dict[str, Any]:
        """Return both, as served under /local/requests."""
        rows = self._store.rows("select * from order_requests order by seq")
        return {
            "counts": {f"{method} {path}": n for (method, path), n in sorted(self._counts.items())},
            "order_writes": [
                {
                    "seq": row["seq"],
                    "venue_at": iso(row["venue_ms"]),
                    "wall_at": iso(row["wall_ms"]),
                    "key_id": row["key_id"],
                    "method": row["method"],
                    "path": row["path"],
                    "body": row["body"],
                    "status": row["status"],
                    "response": row["response"],
                }
                for row in rows
            ],
        }
