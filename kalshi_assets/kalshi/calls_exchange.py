"""Calls about the exchange itself and our terms with it: status, hours, fees to come, limits."""

from datetime import datetime, timedelta

from kalshi_assets.domain.exchange import (
    AccountLimits,
    EndpointCosts,
    ExchangeSchedule,
    FeeChange,
    HistoricalCutoff,
)
from kalshi_assets.domain.market import ExchangeStatus
from kalshi_assets.kalshi import requests
from kalshi_assets.kalshi.answers import read_all, states_status
from kalshi_assets.kalshi.calls import Calls
from kalshi_assets.kalshi.schemas import read_payload
from kalshi_assets.kalshi.schemas_exchange import (
    CutoffPayload,
    EventFeeChangePayload,
    ExchangeStatusPayload,
    SchedulePayload,
    SeriesFeeChangePayload,
    UserDataTimestampPayload,
)
from kalshi_assets.kalshi.schemas_limits import AccountLimitsPayload, EndpointCostsPayload

# The venue's moments of writes are cut to whole milliseconds.
CUT_OFF = timedelta(milliseconds=1)
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 1.0


class ExchangeCalls(Calls):
    """The exchange, and an account's limits with it."""

    def exchange_status(self) -> ExchangeStatus:
        """Return whether the exchange runs and trades, also when it says so with a 5xx."""
        body = self._connection.get("/exchange/status", is_answer=states_status)
        return read_payload(ExchangeStatusPayload, body.whole).to_domain()

    def exchange_schedule(self) -> ExchangeSchedule:
        """Return the hours in which the exchange means to trade, and planned maintenance."""
        body = self._connection.get("/exchange/schedule")
        return read_payload(SchedulePayload, body.row("schedule")).to_domain()

    def user_data_timestamp(self) -> datetime:
        """Return up to when balance, orders, fills and positions are told; they lag behind."""
        body = self._connection.get("/exchange/user_data_timestamp")
        return read_payload(UserDataTimestampPayload, body.whole).as_of_time

    def await_reads(self, acknowledged_at: datetime, *, within_seconds: float) -> bool:
        """Wait until balance, orders, fills and positions are told as of a write or later.

        Only moments of the exchange are compared. What it states is approximate by its own words:
        where money rests on it, look at the order as well.

        Args:
            acknowledged_at: the moment that the answer to the write told.
            within_seconds: no look is begun later; one may be tried again as any read.

        Returns:
            Whether reads are as far; False also where the next look would come too late.

        Raises:
            ValueError: the moment has no time zone.
        """
        if acknowledged_at.tzinfo is None:
            raise ValueError(f"{acknowledged_at} has no time zone")
        patience, wanted = self._connection.retry, acknowledged_at + CUT_OFF
        deadline = patience.monotonic() + within_seconds
        while (told := self.user_data_timestamp()) < wanted:
            behind = (wanted - told).total_seconds()
            pause = min(max(behind, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            if patience.monotonic() + pause > deadline:
                return False
            patience.sleep(pause)
        return True

    def historical_cutoff(self) -> HistoricalCutoff:
        """Return where live data ends and the historical tier begins."""
        body = self._connection.get(f"{requests.HISTORICAL}/cutoff")
        return read_payload(CutoffPayload, body.whole).to_domain()

    def series_fee_changes(
        self, *, series_ticker: str | None = None, is_past_included: bool = False
    ) -> list[FeeChange]:
        """Return the fee terms of series that are to begin.

        Args:
            series_ticker: only those of this series.
            is_past_included: those that have begun as well.
        """
        past = requests.word(True) if is_past_included else None
        params = {"series_ticker": series_ticker, "show_historical": past}
        body = self._connection.get("/series/fee_changes", params)
        return read_all(
            SeriesFeeChangePayload,
            body.rows("series_fee_change_arr"),
            SeriesFeeChangePayload.to_domain,
            key=lambda change: change.change_id,
        )

    def event_fee_changes(self, *, event_ticker: str | None = None) -> list[FeeChange]:
        """Return the overrides of fee terms that are to begin or end for events, all pages.

        Args:
            event_ticker: only those of this event.
        """
        params = {"event_ticker": event_ticker, "limit": requests.LARGEST_PAGE}
        return read_all(
            EventFeeChangePayload,
            self._rows("/events/fee_changes", params, "event_fee_changes"),
            EventFeeChangePayload.to_domain,
            key=lambda change: change.change_id,
        )

    def account_limits(self) -> AccountLimits:
        """Return the account's usage tier and its token buckets."""
        body = self._connection.get("/account/limits")
        return read_payload(AccountLimitsPayload, body.whole).to_domain()

    def endpoint_costs(self) -> EndpointCosts:
        """Return how many tokens calls take."""
        body = self._connection.get("/account/endpoint_costs")
        return read_payload(EndpointCostsPayload, body.whole).to_domain()
