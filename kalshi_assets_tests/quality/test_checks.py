"""Every check of the suites, on frames as `frames.py` builds them: some pass, some must fail."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.domain.market import Candle, TrackedMarket
from kalshi_assets.domain.price import PriceGrid
from kalshi_assets.quality import advice_frames, bars, frames
from kalshi_assets.quality.rules import Check, QualityLimits
from kalshi_assets.quality.runner import Verdict, evaluate, sample
from kalshi_assets.quality.suites import checks, gating_checks
from kalshi_assets_tests.analytics.observations import Observation, frame
from kalshi_assets_tests.risk.cases import MARKET

NOW = datetime.fromisoformat("2026-10-13T14:30:00+00:00")
LIMITS = QualityLimits(max_quote_age_seconds=300, max_bad_share=0.5, min_coverage=0.6)
CHECKS = {check.name: check for check in checks(LIMITS)}
TICKERS = [f"KXCPI-26OCT-T0.{n}" for n in range(4)]
KNOWN = {t: replace(MARKET, ticker=t) for t in TICKERS}
BAD = TICKERS[0]


def verdict(name: str, rows: pd.DataFrame, share: float = 0.5) -> Verdict:
    return evaluate(CHECKS[name], rows, as_of=NOW, max_bad_share=share)


def raw(bad: int = 0, **values: Any) -> pd.DataFrame:
    """Return one poll of four markets, of which the first `bad` have other values."""
    rows = frame(Observation(NOW, market=t) for t in TICKERS)
    rows["quoted_at"] = pd.Timestamp(NOW)
    rows["last_price"] = pd.array([410_000] * 4, dtype="Int64")
    rows["volume"] = 1_000
    for column, value in values.items():
        rows.loc[: bad - 1, column] = value
    return rows


def tick_rows(bad: int = 0, **values: Any) -> pd.DataFrame:
    return frames.tick_rows(raw(bad, **values), KNOWN, now=NOW)


def tracked(bad: int = 0) -> pd.DataFrame:
    rows = {t: TrackedMarket(m, Decimal(1)) for t, m in KNOWN.items()}
    for ticker in TICKERS[:bad]:
        rows[ticker] = TrackedMarket(KNOWN[ticker], None)
    return frames.market_rows(rows)


def without_grid(bad: int) -> pd.DataFrame:
    rows = {t: TrackedMarket(m, Decimal(1)) for t, m in KNOWN.items()}
    for ticker in TICKERS[:bad]:
        rows[ticker] = TrackedMarket(replace(KNOWN[ticker], grid=PriceGrid(())), Decimal(1))
    return frames.market_rows(rows)


def averages(bad: int = 0, value: Decimal | None = Decimal("0.599999")) -> pd.DataFrame:
    coverage = [value] * bad + [Decimal("0.6")] * (4 - bad)
    return pd.DataFrame({"market_ticker": TICKERS, "coverage": coverage})


def clean(bad: int = 0, **values: Any) -> pd.DataFrame:
    rows = pd.DataFrame(
        {"market_ticker": TICKERS, "is_usable": True, "mid": 410_000, "covered_ms": 3_600_000}
    )
    for column, value in values.items():
        rows.loc[: bad - 1, column] = value
    return frames.clean_rows(rows)


def newest(bad: int = 0) -> pd.DataFrame:
    rows = pd.DataFrame({"market_ticker": TICKERS, "is_usable": True, "observed_at": NOW})
    rows["faults"] = [["jump_without_trades"] if n < bad else [] for n in range(4)]
    rows["is_usable"] = rows["faults"].map(len) == 0
    older = rows.assign(is_usable=True, observed_at=NOW - timedelta(seconds=90))
    return frames.newest_rows(pd.concat([rows, older]))


def frozen(bad: int = 0) -> pd.DataFrame:
    polls = [
        pd.concat([raw(), raw()]).assign(observed_at=NOW - timedelta(seconds=90 * n))
        for n in range(5)
    ]
    rows = pd.concat(polls).drop_duplicates(["market_ticker", "observed_at"])
    moving = rows["market_ticker"].isin(TICKERS[:bad])
    rows["volume"] = rows["volume"].where(~moving, rows["observed_at"].dt.minute * 10 + 5)
    return frames.frozen_rows(rows.reset_index(drop=True), frozen_after_seconds=360)


DAY = date(2026, 10, 12)


def legs(bad: int = 0, **values: Any) -> pd.DataFrame:
    """Return four events of two markets each, worth 0.41 and 0.50 together."""
    rows = [
        {
            "event_ticker": event,
            "ticker": f"{event}-{leg}",
            "is_tracked": True,
            "is_mutually_exclusive": True,
            "mid": mid,
        }
        | (values if n < bad else {})
        for n, event in enumerate(TICKERS)
        for leg, mid in (("A", 410_000), ("B", 500_000))
    ]
    return advice_frames.leg_sum_rows(rows)


SUMMARY: dict[str, Any] = {
    **dict(zip(("mid_open", "mid_high", "mid_low", "mid_close"), (4, 6, 3, 5), strict=True)),
    **dict.fromkeys(("trade_open", "trade_high", "trade_low", "trade_close")),
    "covered_ms": 86_400_000,
    "coverage": Decimal(1),
    "is_provisional": False,
    "volume": 1_000,
}


def summaries(bad: int = 0, **values: Any) -> pd.DataFrame:
    rows = [
        {"market_ticker": t, "day": DAY, **SUMMARY, **(values if n < bad else {})}
        for n, t in enumerate(TICKERS)
    ]
    return advice_frames.summary_rows(rows, now=NOW)


def gaps(bad: int = 0, seconds: int = 301, to_at: datetime | None = NOW) -> pd.DataFrame:
    """Return the gaps of the first markets, with a short one of all."""
    short = {"market_tickers": [], "from_at": NOW - timedelta(seconds=300), "to_at": NOW}
    long = {"market_tickers": TICKERS[:bad], "from_at": NOW - timedelta(seconds=seconds)}
    told = {"reason": "disconnected", "channel": "ticker"}
    rows = [short | told, *([{**long, "to_at": to_at, **told}] if bad else [])]
    return advice_frames.gap_rows(rows, TICKERS, now=NOW)


def spans(bad: int = 0, days: int = 4) -> pd.DataFrame:
    rows = [
        {
            "market_ticker": t,
            "first_day": date(2026, 10, 8),
            "last_day": DAY,
            "days": days if n < bad else 5,
        }
        for n, t in enumerate(TICKERS)
    ]
    return advice_frames.missing_day_rows(rows)


def hour(ticker: str, end: int, bid: int = 40, **values: Any) -> Candle:
    """Return the candle that ends so many hours after the day's start: 10 contracts at 41 cents."""
    price, cents = bid + 1, 10_000
    candle = Candle(
        market_ticker=ticker,
        interval_seconds=3600,
        end_at=day_bounds(DAY)[0] + timedelta(hours=end),
        yes_bid=bid * cents,
        yes_ask=(bid + 2) * cents,
        yes_bid_range=(bid * cents,) * 3,
        yes_ask_range=((bid + 2) * cents,) * 3,
        trade_open=price * cents,
        trade_low=price * cents,
        trade_high=price * cents,
        trade_close=price * cents,
        volume=1_000,
        open_interest=0,
    )
    return replace(candle, **values)


