"""The public operations on the exchange itself: does it trade, when, and how fresh are reads."""

from datetime import UTC, datetime
from typing import Any

from kalshi_assets.local_exchange import hours
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Call, Endpoint, public_reads
from kalshi_assets.local_exchange.shards import SHARDS
from kalshi_assets.local_exchange.units import iso

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

View = dict[str, Any]


class ExchangeEndpoints:
    """Answers to calls about the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def all(self) -> list[Endpoint]:
        """Return the operations."""
        return public_reads(
            ("/exchange/status", "GetExchangeStatus", self.status),
            ("/exchange/schedule", "GetExchangeSchedule", self.schedule),
            ("/exchange/user_data_timestamp", "GetUserDataTimestamp", self.user_data_timestamp),
        )

    def status(self, call: Call) -> View:
        """Answer whether the venue trades.

        Raises:
            Refusal: 503, with the same body, while the whole exchange is paused.
        """
        switches = self._exchange.interventions
        weekly = hours.pause_start(call.now_ms)
        is_active = not switches.is_exchange_paused
        activity = {
            "exchange_active": is_active,
            "trading_active": is_active and weekly is None and not switches.is_trading_paused,
            "intra_exchange_transfers_active": is_active,
        }
        shards = [
            {"exchange_index": index, "description": description, **activity}
            for index, description in SHARDS.items()
        ]
        body: View = {**activity, "exchange_index_statuses": shards}
        if weekly is not None:
            body["exchange_estimated_resume_time"] = iso(hours.pause_end(weekly))
        if not is_active:
            raise Refusal(503, body)
        return body

    def schedule(self, call: Call) -> View:
        """Answer with the week's hours of this year, in New York time."""
        opens, closes = (f"{t:%H:%M}" for t in (hours.PAUSE_OPENS, hours.PAUSE_CLOSES))
        whole = [{"open_time": "00:00", "close_time": "00:00"}]
        year = datetime.fromtimestamp(call.now_ms // 1000, UTC).year
        week: View = {
            "start_time": f"{year}-01-01T00:00:00Z",
            "end_time": f"{year + 1}-01-01T00:00:00Z",
            **dict.fromkeys(_DAYS, whole),
            "thursday": [
                {"open_time": "00:00", "close_time": opens},
                {"open_time": closes, "close_time": "00:00"},
            ],
        }
        return {"schedule": {"standard_hours": [week], "maintenance_windows": []}}

    def user_data_timestamp(self, call: Call) -> View:
        """Answer how fresh account reads are: they lag by some wall time."""
        return {"as_of_time": iso(self._exchange.read_moment(call.now_ms))}
