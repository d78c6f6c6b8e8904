"""The main job on real recordings: what a trader would have seen and done at that hour.

The expected averages are worked out here from the recorded file, by plain arithmetic.
"""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.local_exchange import Input, Recording
from kalshi_assets.local_exchange.units import to_ms
from kalshi_assets_tests.stand import DatabaseMaker, Stand, standing

FOLDER = Path(__file__).parents[2].parent / "shared" / "market-data"
LEGS = ("C25", "C26", "H0", "H25", "H26")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONGEST_HOLD = 2 * HOUR
SATURDAY, GAP = "2025-11-22T15:00:00Z", "2025-11-21T20:00:00Z"
# A week after each roll, and the first recorded hour of the contract that is in front then.
AFTER_ROLLS = [
    ("2025-09-24T22:00:00Z", "25OCT", "2025-09-17T21:00:00Z"),
    ("2025-11-05T23:00:00Z", "25DEC", "2025-10-29T21:00:00Z"),
    ("2025-12-17T22:30:00Z", "26JAN", "2025-12-10T22:00:00Z"),
]

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings in {FOLDER}"),
]

Loaded = Callable[..., Stand]


@pytest.fixture
def loaded(
    make_database: DatabaseMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Loaded]:
    """Return a maker of stands on a recording from a moment on: history loaded, polled once."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:

        def load(name: str, at: str, days: int = 8) -> Stand:
            played = Recording(FOLDER / name, to_ms(moment(at)))
            stand: Stand = stack.enter_context(
                standing(make_database(), tmp_path, monkeypatch, source=Input(played))
            )
            stand.load_history(days)
            stand.poll(expect_success=False)
            return stand

        yield load


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def recorded(leg: str) -> list[tuple[datetime, Decimal]]:
    """Return the closes of a leg in order, with the ends of their hours."""
    with (FOLDER / "kxfeddecision-hourly" / "candles.csv").open() as file:
        return [
            (moment(row["timestamp"]), Decimal(row[f"close_{leg}"])) for row in csv.DictReader(file)
        ]


def mean_of(leg: str, until: datetime, since: datetime) -> Decimal:
    """Return a leg's time-weighted mean: each usable price holds to the next, or 2 hours.

    Zeros are missing values; around a price of 1 cent stands no bid, so it is not used either.
    """
    prices = [(at, p) for at, p in recorded(leg) if p > Decimal("0.01") and since <= at <= until]
    ends = [at for at, _ in prices[1:]] + [until]
    total = seconds = Decimal(0)
    for (at, price), end in zip(prices, ends, strict=True):
        begin = max(at, until - 7 * DAY)
        held = Decimal((min(end, at + LONGEST_HOLD) - begin).total_seconds())
        if held > 0:
            total, seconds = total + price * held, seconds + held
    return total / seconds


def decisions(stand: Stand) -> dict[str, dict[str, Any]]:
    rows = stand.rows("SELECT * FROM kalshi.decisions ORDER BY judged_at")
    return {row["market_ticker"].rsplit("-", 1)[1]: row for row in rows}


def reasons(decision: dict[str, Any]) -> list[str]:
    return [gate["reason"] for gate in decision["gates"] if not gate["is_passed"]]


def test_on_that_saturday_both_legs_are_signals_and_the_stronger_one_is_bought(
    loaded: Loaded,
) -> None:
    stand = loaded("kxfeddecision-hourly", SATURDAY)
    stand.judge_and_place()

    rows = stand.rows("SELECT * FROM kalshi.signals WHERE day = '2025-11-22'")
    signals = {row["market_ticker"].rsplit("-", 1)[1]: row for row in rows}
    assert {leg: row["side"] for leg, row in signals.items()} == {"H0": "yes", "C25": "no"}
    for leg, row in signals.items():
        expected = mean_of(leg, moment(SATURDAY), moment(SATURDAY) - 8 * DAY)
        assert abs(row["mean"] / 1_000_000 - expected) < Decimal("0.000001"), leg
        assert row["status"] == "triggered"

    [order] = stand.rows("SELECT * FROM kalshi.orders")
    assert (order["market_ticker"], order["side"]) == ("KXFEDDECISION-25DEC-H0", "yes")
    assert (order["limit_price"], order["count"], order["status"]) == (360_000, 26_500, "filled")
    cost = stand.rows("SELECT cost_micros FROM kalshi.decisions WHERE outcome = 'approved'")
    # 265 x 0.36 = 95.40, and 7 % x 265 x 0.36 x 0.64 = 4.274 of fees, rounded up: below 100 USD.
    assert [row["cost_micros"] for row in cost] == [99_674_000]
    second = decisions(stand)["C25"]
    assert second["refused_by"] == ["event_exposure"], "nearly the same bet"
    assert reasons(second) == [
        "99.67 USD are staked on KXFEDDECISION-25DEC already, with this trade 199.29 USD, "
        "needed: <= 100.00 USD"
    ]


def test_in_a_gap_nothing_is_ordered_and_every_refusal_says_stale(loaded: Loaded) -> None:
    stand = loaded("kxfeddecision-hourly", GAP)
    stand.judge_and_place(expect_success=False)

    assert stand.order_requests() == 0
    judged = decisions(stand)
    assert set(judged) == {"H0", "C25"}
    for decision in judged.values():
        assert decision["outcome"] == "refused"
        assert any("signal is stale" in reason for reason in reasons(decision))
        assert any("5 of 5 markets stale" in reason for reason in reasons(decision))


@pytest.mark.parametrize(("at", "event", "first"), AFTER_ROLLS)
def test_a_week_after_a_roll_no_average_mixes_two_contracts(
    loaded: Loaded, at: str, event: str, first: str
) -> None:
    stand = loaded("kxfeddecision-hourly", at)

    averages = stand.rows("SELECT * FROM kalshi.rolling_averages WHERE mean IS NOT NULL")
    assert {row["market_ticker"].split("-")[1] for row in averages} == {event}
    assert min(row["as_of"] for row in averages) >= moment(first)
    for leg in ("C25", "H0"):
        ticker = f"KXFEDDECISION-{event}-{leg}"
        of_leg = [row for row in averages if row["market_ticker"] == ticker]
        assert len(of_leg) > 50
        for row in of_leg[::10]:
            if row["as_of"].minute:
                continue  # a poll: its price is not in the file
            expected = mean_of(leg, row["as_of"], moment(first))
            assert abs(row["mean"] / 1_000_000 - expected) < Decimal("0.000001")


def test_every_zero_is_flagged_and_none_is_in_an_average(loaded: Loaded) -> None:
    stand = loaded("kxfeddecision-hourly", SATURDAY, days=23)

    begin = datetime(2025, 10, 30, 4, tzinfo=UTC)  # midnight of the first day loaded
    for leg in LEGS:
        found = stand.rows(
            "SELECT observed_at, faults, is_usable FROM kalshi.clean_ticks"
            " WHERE market_ticker = :ticker AND source = 'candle' AND observed_at >= :begin",
            ticker=f"KXFEDDECISION-25DEC-{leg}",
            begin=begin,
        )
        flagged = {row["observed_at"] for row in found if "zero_coded" in row["faults"]}
        # At the moment itself there is a poll, which counts more than the candle.
        closes = [row for row in recorded(leg) if begin <= row[0] < moment(SATURDAY)]
        assert flagged == {at for at, price in closes if price == 0}, leg
        assert len(found) == len(closes)
        assert not [row for row in found if row["faults"] and row["is_usable"]]
    # Brute force over the file leaves the zeros out: the same averages have none inside.
    [row] = stand.rows(
        "SELECT as_of, mean FROM kalshi.rolling_averages "
        "WHERE market_ticker = :ticker AND as_of = :at",
        ticker="KXFEDDECISION-25DEC-C26",
        at=moment("2025-11-22T12:00:00Z"),
    )
    expected = mean_of("C26", row["as_of"], begin)
    assert abs(row["mean"] / 1_000_000 - expected) < Decimal("0.000001")


@pytest.mark.parametrize(
    "at", ["2026-08-16T14:00:00Z", "2026-08-24T15:00:00Z", "2026-09-09T15:00:00Z"]
)
def test_no_signal_comes_from_bars_without_a_bid(loaded: Loaded, at: str) -> None:
    stand = loaded("kxcpi-daily", at, days=20)
    stand.judge_and_place(expect_success=False)

    bidless = stand.rows("SELECT * FROM kalshi.clean_ticks WHERE yes_bid = 0")
    assert len(bidless) > 100
    assert not [row for row in bidless if row["is_usable"]]
    averaged = stand.rows(
        "SELECT 1 FROM kalshi.rolling_averages a JOIN kalshi.clean_ticks c"
        " ON c.market_ticker = a.market_ticker AND c.observed_at = a.as_of WHERE c.yes_bid = 0"
    )
    assert averaged == []
    started = stand.rows(
        "SELECT 1 FROM kalshi.signals s JOIN kalshi.clean_ticks c"
        " ON c.market_ticker = s.market_ticker"
        " AND c.observed_at IN (s.started_at, s.last_seen_at, s.triggered_at) WHERE c.yes_bid = 0"
    )
    assert started == []
    assert stand.order_requests() == 0
