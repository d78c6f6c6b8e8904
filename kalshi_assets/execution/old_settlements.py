"""Settlements that the exchange does not tell any more: worked out, not guessed.

Its historical tier keeps fills and markets, but no settlements. What a market paid is known all the
same: its fills say what was held when it ended, and the market what that was worth. So this is done
only once all fills are there.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kalshi_assets.domain.account import Fill, Settlement
from kalshi_assets.domain.market import Market
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR, contracts

Held = Mapping[str, int]
# The exchange pays whole $0.0001, rounded down.
PAID_IN_MICROS = 100


def left_open(fills: Sequence[Fill], settlements: Sequence[Settlement]) -> dict[str, int]:
    """Return what fills and settlements leave open, by market: + YES, - NO, centicontracts."""
    held: Counter[str] = Counter()
    for fill in fills:
        held[fill.market_ticker] += fill.count if fill.side == "yes" else -fill.count
    for one in settlements:
        held[one.market_ticker] -= one.yes_count - one.no_count
    return {ticker: position for ticker, position in sorted(held.items()) if position}


def to_work_out(left: Held, held_at_opening: Held, settlements: Sequence[Settlement]) -> list[str]:
    """Return the markets that were not held at the opening, and of which no settlement is known."""
    told = {one.market_ticker for one in settlements}
    return [t for t in left if t not in told and not held_at_opening.get(t)]


@dataclass(frozen=True)
class Disagreement:
    """A market in which the past does not add up to what was held at the opening."""

    market_ticker: str
    left: int
    held: int

    @property
    def sentence(self) -> str:
        """Say it, for people."""
        return (
            f"{self.market_ticker}: fills and settlements leave {_words(self.left)}, "
            f"held at the opening: {_words(self.held)}"
        )


def disagreements(left: Held, held_at_opening: Held) -> list[Disagreement]:
    """Return where what is left open is not what was held at the opening."""
    every = sorted(left.keys() | held_at_opening.keys())
    pairs = ((ticker, left.get(ticker, 0), held_at_opening.get(ticker, 0)) for ticker in every)
    return [Disagreement(*pair) for pair in pairs if pair[1] != pair[2]]


def worked_out(market: Market, fills: Sequence[Fill], position: int) -> Settlement | None:
    """Return what a market paid, or None where it is not settled, or does not say at what.

    A settled market that does not say when counts by its closing time; that changes no amount. The
    fee is that of the fills, as the exchange states it with a settlement.

    Args:
        market: as it ended.
        fills: all of the account's in it.
        position: what they leave: + YES, - NO, centicontracts.
    """
    value = _yes_value(market)
    is_settled = market.settled_at is not None or market.status == "finalized"
    if value is None or not is_settled:
        return None
    worth = value if position > 0 else MICROS_PER_DOLLAR - value
    return Settlement(
        market_ticker=market.ticker,
        settled_at=market.settled_at or market.close_at,
        result=market.result,
        yes_count=max(position, 0),
        no_count=max(-position, 0),
        revenue_micros=_paid(abs(position) * worth // CENTICONTRACTS),
        fee_micros=sum(fill.fee_micros for fill in fills),
    )


def of_markets(fills: Sequence[Fill], tickers: Collection[str]) -> dict[str, list[Fill]]:
    """Return the fills of each of these markets."""
    found: dict[str, list[Fill]] = {ticker: [] for ticker in tickers}
    for fill in fills:
        if fill.market_ticker in found:
            found[fill.market_ticker].append(fill)
    return found


def _paid(amount_micros: int) -> int:
    return amount_micros - amount_micros % PAID_IN_MICROS


def _yes_value(market: Market) -> int | None:
    if market.result in ("yes", "no"):
        return MICROS_PER_DOLLAR * (market.result == "yes")
    return market.settlement_value if market.result == "scalar" else None


def _words(position: int) -> str:
    if not position:
        return "nothing"
    return f"{contracts(abs(position)):g} {'YES' if position > 0 else 'NO'}"
