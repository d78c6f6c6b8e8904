"""Weeks to review: trips, refusals and a week in which everything happened."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from kalshi_assets.domain.journal import Override, RoundTrip
from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.review.weekly import (
    Calls,
    CheckCount,
    EntryOrder,
    EquityPoint,
    RefusedDecision,
    SettingChange,
    Stretch,
    Transfer,
    Week,
    WeekInputs,
)

WEEK = Week(date(2026, 10, 11))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = WEEK.begin + DAY + 12 * HOUR
CPI, FED, GOLD = "KXCPI-26OCT-T0.3", "KXFED-26OCT-T4.00", "KXGOLD-26OCT12-T4100"


def week_of(**values: Any) -> WeekInputs:
    """Return a week that was over when it was reviewed."""
    whole: dict[str, Any] = {"week": WEEK, "as_of": WEEK.end + DAY}
    return WeekInputs(**whole | values)


def trip(
    name: str = "S", *, paid: str = "0.32", end: str = "1", count: str = "80", **changes: Any
) -> RoundTrip:
    """Return a closed trip: NO at a mean of 46 and a mid of 31 cents, $1.2186 of fees."""
    contracts = centicontracts(count)
    values: dict[str, Any] = {
        "trip_id": f"bot:{name}:no",
        "kind": "bot",
        "strategy": "mean_reversion",
        "signal_id": name,
        "market_ticker": CPI,
        "side": "no",
        "count": contracts,
        "closed_count": contracts,
        "entry_cost_micros": micros(paid) * contracts // 100,
        "proceeds_micros": micros(end) * contracts // 100,
        "entry_fees_micros": 1_218_600,
        "exit_fees_micros": 0,
        "opened_at": MONDAY - HOUR,
        "closed_at": MONDAY,
        "closings": ("settlement: no",),
        "open_value_micros": 0,
        "mean_micros": 460_000,
        "mid_micros": 310_000,
        "limit_micros": 340_000,
        "entry_order_ids": (f"order-{name}",),
        "exit_order_ids": (),
    }
    made = values | changes
    spent = made["entry_cost_micros"] + made["entry_fees_micros"] + made["exit_fees_micros"]
    return RoundTrip(**{"realized_micros": made["proceeds_micros"] - spent} | made)


def by_hand(name: str, **changes: Any) -> RoundTrip:
    """Return a trip that no decision led to."""
    values: dict[str, Any] = {"trip_id": f"manual:{name}:no", "kind": "manual", "strategy": None}
    none = dict.fromkeys(("signal_id", "mean_micros", "mid_micros", "limit_micros"))
    return trip(name, **values | none | changes)


def still_open(name: str, **changes: Any) -> RoundTrip:
    """Return a trip of which nothing is closed, worth $28."""
    values: dict[str, Any] = {"closed_at": None, "closed_count": 0, "closings": ()}
    return trip(name, end="0", **values | {"open_value_micros": 28_000_000} | changes)


def refused(signal: str, *gates: str, **changes: Any) -> RefusedDecision:
    """Return a refusal of 80 NO at 32 cents, whose market ended with NO."""
    values: dict[str, Any] = {
        "decision_id": f"{signal}-1",
        "signal_id": signal,
        "judged_at": MONDAY,
        "gates": gates,
        "side": "no",
        "ask_micros": 320_000,
        "count": 8_000,
        "fee_multiplier": Decimal(1),
        "yes_result_micros": 0,
    }
    return RefusedDecision(**values | changes)


def override(order_id: str, kind: str, came: int | None, rule: int | None) -> Override:
    """Return an override of Monday."""
    return Override(
        kind=kind,  # type: ignore[arg-type]  # the tests give the three words
        at=MONDAY,
        market_ticker=CPI,
        side="no",
        signal_id="S",
        trip_id=None,
        order_id=order_id,
        count=8_000,
        came_micros=came,
        rule_micros=rule,
    )


def entry(order_id: str, count: int, filled: int, *, seconds: float | None = 1.0) -> EntryOrder:
    """Return an entry; without a latency it never reached the venue."""
    at = None if seconds is None else MONDAY + timedelta(seconds=seconds)
    return EntryOrder(
        order_id=order_id,
        count=count,
        fill_count=filled,
        has_reached_venue=seconds is not None,
        signal_at=MONDAY,
        acknowledged_at=at,
    )


def point(at: datetime, value: str | None, cash: str) -> EquityPoint:
    """Return a point of the account's course."""
    return EquityPoint(at, None if value is None else micros(value), micros(cash))


def eventful_trips() -> list[RoundTrip]:
    """Return trips of everybody, one still open and one of the week before."""
    ends = ("1", "0", "0.55", "1", "0.2", "0.9", "0")
    tickers = (CPI, FED, GOLD, CPI, FED, GOLD, CPI)
    trips = [
        trip(f"S{n}", end=end, market_ticker=ticker, closed_at=MONDAY + n * 12 * HOUR)
        for n, (end, ticker) in enumerate(zip(ends, tickers, strict=True))
    ]
    held = trip("held", trip_id="opening:X:no", kind="opening", strategy=None, mean_micros=None)
    before = trip("before", closed_at=MONDAY - 7 * DAY, opened_at=MONDAY - 8 * DAY)
    other_rule = trip("other", strategy="breakout", market_ticker=GOLD, end="0.31")
    return [*trips, by_hand("H1", end="0"), held, before, other_rule, still_open("open")]


def eventful_account() -> dict[str, Any]:
    """Return an account that was paid into, and was once without a value."""
    return {
        "equity": [
            point(WEEK.begin - HOUR, "1000", "900"),
            point(MONDAY, "1053.1814", "953.1814"),
            point(MONDAY + 6 * HOUR, None, "900"),
            point(MONDAY + DAY, "1526.00", "1526.00"),
            point(MONDAY + 2 * DAY, "1560.00", "1500.00"),
        ],
        "transfers": [Transfer(MONDAY + 12 * HOUR, 500_000_000)],
    }


def eventful() -> WeekInputs:
    """Return a week in which everything happened."""
    return week_of(
        trips=eventful_trips(),
        **eventful_account(),
        overrides=[
            override("o1", "cancelled", 0, 53_181_400),
            override("o2", "closed_early", 5_000_000, -26_818_600),
            override("o3", "doubled", None, 0),
        ],
        categories={CPI: "Economics", FED: "Economics"},
        refused=[
            refused("R1", "spread"),
            refused("R2", "spread", "stale"),
            refused("R3", "stale", yes_result_micros=None, yes_mid_micros=500_000),
            refused("R4", "stale", yes_result_micros=None),
            refused("R5", "hours", was_ordered_later=True),
        ],
        orders=[entry("a", 8000, 8000), entry("b", 8000, 2000), entry("c", 100, 0, seconds=None)],
        checks=[CheckCount("ticks_are_fresh", 400, 3), CheckCount("spread_is_sane", 400, 0)],
        gaps=[Stretch(MONDAY, MONDAY + HOUR, "disconnected")],
        halts=[
            Stretch(MONDAY, MONDAY + 2 * HOUR, "breaker"),
            Stretch(MONDAY, MONDAY + HOUR, "by hand"),
        ],
        calls=[Calls("ok", 80, 97), Calls("HTTP 503", 900, 2), Calls("timeout", 10_000)],
        changes=[SettingChange(MONDAY, "entry_deviation_points", "8", "10")],
    )
