"""The answer and the reasons of a review, as sentences. They name figures, and compute none."""

from collections.abc import Callable
from fractions import Fraction

from kalshi_assets.review.statistics import Figure
from kalshi_assets.review.statistics.figure import usd
from kalshi_assets.review.weekly.review import WeekFigures
from kalshi_assets.review.weekly.spelling import duration, number_of, percent, signed_percent

MOST_GATES = 3
Reason = Callable[[WeekFigures], str | None]


def answer_of(figures: WeekFigures) -> str:
    """Return in one sentence what the week made, and whether all trades so far tell anything."""
    week, trades = figures.week, figures.traded.whole.figures
    span = f"the week of {week.first_day} to {week.last_day},"
    if figures.is_provisional:
        span += " which is not over,"
    if not trades.trade_count:
        halted = " (trading was halted all the time)" if figures.quality.halts.share == 1 else ""
        return f"In {span} no trade was closed{halted}; {_so_far(figures)}."
    share = figures.account.net_return.value
    of_account = "" if share is None else f", {signed_percent(share)} of the account"
    closed = number_of(trades.trade_count, "trade")
    return (
        f"In {span} {closed} made {usd(trades.net_profit)} after fees{of_account}; "
        f"{_so_far(figures)}."
    )


def reasons_of(figures: WeekFigures) -> tuple[str, ...]:
    """Return why it came out so, the weightiest first; what has nothing to tell is left out."""
    told = (reason(figures) for reason in REASONS)
    return tuple(reason for reason in told if reason is not None)


def _so_far(figures: WeekFigures) -> str:
    if not figures.traded.so_far_count:
        return "nor was any before"
    found, count = figures.traded.so_far.value, number_of(figures.traded.so_far_count, "trade")
    if found is None:
        told = f"whether that differs from zero cannot be said ({figures.traded.so_far.why_not})"
        return f"over {count} so far, {told}"
    verdict = "cannot be told from zero"
    if found.is_different_from_zero:
        verdict = "is above zero" if found.interval.low > 0 else "is below zero"
    low, high = usd(found.interval.low), usd(found.interval.high)
    return (
        f"over all {count} so far, the mean result of {usd(found.mean)} {verdict} "
        f"(95 %: {low} to {high})"
    )


def _books_differ(figures: WeekFigures) -> str | None:
    if not figures.unassigned_micros:
        return None
    paid = usd(figures.unassigned_micros)
    return f"The books are not right: settlements paid {paid} where nothing was held."


def _too_narrow(figures: WeekFigures) -> str | None:
    found = figures.traded.so_far.value
    if found is None or found.resampled_by == "day":
        return None
    days = number_of(found.day_count, "day")
    return f"All trades so far are of {days}: the interval is narrower than it should be."


def _parts(figures: WeekFigures) -> str | None:
    if not figures.traded.whole.figures.trade_count:
        return None
    whole = figures.traded.whole.parts
    parts = whole.parts
    told = (
        f"Edge claimed {usd(parts.edge)}, settlement brought {usd(parts.settlement)} beside it, "
        f"spread and slippage {usd(parts.spread_and_slippage)}, fees {usd(parts.fees)}"
    )
    if not whole.unexplained_count:
        return f"{told}."
    others = number_of(whole.unexplained_count, "trade")
    return f"{told}; {others} without a decision made {usd(whole.unexplained)}."


def _won(figures: WeekFigures) -> str | None:
    trades = figures.traded.whole.figures
    rate, interval = trades.win_rate.value, trades.win_interval.value
    if rate is None or interval is None:
        return None
    low, high = percent(interval.low), percent(interval.high)
    ratio = _or_why(trades.reward_to_risk, lambda value: f"{float(value):.2f}")
    return (
        f"{trades.counts_said} ({percent(rate)}, 95 %: {low} to {high}); reward to risk is {ratio}."
    )


def _groups(figures: WeekFigures) -> str | None:
    if len(figures.traded.by_market) < 2:
        return None
    best, worst = figures.traded.by_market[0], figures.traded.by_market[-1]
    return (
        f"Best market: {best.name}, {usd(best.trades.figures.net_profit)}; "
        f"worst: {worst.name}, {usd(worst.trades.figures.net_profit)}."
    )


def _account(figures: WeekFigures) -> str | None:
    account = figures.account
    if account.change.value is None or not account.beside_trades.value:
        return None
    made, beside = usd(account.change.value), usd(account.beside_trades.value)
    return f"The account made {made}: {beside} of it beside the closed trades, of what it held."


def _still_open(figures: WeekFigures) -> str | None:
    held = figures.traded.open_trips
    if not held.count:
        return None
    result = _or_why(held.result, usd)
    unpriced = f" ({held.unpriced_count} without a price)" if held.unpriced_count else ""
    held_by = number_of(held.count, "trade")
    return f"Still open, and in no other figure: {held_by}{unpriced}, at their marks {result}."


def _refused(figures: WeekFigures) -> str | None:
    total, gates = figures.refusals.total, figures.refusals.by_gate
    if not total.signal_count:
        return None
    signals = number_of(total.signal_count, "signal")
    made = _or_why(total.would_have_made, usd)
    unpriced = f", {total.unpriced_count} unpriced" if total.unpriced_count else ""
    most = sorted(gates, key=lambda row: -row.signal_count)[:MOST_GATES]
    told = [(row.gate.strip("()"), row.signal_count) for row in most if row.signal_count]
    gates_told = ", ".join(f"{gate} {count:,}" for gate, count in told)
    return (
        f"The gates refused {signals} ({gates_told}); those that were never ordered would have "
        f"made {made}{unpriced}."
    )


def _hands(figures: WeekFigures) -> str | None:
    total = figures.overrides.total
    if not total.count:
        return None
    changed = number_of(total.count, "time")
    unpriced = f" ({total.unpriced_count} without a price)" if total.unpriced_count else ""
    gain = _or_why(total.gain, usd)
    return f"Hands overrode the bot {changed}{unpriced}; against the rule: {gain}."


def _data(figures: WeekFigures) -> str | None:
    quality, told = figures.quality, []
    if quality.halts.count:
        halted = f"{duration(quality.halts.seconds)} ({percent(quality.halts.share)} of the week)"
        told.append(f"trading was halted for {halted}")
    if quality.gaps.count:
        told.append(f"data were missing for {duration(quality.gaps.seconds)}")
    if quality.total.failure_count:
        total = quality.total
        told.append(f"{total.failure_count:,} of {total.verdict_count:,} checks failed")
    if figures.account.unvalued_count:
        points = number_of(figures.account.unvalued_count, "time")
        told.append(f"the account had no known value {points}")
    said = "; ".join(told)
    return f"{said[0].upper()}{said[1:]}." if said else None


def _forgotten(figures: WeekFigures) -> str | None:
    if not figures.forgotten:
        return None
    records = ", ".join(figures.forgotten)
    return f"Some records of this week were past retention when it was reviewed: {records}."


def _settings(figures: WeekFigures) -> str | None:
    if not figures.changes:
        return None
    names = ", ".join(dict.fromkeys(change.name for change in figures.changes))
    return f"Settings changed in the week: {names}."


def _or_why(figure: Figure[Fraction] | Figure[int], spell: Callable[[Fraction], str]) -> str:
    if figure.value is None:
        return f"not known ({figure.why_not})"
    return spell(Fraction(figure.value))


REASONS: tuple[Reason, ...] = (
    _books_differ,
    _too_narrow,
    _parts,
    _won,
    _groups,
    _account,
    _still_open,
    _refused,
    _hands,
    _data,
    _forgotten,
    _settings,
)
