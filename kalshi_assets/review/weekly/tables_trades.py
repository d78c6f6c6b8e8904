"""What was traded and what came of it, in tables.

Every number is also in the JSON; here it is rounded: to cents, to tenths of a percent.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from kalshi_assets.review.statistics import Bootstrap, Drawdown, Interval
from kalshi_assets.review.weekly.account import Account
from kalshi_assets.review.weekly.review import WeekFigures, WeeklyReview
from kalshi_assets.review.weekly.spelling import (
    amount,
    number_of,
    percent,
    ratio,
    result,
    signed_percent,
    venue_time,
)
from kalshi_assets.review.weekly.tables import Section, Table, section, told
from kalshi_assets.review.weekly.tables_doings import doings
from kalshi_assets.review.weekly.traded import Before, Party
from kalshi_assets.review.weekly.trades import Group, Summed, Trades

MOST_ROWS = 8
TITLES = {"bot": "bot", "manual": "by hand", "other": "other", "before": "before the bot"}
Spell = Callable[[Trades], str]


def sections_of(review: WeeklyReview) -> tuple[Section, ...]:
    """Return all that a review tells below its reasons."""
    figures = review.figures
    return (
        *_trades(figures),
        *section("Account", _account(figures.account)),
        *_grouped("By strategy", figures.traded.by_strategy),
        *_grouped("By category", figures.traded.by_category),
        *_grouped("By market", figures.traded.by_market),
        *doings(figures),
    )


ROWS: tuple[tuple[str, Spell], ...] = (
    ("trades", lambda t: f"{t.figures.trade_count:,}"),
    ("won", lambda t: f"{t.figures.win_count:,}"),
    ("lost", lambda t: f"{t.figures.loss_count:,}"),
    ("at exactly $0.00", lambda t: f"{t.figures.tie_count:,}"),
    ("win rate", lambda t: told(t.figures.win_rate, percent)),
    ("its 95 % interval", lambda t: told(t.figures.win_interval, _interval)),
    ("average winner", lambda t: told(t.figures.average_winner, result)),
    ("average loser", lambda t: told(t.figures.average_loser, result)),
    ("reward to risk", lambda t: told(t.figures.reward_to_risk, ratio)),
    ("expectancy", lambda t: told(t.figures.expectancy, result)),
    ("profit factor", lambda t: told(t.figures.profit_factor, ratio)),
    ("net profit", lambda t: result(t.figures.net_profit)),
    ("of it edge", lambda t: result(t.parts.parts.edge)),
    ("of it spread and slippage", lambda t: result(t.parts.parts.spread_and_slippage)),
    ("of it settlement", lambda t: result(t.parts.parts.settlement)),
    ("of it fees", lambda t: result(t.parts.parts.fees)),
    ("of it trades without a decision", lambda t: result(t.parts.unexplained)),
    ("bought for", lambda t: amount(t.entry_cost_micros)),
    ("fees of all", lambda t: amount(t.fees_micros)),
    ("slippage against the mid", lambda t: _summed(t.slippage_mid, t)),
    ("slippage against the limit", lambda t: _summed(t.slippage_limit, t)),
)


def _trades(figures: WeekFigures) -> tuple[Section, ...]:
    """Return the week's trades, and bot against manual and what was before both, in one table."""
    before = figures.traded.before
    shown = [p for p in figures.traded.parties if p.name != "other" or p.trades.figures.trade_count]
    shown += [] if before is None else [before.party]
    columns = [figures.traded.whole, *(party.trades for party in shown)]
    so_far = [figures.traded.so_far, *(party.so_far for party in shown)]
    rows = [[name, *(spell(column) for column in columns)] for name, spell in ROWS]
    if not figures.traded.whole.figures.trade_count:
        rows = rows if before is not None else rows[:1]  # else all would say that there is none
    rows.append(["mean of all so far", *(told(each, _mean) for each in so_far)])
    rows.append(["is it different from zero?", *(told(each, _different) for each in so_far)])
    head = ["", "all", *(_title(party) for party in shown)]
    return section("Trades", Table(head, rows), *_said_of(before))


