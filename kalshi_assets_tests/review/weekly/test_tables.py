"""Each table adds up to the whole, and each row is what a hand computes."""

from fractions import Fraction

import pytest

from kalshi_assets.domain.price import micros
from kalshi_assets.review.weekly import (
    Calls,
    EquityPoint,
    SettingChange,
    Stretch,
    Transfer,
    WeekFigures,
    outcome_of,
    weekly_review,
)
from kalshi_assets.review.weekly.trades import Trades
from kalshi_assets_tests.review.weekly.week_bench import (
    DAY,
    HOUR,
    MONDAY,
    WEEK,
    entry,
    eventful,
    override,
    point,
    refused,
    trip,
    week_of,
)


@pytest.fixture(scope="module")
def week() -> WeekFigures:
    return weekly_review(eventful()).figures


def sums(trades: list[Trades]) -> tuple[Fraction | int, ...]:
    """Return what must add up."""
    return (
        sum(t.figures.trade_count for t in trades),
        sum(t.figures.win_count for t in trades),
        sum(t.figures.loss_count for t in trades),
        sum(t.figures.net_profit for t in trades),
        sum(t.fees_micros for t in trades),
        sum(t.entry_cost_micros for t in trades),
        sum((t.parts.total for t in trades), Fraction()),
        sum((t.parts.parts.edge for t in trades), Fraction()),
        sum((t.slippage_mid.micros.value or Fraction() for t in trades), Fraction()),
    )


@pytest.mark.parametrize("table", ["by_strategy", "by_category", "by_market", "parties"])
def test_every_split_of_the_trades_adds_up_to_the_whole(week: WeekFigures, table: str) -> None:
    groups = getattr(week.traded, table)
    assert len(groups) > 1
    assert sums([group.trades for group in groups]) == sums([week.traded.whole])


def test_the_parts_add_up_to_the_net_profit(week: WeekFigures) -> None:
    assert week.traded.whole.parts.total == week.traded.whole.figures.net_profit
    assert week.traded.whole.parts.parts.fees != -week.traded.whole.fees_micros, (
        "some trades are unexplained"
    )


def test_what_has_no_strategy_or_category_is_named(week: WeekFigures) -> None:
    assert {group.name for group in week.traded.by_strategy} == {
        "mean_reversion",
        "breakout",
        "(by hand)",
        "(held at the opening)",
    }
    assert {g.name for g in week.traded.by_category} == {"Economics", "(category not known)"}


def test_what_was_refused_or_set_after_the_week_is_not_of_it() -> None:
    late = [refused("late", "spread", judged_at=WEEK.end)]
    early = [refused("early", "spread", judged_at=WEEK.begin - DAY)]
    changes = [SettingChange(WEEK.end, "late", None, "1"), SettingChange(MONDAY, "s", None, "1")]
    figures = weekly_review(week_of(refused=[*late, *early], changes=changes)).figures
    assert figures.refusals.decision_count == 0
    assert [change.name for change in figures.changes] == ["s"]


def test_the_fees_of_an_exit_are_fees_too() -> None:
    sold = trip(end="0.5", exit_fees_micros=1_400_000)
    trades = weekly_review(week_of(trips=[sold])).figures.traded.whole
    assert trades.fees_micros == 2_618_600
    # 80 x (0.50 - 0.32) = 14.40, less 1.2186 and 1.40
    assert trades.figures.net_profit == trades.parts.total == micros("11.7814")


def test_overrides_by_kind_add_up_to_the_whole(week: WeekFigures) -> None:
    total = week.overrides.total
    assert (total.count, total.unpriced_count) == (3, 1)
    assert sum(row.count for row in week.overrides.by_kind) == total.count
    assert sum(row.gain.value or 0 for row in week.overrides.by_kind) == total.gain.value
    # came 0 and +5.00; the rule +53.1814 and -26.8186: 5.00 - 26.3628
    assert total.gain.value == micros("-21.3628")


def test_overrides_of_other_weeks_are_only_in_those_so_far() -> None:
    one = override("o", "cancelled", 0, -1_000_000)
    earlier = type(one)(**{**vars(one), "at": MONDAY - 7 * DAY})
    later = type(one)(**{**vars(one), "at": WEEK.end})
    found = weekly_review(week_of(overrides=[one, earlier, later])).figures.overrides
    assert (found.total.count, found.so_far.count) == (1, 2)


def test_the_account_is_told_without_what_was_paid_in(week: WeekFigures) -> None:
    account = week.account
    assert (account.opening.value, account.closing.value) == (micros("1000"), micros("1560"))
    assert account.paid_in == micros("500")
    assert account.change.value == micros("60")
    assert account.unvalued_count == 1
    assert account.beside_trades.value == micros("60") - week.traded.whole.figures.net_profit
    # 1053.1814 before the 500 came, 1526 - 500 = 1026 after it: 27.1814 below the peak.
    assert account.drawdown.value is not None
    assert account.drawdown.value.fall == micros("27.1814")
    # 100 at stake from before the week to Tuesday noon, 60 hours; 0 for a day; 60 for 84 hours.
    assert account.exposure.value == Fraction(micros("100") * 60 + micros("60") * 84, 168)