# 24 hours of 10 contracts: those at the day's ends may be counted here or there.
OURS = SUMMARY | dict.fromkeys(("mid_open", "mid_high", "mid_low", "mid_close"), 410_000)
OURS |= dict.fromkeys(("trade_open", "trade_high", "trade_low", "trade_close"), 410_000)
OURS |= {"volume": 24_000}


def compared(bad: int = 0, candles: Any = None, **values: Any) -> pd.DataFrame:
    ours = [
        {"market_ticker": t, "day": DAY, **OURS, **(values if n < bad else {})}
        for n, t in enumerate(TICKERS)
    ]
    return bars.bar_rows(ours, candles or [hour(t, n) for t in TICKERS for n in range(25)])


SIGNAL: dict[str, Any] = {
    "strategy": "mean_reversion",
    "day": DAY,
    "side": "no",
    "started_at": NOW,
    "ended_at": None,
    "mid": 530_001,
    "mean": Decimal("400000.6"),
    "deviation": 130_000,
    "coverage": Decimal("0.9"),
    "has_average": True,
    "is_judged": False,
}


def signals(bad: int = 0, **values: Any) -> pd.DataFrame:
    """Return a signal of each market but the last, which is tracked and has none."""
    rows = [
        {"market_ticker": t, **SIGNAL, **(values if n < bad else {})}
        for n, t in enumerate(TICKERS[:3])
    ]
    return advice_frames.signal_rows(rows, TICKERS)


