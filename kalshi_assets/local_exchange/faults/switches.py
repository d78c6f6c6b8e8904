"""The faults that stand in the exchange's switches while they hold, and the one of a moment."""

from collections.abc import Collection
from typing import Annotated

from msgspec import Meta

from kalshi_assets.local_exchange.faults.rules import (
    Rule,
    Seconds,
    Share,
    Stage,
    SwitchRule,
    check_market,
)
from kalshi_assets.local_exchange.interventions import Interventions, LineFaults


class StaleReads(SwitchRule, frozen=True, kw_only=True):
    """An account's reads show the state of this long ago."""

    milliseconds: Annotated[int, Meta(ge=0, le=3_600_000)]

    def switch(self, on: Interventions, markets: Collection[str]) -> None:
        """Turn it on."""
        on.read_lag_ms = self.milliseconds


class WrongClock(SwitchRule, frozen=True, kw_only=True):
    """The exchange's wall clock is this far ahead; a negative number is behind."""

    milliseconds: int

    def switch(self, on: Interventions, markets: Collection[str]) -> None:
        """Turn it on."""
        on.wall_offset_ms = self.milliseconds


class TradingPause(SwitchRule, frozen=True, kw_only=True):
    """Nobody can place or amend; cancels are taken."""

    def switch(self, on: Interventions, markets: Collection[str]) -> None:
        """Turn it on."""
        on.is_trading_paused = True


class ExchangePause(SwitchRule, frozen=True, kw_only=True):
    """Nothing changes at all, as in maintenance."""

    def switch(self, on: Interventions, markets: Collection[str]) -> None:
        """Turn it on."""
        on.is_exchange_paused = True


class PausedMarket(SwitchRule, frozen=True, kw_only=True):
    """A market is `inactive`; without a market, all are."""

    market: str | None = None

    def check(self, stage: Stage) -> None:
        """Refuse a market that is not on the tape."""
        super().check(stage)
        check_market(self.market, stage)

    def switch(self, on: Interventions, markets: Collection[str]) -> None:
        """Turn it on."""
        on.paused_markets |= set(markets) if self.market is None else {self.market}


class BadLine(SwitchRule, frozen=True, kw_only=True):
    """WebSocket messages are lost, doubled, swapped or drift, each by chance: see `LineFaults`."""

    drop: Share = 0.0
    duplicate: Share = 0.0
    reorder: Share = 0.0
    skip: Share = 0.0
    rename: Share = 0.0
    mistype: Share = 0.0
    seed: int = 0

    def switch(self, on: Interventions, markets: Collection[str]) -> None:
        """Turn it on."""
        on.line = LineFaults(
            drop=self.drop,
            duplicate=self.duplicate,
            reorder=self.reorder,
            skip=self.skip,
            rename=self.rename,
            mistype=self.mistype,
            seed=self.seed,
        )


class Disconnect(Rule, frozen=True, kw_only=True):
    """All WebSockets are cut, as soon as it holds and then again and again.

    Attributes:
        every: venue seconds to the next time; None for once only.
    """

    every: Seconds | None = None

    def due_count(self, since_ms: float, now_ms: int) -> int:
        """Return how often it should have struck, having held since a moment."""
        if self.every is None:
            return 1
        return 1 + int((now_ms - since_ms) / (self.every * 1000))
