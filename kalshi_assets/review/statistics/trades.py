"""Won and lost: what the results of closed trades add up to.

A result is what a trade made after its fees, micros. Above 0 it is won, below 0 lost; a tie, a
result of exactly 0, is neither: it counts as a trade and in the mean, and in no other figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from statistics import NormalDist

from kalshi_assets.review.statistics.figure import Figure, Interval, ratio

Z = NormalDist().inv_cdf(0.975)  # 1.96: 95 % of a normal distribution lie within so many deviations
NO_TRADE, NO_WINNER, NO_LOSER = "no trade was closed", "no trade was won", "no trade was lost"


@dataclass(frozen=True)
class TradeFigures:
    """The figures of some trades. Money in micros.

    Attributes:
        tie_count: trades that made exactly 0: neither won nor lost.
        win_rate: won / all trades, ties among them; `win_interval`: Wilson's, 95 %.
        average_loser: below 0.
        reward_to_risk: average winner / average loser, without its sign.
        expectancy: the mean result of a trade.
        profit_factor: all that was won / all that was lost, without its sign.
    """

    trade_count: int
    win_count: int
    loss_count: int
    tie_count: int
    net_profit: int
    win_rate: Figure[Fraction]
    win_interval: Figure[Interval]
    average_winner: Figure[Fraction]
    average_loser: Figure[Fraction]
    reward_to_risk: Figure[Fraction]
    expectancy: Figure[Fraction]
    profit_factor: Figure[Fraction]

    @property
    def counts_said(self) -> str:
        """Return the counts as a sentence, which tells of ties where there are any."""
        trades = "1 trade" if self.trade_count == 1 else f"{self.trade_count} trades"
        said = f"{trades}: {self.win_count} won, {self.loss_count} lost"
        if self.tie_count == 0:
            return said
        return f"{said}, {self.tie_count} at exactly $0.00, which is neither won nor lost"


def trade_figures(results: Sequence[int]) -> TradeFigures:
    """Return what results (micros, after fees) add up to."""
    won, lost = [r for r in results if r > 0], [r for r in results if r < 0]
    count, gained, given = len(results), sum(won), -sum(lost)
    winner = ratio(gained, len(won), why_not=NO_WINNER)
    loser = ratio(-given, len(lost), why_not=NO_LOSER)
    return TradeFigures(
        trade_count=count,
        win_count=len(won),
        loss_count=len(lost),
        tie_count=count - len(won) - len(lost),
        net_profit=gained - given,
        win_rate=ratio(len(won), count, why_not=NO_TRADE),
        win_interval=Figure(wilson(len(won), count)) if count else Figure(None, NO_TRADE),
        average_winner=winner,
        average_loser=loser,
        reward_to_risk=_reward_to_risk(winner, loser),
        expectancy=ratio(gained - given, count, why_not=NO_TRADE),
        profit_factor=ratio(gained, given, why_not=NO_LOSER if count else NO_TRADE),
    )


def wilson(win_count: int, trade_count: int) -> Interval:
    """Return Wilson's score interval of a rate, 95 %.

    It stays within 0 and 1 and holds for few trades and for rates near 0 and 1, where the usual
    rate ± 1.96 deviations does not. Source: E. B. Wilson, JASA 22 (1927), 209-212.

    Raises:
        ValueError: no trade, or more won than there were.
    """
    if not 0 <= win_count <= trade_count or trade_count == 0:
        raise ValueError(f"{win_count} of {trade_count} is not a rate")
    lost = trade_count - win_count
    return Interval(_lowest_rate(win_count, trade_count), 1 - _lowest_rate(lost, trade_count))


def _lowest_rate(count: int, of: int) -> float:
    rate, square = count / of, Z * Z / of
    half = sqrt(rate * (1 - rate) * square + square * square / 4)
    return (rate + square / 2 - half) / (1 + square)


def _reward_to_risk(winner: Figure[Fraction], loser: Figure[Fraction]) -> Figure[Fraction]:
    if winner.value is None:
        return winner
    if loser.value is None:
        return loser
    return Figure(winner.value / -loser.value)