def open_twice(bad: int) -> pd.DataFrame:
    twice = [*TICKERS[:3], *TICKERS[:bad]]
    return advice_frames.signal_rows([{"market_ticker": t, **SIGNAL} for t in twice], TICKERS)


GOOD: dict[str, pd.DataFrame] = {
    "markets_are_known": tracked(),
    "ticks_match_schema": tick_rows(),
    "prices_are_in_range": tick_rows(),
    "prices_are_on_the_grid": tick_rows(),
    "bids_do_not_exceed_asks": tick_rows(),
    "ticks_are_fresh": tick_rows(4, quoted_at=pd.Timestamp(NOW - timedelta(seconds=300))),
    "prices_are_not_zero_coded": tick_rows(4, yes_bid=0, yes_bid_size=0, yes_ask=1),
    "ticks_are_complete": frames.presence_rows(TICKERS, raw()),
    "ticks_are_unique": frames.presence_rows(TICKERS, raw()),
    "feed_is_not_frozen": frozen(),
    "usable_ticks_are_plausible": clean(4, covered_ms=90_000_000),
    "newest_ticks_are_usable": newest(),
    "averages_are_covered": averages(),
    "feed_has_no_long_gaps": gaps(),
    "legs_sum_to_one": legs(),
    "daily_bars_are_in_order": summaries(4, **dict.fromkeys(list(SUMMARY)[:4])),
    "covered_time_fits_the_day": summaries(),
    "past_days_are_final": summaries(4, day=date(2026, 10, 13), is_provisional=True),
    "no_day_is_missing": spans(),
    "summaries_match_the_exchange": compared(),
    "signals_buy_against_the_deviation": signals(),
    "signals_rest_on_an_average": signals(4, has_average=False, ended_at=NOW, is_judged=True),
    "one_signal_is_open_a_market": signals(),
}


