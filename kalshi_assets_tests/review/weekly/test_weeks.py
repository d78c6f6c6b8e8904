"""Weeks of every sort: each has an answer, and it is true. Amounts are computed by hand."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from kalshi_assets.domain.price import micros
from kalshi_assets.review.weekly import (
    Stretch,
    Week,
    WeekFigures,
    WeekInputs,
    to_json,
    to_markdown,
    weekly_review,
)
from kalshi_assets_tests.review.journal_bench import AccountBench
from kalshi_assets_tests.review.weekly.week_bench import (
    DAY,
    HOUR,
    MONDAY,
    WEEK,
    by_hand,
    point,
    still_open,
    trip,
    week_of,
)


def figures_of(**values: object) -> WeekFigures:
    """Return the figures of a week that must also be written down without a fault."""
    review = weekly_review(week_of(**values))
    assert to_json(review)
    assert review.answer in to_markdown(review).replace("\\", "")
    return review.figures


def test_an_empty_week_made_nothing_and_says_so() -> None:
    review = weekly_review(week_of())
    assert review.answer == (
        "In the week of 2026-10-11 to 2026-10-17, no trade was closed; nor was any before."
    )
    assert review.reasons == ()
    assert review.figures.traded.whole.figures.net_profit == 0
    assert review.figures.account.change.why_not
    assert "nan" not in to_json(review).lower()


def test_one_trade_is_told_and_tells_nothing() -> None:
    review = weekly_review(week_of(trips=[trip()]))
    # 80 NO at 32 cents, NO won: 80.00 - 25.60 - 1.2186 = 53.1814
    assert review.answer == (
        "In the week of 2026-10-11 to 2026-10-17, 1 trade made +$53.18 after fees; over 1 trade so "
        "far, whether that differs from zero cannot be said (fewer than 5 trades are too few to "
        "resample)."
    )
    assert review.reasons == (
        "Edge claimed +$12.00, settlement brought +$43.20 beside it, spread and slippage -$0.80, "
        "fees -$1.22.",
        "1 trade: 1 won, 0 lost (100.0 %, 95 %: 20.7 % to 100.0 %); reward to risk is not known "
        "(no trade was lost).",
    )
    trades = review.figures.traded.whole
    assert trades.figures.net_profit == 53_181_400
    assert trades.fees_micros == 1_218_600
    assert trades.slippage_mid.micros.value == -800_000  # 80 x (0.31 - 0.32)
    assert trades.slippage_limit.micros.value == 1_600_000  # 80 x (0.34 - 0.32)


def test_a_week_of_losses_has_no_winner_and_no_reward() -> None:
    lost = [trip(f"S{n}", end="0", closed_at=MONDAY + n * 12 * HOUR) for n in range(6)]
    review = weekly_review(week_of(trips=[*lost, trip("odd", end="0.1")]))
    trades = review.figures.traded.whole.figures
    # 6 x -26.8186, and 8.00 - 26.8186 = -18.8186
    assert trades.net_profit == -179_730_200
    assert (trades.win_count, trades.loss_count) == (0, 7)
    assert trades.win_rate.value == 0
    assert trades.average_winner.why_not == trades.reward_to_risk.why_not == "no trade was won"
    assert review.answer.startswith(
        "In the week of 2026-10-11 to 2026-10-17, 7 trades made -$179.73 after fees; over all 7 "
        "trades so far, the mean result of -$25.68 is below zero (95 %: -$26.82 to "
    )


def test_a_week_that_was_halted_throughout_says_so() -> None:
    halt = Stretch(WEEK.begin - DAY, None, "breaker")
    review = weekly_review(week_of(halts=[halt]))
    assert "no trade was closed (trading was halted all the time)" in review.answer
    assert review.figures.quality.halts.seconds == 168 * 3600
    assert review.reasons == ("Trading was halted for 168 h 00 min (100.0 % of the week).",)


def test_a_scalar_settlement_is_what_it_paid() -> None:
    account = AccountBench(now=MONDAY)
    account.bot("yes", "0.40", "100", fee="1.68")
    account.settle("scalar", yes="100", revenue="37.50")
    figures = figures_of(trips=account.journal().trips)
    # 37.50 - 40.00 - 1.68
    assert figures.traded.whole.figures.net_profit == -4_180_000
    parts = figures.traded.whole.parts.parts
    assert parts.settlement == micros("-22.50")  # 100 x (0.375 - 0.60)
    assert parts.total == -4_180_000


@pytest.mark.parametrize(
    ("sunday", "hours"),
    [
        (date(2026, 3, 8), 167),  # the clock goes ahead on that Sunday
        (date(2026, 10, 11), 168),
        (date(2026, 11, 1), 169),  # and back
    ],
)
def test_a_week_with_a_change_of_the_clock_has_its_own_hours(sunday: date, hours: int) -> None:
    week = Week(sunday)
    halted = Stretch(week.begin, week.begin + timedelta(hours=hours) / 2, "breaker")
    equity = [
        point(week.begin, "1000", "1000"),
        point(week.end - timedelta(hours=1), "1000", "0"),
    ]
    figures = weekly_review(
        WeekInputs(week=week, as_of=week.end, halts=[halted], equity=equity)
    ).figures
    assert week.end - week.begin == timedelta(hours=hours)
    assert figures.quality.halts.share == Fraction(1, 2)
    assert figures.account.exposure.value == Fraction(micros("1000"), hours)


@pytest.mark.parametrize("sunday", [date(2026, 3, 8), date(2026, 11, 1)])
def test_the_last_hour_of_saturday_is_of_the_week_and_sunday_is_not(sunday: date) -> None:
    week = Week(sunday)
    last = trip("last", closed_at=week.end - timedelta(microseconds=1), opened_at=week.begin)
    before = trip("before", closed_at=week.begin - timedelta(microseconds=1), opened_at=week.begin)
    first = trip("first", closed_at=week.begin, opened_at=week.begin)
    figures = weekly_review(
        WeekInputs(week=week, as_of=week.end, trips=[last, before, first])
    ).figures
    assert figures.traded.whole.figures.trade_count == 2
    assert figures.traded.so_far_count == 3


def test_a_week_begins_on_a_sunday_in_new_york() -> None:
    assert WEEK.begin == datetime(2026, 10, 11, 4, tzinfo=UTC)
    with pytest.raises(ValueError, match="2026-10-12 is a Monday: a week begins on Sunday"):
        Week(date(2026, 10, 12))


def test_a_journal_that_knows_what_came_later_is_refused() -> None:
    with pytest.raises(ValueError, match="make the review from the journal of the week's end"):
        figures_of(trips=[trip(closed_at=WEEK.end)])
    with pytest.raises(ValueError, match="knows of"):
        figures_of(trips=[still_open("open", opened_at=WEEK.end + HOUR)])


def test_a_week_that_is_not_over_is_provisional() -> None:
    review = weekly_review(week_of(as_of=MONDAY + DAY, trips=[trip()]))
    assert review.figures.is_provisional
    assert "which is not over," in review.answer
    assert "every figure may still change" in to_markdown(review)
    with pytest.raises(ValueError, match="the week of 2026-10-11 begins after"):
        figures_of(as_of=WEEK.begin)


def test_a_week_made_again_later_is_the_same() -> None:
    first = weekly_review(week_of(trips=[trip()], halts=[Stretch(MONDAY, None, "breaker")]))
    again = weekly_review(
        week_of(
            trips=[trip()],
            halts=[Stretch(MONDAY, WEEK.end + 9 * DAY, "breaker")],
            as_of=WEEK.end + 90 * DAY,
        )
    )
    assert to_json(first) == to_json(again)


def test_what_is_open_is_told_apart() -> None:
    figures = figures_of(trips=[trip(), still_open("a"), still_open("b", open_value_micros=None)])
    assert figures.traded.whole.figures.trade_count == 1
    assert (figures.traded.open_trips.count, figures.traded.open_trips.unpriced_count) == (2, 1)
    assert figures.traded.open_trips.result.value == micros("1.1814")  # 28.00 - 25.60 - 1.2186


def test_bot_and_hand_stand_side_by_side() -> None:
    figures = figures_of(trips=[trip(), by_hand("H", end="0")])
    bot, manual, other = figures.traded.parties
    assert (bot.name, manual.name, other.name) == ("bot", "manual", "other")
    assert bot.trades.figures.net_profit == 53_181_400
    assert manual.trades.figures.net_profit == -26_818_600
    assert manual.trades.parts.unexplained == -26_818_600
    assert manual.trades.slippage_mid.micros.why_not
    assert other.trades.figures.trade_count == 0


def test_trades_of_few_days_are_told_to_say_too_little() -> None:
    ends = ("1", "0", "1", "0.5", "1")
    few = [trip(f"S{n}", end=end) for n, end in enumerate(ends)]
    told = "All trades so far are of 1 day: the interval is narrower than it should be."
    assert told in weekly_review(week_of(trips=few)).reasons
    spread = [
        trip(f"S{n}", end=end, opened_at=MONDAY - 9 * DAY, closed_at=MONDAY - n * DAY)
        for n, end in enumerate(ends)
    ]
    assert told[:20] not in " ".join(weekly_review(week_of(trips=spread)).reasons)


def test_books_that_are_not_right_come_first() -> None:
    review = weekly_review(week_of(trips=[trip()], unassigned_micros=2_000_000))
    assert review.reasons[0] == (
        "The books are not right: settlements paid +$2.00 where nothing was held."
    )