def test_return_is_of_the_value_at_the_opening() -> None:
    equity = [point(WEEK.begin, "1000", "1000"), point(MONDAY, "1053.1814", "1053.1814")]
    account = weekly_review(week_of(trips=[trip()], equity=equity)).figures.account
    assert account.net_return.value == Fraction(531_814, 10_000_000)
    assert account.beside_trades.value == 0


def test_an_account_that_began_within_the_week_has_no_opening() -> None:
    equity = [point(MONDAY, "1000", "1000"), point(MONDAY + DAY, "900", "800")]
    account = weekly_review(week_of(equity=equity)).figures.account
    assert account.opening.why_not == "the account's value is not known at the week's opening"
    assert account.change.why_not == account.opening.why_not
    assert account.net_return.why_not
    assert account.exposure.why_not
    assert account.closing.value == micros("900")


def test_an_old_value_is_not_taken_for_that_of_a_week_without_any() -> None:
    old = EquityPoint(WEEK.begin - DAY, micros("1000"), micros("900"))
    account = weekly_review(week_of(equity=[old])).figures.account
    assert account.opening.value == micros("1000")
    assert account.closing.why_not == account.exposure.why_not
    assert account.change.why_not == "the account's value is not known in the week"


def test_money_paid_in_before_the_opening_value_is_in_it() -> None:
    equity = [point(WEEK.begin - HOUR, "1000", "1000"), point(MONDAY, "1010", "1010")]
    transfers = [
        Transfer(WEEK.begin - 2 * HOUR, 1),
        Transfer(WEEK.begin - HOUR / 2, micros("4")),
        Transfer(MONDAY + HOUR, 1),  # the last value does not have it
    ]
    account = weekly_review(week_of(equity=equity, transfers=transfers)).figures.account
    assert (account.paid_in, account.change.value) == (micros("4"), micros("6"))


def test_entries_that_never_reached_the_venue_are_in_no_rate() -> None:
    orders = [entry("a", 8000, 8000), entry("b", 8000, 2000, seconds=3.5)]
    found = weekly_review(week_of(orders=[*orders, entry("c", 1, 0, seconds=None)])).figures.orders
    assert found.not_reached_count == 1
    assert found.fill_rate.by_contract.value == Fraction(10, 16)
    assert found.latency.value is not None
    assert (found.latency.value.p50, found.latency.value.longest) == (1.0, 3.5)


def test_time_that_two_stretches_cover_counts_once() -> None:
    gaps = [
        Stretch(MONDAY, MONDAY + 2 * HOUR, "disconnected"),
        Stretch(MONDAY + HOUR, MONDAY + 3 * HOUR, "sequence"),
        Stretch(WEEK.end - HOUR, None, "disconnected"),
        Stretch(WEEK.begin - DAY, WEEK.begin + HOUR, "disconnected"),
        Stretch(WEEK.begin - DAY, WEEK.begin, "of the week before"),
        Stretch(WEEK.end, None, "of the week after"),
    ]
    found = weekly_review(week_of(gaps=gaps)).figures.quality.gaps
    assert found.count == 4
    assert (found.seconds, found.longest_seconds) == (Fraction(5 * 3600), Fraction(3 * 3600))
    assert found.share == Fraction(5, 168)
    assert found.reasons == (("disconnected", 3), ("sequence", 1))
    assert sum(count for _, count in found.reasons) == found.count


def test_checks_and_calls_add_up_to_the_whole(week: WeekFigures) -> None:
    quality, api = week.quality, week.api
    assert (quality.total.verdict_count, quality.total.failure_count) == (800, 3)
    assert sum(check.verdict_count for check in quality.checks) == 800
    assert sum(count for _, count in api.outcomes) == api.call_count == 100
    assert api.outcomes == (("ok", 97), ("HTTP 503", 2), ("timeout", 1))
    assert api.failed_share.value == Fraction(3, 100)


def test_latency_weighs_every_call() -> None:
    calls = [Calls("ok", 2_000), Calls("ok", 100, 94), Calls("ok", 500, 5)]
    latency = weekly_review(week_of(calls=calls)).figures.api.latency.value
    assert latency is not None
    assert (latency.p50, latency.p95, latency.p99, latency.longest) == (0.1, 0.5, 0.5, 2.0)


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [(200, "", "ok"), (201, "", "ok"), (429, "", "HTTP 429"), (None, "timeout", "timeout")],
)
def test_a_call_has_one_outcome(status: int | None, error: str, outcome: str) -> None:
    assert outcome_of(status, error) == outcome