def bad_rows(name: str, bad: int) -> list[pd.DataFrame]:
    """Return frames on which a check must fail for the first `bad` markets."""
    old = pd.Timestamp(NOW - timedelta(seconds=301))
    return {
        "markets_are_known": [tracked(bad), without_grid(bad)],
        "ticks_match_schema": [
            tick_rows(bad, status="halted"),
            tick_rows(bad, last_price=None),
            tick_rows(bad, yes_bid_size=None),
        ],
        "prices_are_in_range": [tick_rows(bad, yes_bid=-1), tick_rows(bad, yes_ask=1_000_001)],
        "prices_are_on_the_grid": [tick_rows(bad, yes_bid=405_000), tick_rows(bad, yes_ask=1)],
        "bids_do_not_exceed_asks": [tick_rows(bad, yes_bid=430_000)],
        "ticks_are_fresh": [tick_rows(bad, quoted_at=old)],
        "prices_are_not_zero_coded": [tick_rows(bad, yes_bid=0, yes_ask=0)],
        "ticks_are_unique": [frames.presence_rows(TICKERS, raw(), TICKERS[:bad])],
        "newest_ticks_are_usable": [newest(bad)],
        "ticks_are_complete": [frames.presence_rows(TICKERS, raw()[bad:])],
        "feed_is_not_frozen": [frozen(bad)],
        "usable_ticks_are_plausible": [
            clean(bad, mid=0),
            clean(bad, mid=1_000_000),
            clean(bad, covered_ms=90_000_001),
        ],
        "averages_are_covered": [averages(bad), averages(bad, None)],
        "feed_has_no_long_gaps": [gaps(bad), gaps(bad, to_at=None)],
        "legs_sum_to_one": [legs(bad, mid=300_000), legs(bad, mid=560_000)],
        "daily_bars_are_in_order": [
            summaries(bad, mid_low=5),
            summaries(bad, mid_high=4),
            summaries(bad, mid_close=None),
            summaries(bad, trade_open=4),
        ],
        "covered_time_fits_the_day": [
            summaries(bad, coverage=Decimal("1.01")),
            summaries(bad, coverage=Decimal("-0.01")),
            summaries(bad, covered_ms=86_400_001),
        ],
        "past_days_are_final": [summaries(bad, is_provisional=True)],
        "no_day_is_missing": [spans(bad)],
        "summaries_match_the_exchange": [
            compared(bad, mid_high=431_000),
            compared(bad, mid_low=389_000),
            compared(bad, trade_high=431_000),
            compared(bad, volume=21_500),
            compared(bad, volume=27_000),
            compared(bad, volume=None),
        ],
        "signals_buy_against_the_deviation": [
            signals(bad, side="yes"),
            signals(bad, deviation=130_002),
        ],
        "signals_rest_on_an_average": [
            signals(bad, coverage=None),
            signals(bad, has_average=False),
            signals(bad, has_average=False, ended_at=NOW),
            signals(bad, has_average=False, is_judged=True),
        ],
        "one_signal_is_open_a_market": [open_twice(bad)],
    }[name]


def test_every_check_is_tried_here() -> None:
    assert set(GOOD) == set(CHECKS)
    assert {n for n, c in CHECKS.items() if c.is_gating} == set(gating_checks(LIMITS))


@pytest.mark.parametrize("name", GOOD)
def test_good_rows_pass(name: str) -> None:
    found = verdict(name, GOOD[name], share=0.0)
    assert (found.is_passed, found.bad_rows, dict(found.markets_failed)) == (True, 0, {})
    assert found.markets_checked == tuple(TICKERS)


@pytest.mark.parametrize("name", GOOD)
def test_one_bad_market_is_named_and_does_not_fail_the_feed(name: str) -> None:
    for rows in bad_rows(name, 1):
        found = verdict(name, rows)
        assert found.is_passed
        assert list(found.markets_failed) == [BAD]
        assert found.observed == f"1 of 4 {CHECKS[name].of} {CHECKS[name].bad}"
        assert sample(found)[0]["market"] == BAD
        assert verdict(name, rows, share=0.2).is_passed is CHECKS[name].is_of_market


@pytest.mark.parametrize("name", GOOD)
def test_more_bad_markets_than_allowed_fail_the_feed(name: str) -> None:
    for rows in bad_rows(name, 4 if CHECKS[name].is_of_market else 3):
        found = verdict(name, rows)
        assert not found.is_passed
        assert len(found.markets_failed) >= 3


def test_an_unusable_tick_is_named_with_its_faults() -> None:
    found = verdict("newest_ticks_are_usable", newest(1))
    assert found.markets_failed == {BAD: "is_usable False, fault_names jump_without_trades"}


@pytest.mark.parametrize("name", GOOD)
def test_no_rows_fail(name: str) -> None:
    found = verdict(name, GOOD[name].iloc[:0])
    assert (found.is_passed, found.observed, found.markets_checked) == (False, "no rows", ())


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_column_fails_every_market(name: str) -> None:
    rule = CHECKS[name].rules[-1]
    found = verdict(name, GOOD[name].drop(columns=rule.column))
    assert not found.is_passed
    assert sorted(found.markets_failed) == TICKERS


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_value_is_bad(name: str, missing: float | None) -> None:
    rule = CHECKS[name].rules[-1]
    rows = GOOD[name].reset_index(drop=True)
    rows[rule.column] = rows[rule.column].astype(object)
    rows.loc[0, rule.column] = missing
    assert list(verdict(name, rows).markets_failed) == [BAD]