def _said_of(before: Before | None) -> tuple[str, ...]:
    if before is None:
        return ()
    span = f"{venue_time(before.first_at)} to {venue_time(before.last_at)}"
    return (
        f"Before the bot: all trades of {span}, which is before the books were opened. They are in "
        "no other column.",
    )


def _title(party: Party) -> str:
    return TITLES[party.name]


def _summed(summed: Summed, trades: Trades) -> str:
    spelled = told(summed.micros, result)
    if summed.known_count in (0, trades.figures.trade_count):
        return spelled
    return f"{spelled} (of {number_of(summed.known_count, 'trade')})"


def _interval(interval: Interval) -> str:
    return f"{percent(interval.low)} to {percent(interval.high)}"


def _mean(found: Bootstrap) -> str:
    low, high = result(found.interval.low), result(found.interval.high)
    return f"{result(found.mean)} ({low} to {high})"


def _different(found: Bootstrap) -> str:
    if not found.is_different_from_zero:
        return "cannot be told"
    return "yes, above" if found.interval.low > 0 else "yes, below"


def _account(account: Account) -> Table:
    rows = [
        ["value at the opening", told(account.opening, amount)],
        ["paid in and out", result(account.paid_in)],
        ["value at the end", told(account.closing, amount)],
        ["what the account made", told(account.change, result)],
        ["of it beside the closed trades (marks)", told(account.beside_trades, result)],
        ["return of the closed trades", told(account.net_return, signed_percent)],
        ["max drawdown", told(account.drawdown, drawdown)],
        ["exposure, mean over the week", told(account.exposure, amount)],
        ["of the value at the opening", told(account.exposure_share, percent)],
    ]
    return Table([], rows)


def drawdown(found: Drawdown) -> str:
    """Return how far the account fell, from when to when, and whether it came back."""
    if found.peak_at is None or found.trough_at is None:
        return "$0.00: it never fell"
    share = told(found.share, percent)
    back = "not back since"
    if found.recovered_at is not None:
        back = f"back on {venue_time(found.recovered_at)}"
    span = f"{venue_time(found.peak_at)} to {venue_time(found.trough_at)}"
    return f"{amount(found.fall)} ({share}), {span}, {back}"


def _grouped(title: str, groups: Sequence[Group]) -> tuple[Section, ...]:
    """Return the groups that weigh most, the rest in one row, and the whole."""
    if not groups:
        return ()
    weighty = sorted(groups, key=lambda g: -abs(g.trades.figures.net_profit))[:MOST_ROWS]
    rest = [group for group in groups if group not in weighty]
    rows = [_row(group.name, [group]) for group in groups if group in weighty]
    if rest:
        rows.append(_row(f"({len(rest)} more)", rest))
    head = ["", "net profit", "trades", "won", "win rate", "fees"]
    return section(title, Table(head, rows, total=_row("all", groups)))


def _row(name: str, groups: Sequence[Group]) -> list[str]:
    trades = [group.trades for group in groups]
    count = sum(each.figures.trade_count for each in trades)
    won = sum(each.figures.win_count for each in trades)
    net = sum(each.figures.net_profit for each in trades)
    fees = sum(each.fees_micros for each in trades)
    rate = percent(Fraction(won, count))
    return [name, result(net), f"{count:,}", f"{won:,}", rate, amount(fees)]


def foot_of(figures: WeekFigures) -> str:
    """Return what the figures span, and whether they may change."""
    begin, end = venue_time(figures.week.begin), venue_time(figures.known_until)
    said = f"From {begin} to {end}. Money is after fees where nothing else is said."
    if figures.is_provisional:
        said += " The week is not over: every figure may still change."
    return said
