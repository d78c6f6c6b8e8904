from datetime import UTC, datetime, time
from decimal import Decimal

import pytest

from kalshi_assets.domain.exchange import (
    EndpointCost,
    EndpointCosts,
    FeeChange,
    HistoricalCutoff,
    MaintenanceWindow,
    Session,
    TokenBudget,
    UsageGrant,
)
from kalshi_assets.domain.market import ShardStatus
from kalshi_assets.errors import PayloadError
from kalshi_assets_tests.kalshi import payloads_exchange as payloads
from kalshi_assets_tests.kalshi.payloads import FakeExchange, answer, client_of

STARTS = datetime(2026, 12, 1, 5, tzinfo=UTC)


def test_the_status_tells_each_shard():
    status = client_of(FakeExchange(answer(**payloads.STATUS))).exchange_status()
    assert (status.is_exchange_active, status.is_trading_active) == (True, True)
    assert status.shards == (ShardStatus(0, True, True), ShardStatus(2, True, False))
    assert status.resumes_at is None


def test_a_status_in_maintenance_tells_when_it_will_end():
    down = {"exchange_active": False, "trading_active": False}
    resumes = {"exchange_estimated_resume_time": "2026-11-26T10:00:00Z"}
    status = client_of(FakeExchange(answer(503, **down, **resumes))).exchange_status()
    assert not status.is_exchange_active
    assert status.resumes_at == datetime(2026, 11, 26, 10, tzinfo=UTC)


def test_the_schedule_has_seven_days_from_monday_on():
    schedule = client_of(FakeExchange(answer(**payloads.SCHEDULE))).exchange_schedule()
    (week,) = schedule.weeks
    day = Session(time(8), time(0))
    assert [len(sessions) for sessions in week.days] == [1, 1, 1, 2, 1, 1, 1]
    assert week.days[3] == (Session(time(0), time(3)), day)
    assert week.starts_at == datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert schedule.maintenance == (
        MaintenanceWindow(
            datetime(2026, 11, 26, 8, tzinfo=UTC), datetime(2026, 11, 26, 10, tzinfo=UTC)
        ),
    )


@pytest.mark.parametrize("wrong", ["8 am", "25:00", "08:00:00", 8, None, ""])
def test_hours_that_are_none_are_malformed(wrong):
    broken = payloads.WEEK | {"monday": [{"open_time": wrong, "close_time": "24:00"}]}
    schedule = {"standard_hours": [broken], "maintenance_windows": []}
    with pytest.raises(PayloadError, match="time of day"):
        client_of(FakeExchange(answer(schedule=schedule))).exchange_schedule()


def test_the_cutoffs_are_told_by_what_moves():
    assert client_of(FakeExchange(answer(**payloads.CUTOFF))).historical_cutoff() == (
        HistoricalCutoff(
            market_settled_at=datetime(2026, 8, 20, tzinfo=UTC),
            trade_created_at=datetime(2026, 8, 21, tzinfo=UTC),
            order_updated_at=datetime(2026, 11, 8, tzinfo=UTC),
            position_updated_at=datetime(2026, 8, 22, tzinfo=UTC),
        )
    )


def test_user_data_is_dated():
    exchange = FakeExchange(answer(as_of_time="2026-11-22T15:00:00.5Z"))
    told = client_of(exchange).user_data_timestamp()
    assert told == datetime(2026, 11, 22, 15, 0, 0, 500_000, UTC)


def test_fee_changes_of_series_and_events_arrive_exact():
    exchange = FakeExchange(answer(series_fee_change_arr=[payloads.SERIES_FEE_CHANGE]))
    (change,) = client_of(exchange).series_fee_changes(series_ticker="KXCPI", is_past_included=True)
    terms = "quadratic_with_maker_fees"
    assert change == FeeChange("s-1", "KXCPI", None, terms, Decimal("0.5"), STARTS)
    assert dict(exchange.requests[0].url.params) == {
        "series_ticker": "KXCPI",
        "show_historical": "true",
    }
    cleared = payloads.EVENT_FEE_CHANGE
    set_anew = cleared | {"id": "e-2", "fee_type_override": "flat", "fee_multiplier_override": 1}
    exchange = FakeExchange(
        answer(event_fee_changes=[cleared], cursor="n"),
        answer(event_fee_changes=[set_anew], cursor=""),
    )
    assert client_of(exchange).event_fee_changes() == [
        FeeChange("e-1", "KXCPI", "KXCPI-26DEC", None, None, STARTS),
        FeeChange("e-2", "KXCPI", "KXCPI-26DEC", "flat", Decimal(1), STARTS),
    ]


def test_limits_and_costs_arrive_in_tokens():
    limits = client_of(FakeExchange(answer(**payloads.LIMITS))).account_limits()
    assert (limits.usage_tier, limits.read) == ("advanced", TokenBudget(300, 900))
    expires_at = datetime.fromtimestamp(1_795_359_600, UTC)
    assert limits.grants == (UsageGrant("event_contract", "advanced", "manual", expires_at),)
    costs = client_of(FakeExchange(answer(**payloads.COSTS))).endpoint_costs()
    cancel = EndpointCost("DELETE", "/trade-api/v2/portfolio/events/orders/:order_id", 2)
    assert costs == EndpointCosts(10, (cancel,))
    wrong = payloads.LIMITS | {"read": {"refill_rate": -1, "bucket_capacity": 1}}
    with pytest.raises(PayloadError, match="refill_rate"):
        client_of(FakeExchange(answer(**wrong))).account_limits()