def test_a_strict_check_fails_on_a_single_bad_row() -> None:
    strict: Check = replace(CHECKS["ticks_match_schema"], is_strict=True)
    rows = tick_rows(1, status="halted")
    assert not evaluate(strict, rows, as_of=NOW, max_bad_share=0.5).is_passed


def test_rows_that_come_with_an_index_of_their_own_are_named_rightly() -> None:
    rows = tick_rows(1, status="halted")
    rows.index = pd.Index([7, 7, 3, 3])
    assert list(verdict("ticks_match_schema", rows).markets_failed) == [BAD]


def test_a_quote_dated_far_ahead_of_the_clock_is_not_fresh() -> None:
    ahead = tick_rows(1, quoted_at=pd.Timestamp(NOW + timedelta(hours=1)))
    assert list(verdict("ticks_are_fresh", ahead).markets_failed) == [BAD]
    little = tick_rows(4, quoted_at=pd.Timestamp(NOW + timedelta(seconds=30)))
    assert verdict("ticks_are_fresh", little).markets_failed == {}


def test_an_empty_side_is_no_crossed_book_and_no_price_off_the_grid() -> None:
    rows = tick_rows(4, yes_bid=0, yes_bid_size=0, yes_ask=1_000_000, yes_ask_size=0)
    assert verdict("bids_do_not_exceed_asks", rows).markets_failed == {}
    assert verdict("prices_are_on_the_grid", rows).markets_failed == {}
    assert verdict("prices_are_not_zero_coded", rows).markets_failed == {}


def test_a_market_whose_terms_are_unknown_is_off_the_grid() -> None:
    rows = frames.tick_rows(raw(), {t: KNOWN[t] for t in TICKERS[1:]}, now=NOW)
    assert list(verdict("prices_are_on_the_grid", rows).markets_failed) == [BAD]


def test_candles_are_asked_only_for_what_a_candle_has() -> None:
    candle = frame([Observation(NOW, market=BAD, source="candle")])
    rows = frames.tick_rows(candle, KNOWN, now=NOW)
    assert verdict("ticks_match_schema", rows).is_passed


def test_thin_markets_do_not_fail_the_feed_however_many_they_are() -> None:
    for name in (n for n, check in CHECKS.items() if check.is_of_market):
        for rows in bad_rows(name, 3):
            found = verdict(name, rows)
            assert (found.is_passed, len(found.markets_failed)) == (True, 3)


def test_of_a_month_of_history_some_rows_may_be_bad() -> None:
    """Cleaning flags each of them; a market fails where more than the share is bad."""
    rows = pd.concat([tick_rows(1, yes_bid=430_000), *[tick_rows()] * 3])

    def failed(max_bad_rows: float) -> list[str]:
        found = evaluate(
            CHECKS["bids_do_not_exceed_asks"],
            rows,
            as_of=NOW,
            max_bad_share=0.5,
            max_bad_rows=max_bad_rows,
        )
        assert (found.bad_rows, sample(found)[0]["market"]) == (1, BAD), "it is shown all the same"
        return list(found.markets_failed)

    assert failed(0.25) == []
    assert failed(0.24) == [BAD]


def test_what_cannot_be_compared_is_shown_and_is_no_difference() -> None:
    for values, told in (
        ({"is_mutually_exclusive": None}, "not known to exclude each other"),
        ({"is_mutually_exclusive": False}, "not known to exclude each other"),
        ({"mid": None}, f"no usable price of {BAD}-A, {BAD}-B"),
        ({"is_tracked": False}, f"no usable price of {BAD}-A, {BAD}-B"),
    ):
        rows = legs(1, **values)
        assert (rows["off_by_usd"][0], rows["legs"][0]) == (0, told)


def test_a_sum_is_told_with_its_legs() -> None:
    found = verdict("legs_sum_to_one", legs(1, mid=300_000))
    assert found.markets_failed[BAD] == (f"off_by_usd 0.4, legs {BAD}-A 0.3 + {BAD}-B 0.3 = 0.6")
    assert legs(4, mid=400_000)["off_by_usd"].max() == 0.2


@pytest.mark.parametrize(
    ("mids", "off"),
    [
        ((700_000, 450_000, None), 0.15),
        ((700_000, 200_000, None), 0.0),
        ((None, 1_120_000, None), 0.12),
        ((700_000, 200_000, 0), 0.1),
    ],
    ids=["too much already", "the third may be worth the rest", "one of them", "all have a price"],
)
def test_legs_without_a_price_excuse_a_sum_that_is_too_small_and_none_that_is_too_large(
    mids: tuple[int | None, ...], off: float
) -> None:
    same = {"event_ticker": BAD, "is_tracked": True, "is_mutually_exclusive": True}
    rows = [same | {"ticker": f"{BAD}-{n}", "mid": mid} for n, mid in enumerate(mids)]
    [found] = advice_frames.leg_sum_rows(rows)["off_by_usd"]
    assert found == off


def test_a_sum_without_all_legs_names_those_that_are_missing() -> None:
    same = {"event_ticker": BAD, "is_tracked": True, "is_mutually_exclusive": True}
    rows = [same | {"ticker": f"{BAD}-{n}", "mid": mid} for n, mid in enumerate((300_000, None))]
    [told] = advice_frames.leg_sum_rows(rows)["legs"]
    assert told == f"{BAD}-0 0.3 = 0.3; no usable price of {BAD}-1"


def test_a_day_becomes_final_within_an_hour_of_its_end() -> None:
    def hours(now: str) -> float:
        row = {"market_ticker": BAD, "day": DAY, **SUMMARY, "is_provisional": True}
        rows = advice_frames.summary_rows([row], now=datetime.fromisoformat(now))
        return float(rows["hours_overdue"][0])

    assert hours("2026-10-13T03:59:00+00:00") == 0
    assert hours("2026-10-13T05:00:00+00:00") == 1
    assert hours("2026-10-13T05:30:00+00:00") == 1.5


def test_the_day_of_a_clock_change_may_have_25_hours_covered() -> None:
    def share(day: date) -> float:
        row = {"market_ticker": BAD, **SUMMARY, "day": day, "covered_ms": 90_000_000}
        return float(advice_frames.summary_rows([row], now=NOW)["covered_share_of_day"][0])

    assert share(date(2026, 11, 1)) == 1
    assert share(date(2026, 10, 31)) > 1


@pytest.mark.parametrize(("close", "points"), [(510_000, 0), (410_000, 10), (530_001, 2.0001)])
def test_a_close_is_held_against_the_last_hours_only(close: int, points: float) -> None:
    candles = [hour(BAD, n, bid=50 if n > 22 else 40, trade_low=0) for n in range(25)]
    rows = compared(1, candles, mid_close=close, mid_high=max(510_000, close))
    assert list(rows["price_difference_points"]) == [points]


def test_hours_without_a_book_say_nothing_of_prices() -> None:
    empty: dict[str, Any] = {
        "yes_bid_range": (0, 0, 0),
        "yes_ask_range": (0, 0, 0),
        "trade_low": None,
    }
    candles = [hour(BAD, n, trade_high=None, **empty) for n in range(25)]
    assert list(compared(0, candles)["price_difference_points"]) == [0]


def test_a_day_of_which_the_exchange_has_nothing_is_not_compared() -> None:
    assert compared(0, [hour(t, n - 48) for t in TICKERS for n in range(25)]).empty
    assert not verdict("summaries_match_the_exchange", compared(0, [hour("KXB-1", 5)])).is_passed


def test_the_hours_at_both_ends_of_a_day_may_be_counted_or_not() -> None:
    for volume in (23_000, 24_000, 25_000):
        assert compared(4, volume=volume)["volume_difference"].max() == 0
    assert compared(4, volume=22_000)["volume_difference"].max() == 0.04
