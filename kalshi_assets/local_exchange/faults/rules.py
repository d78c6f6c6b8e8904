"""What every rule has: when it holds; and of a rule on calls: which of them, and how often.

A rule is one JSON object. `vocabulary` knows the kinds by name.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.local_exchange.gate import PREFIX, Endpoint
from kalshi_assets.local_exchange.interventions import Interventions
from kalshi_assets.local_exchange.units import to_ms

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Moment = float | Annotated[datetime, Meta(tz=True)]
Proceed = Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Stage:
    """What rules are checked against.

    Attributes:
        operations: every operation served.
        markets: the tape's tickers.
        started_ms: the input's first moment, which `from` and `until` count from.
    """

    operations: Collection[Endpoint]
    markets: Collection[str]
    started_ms: int


class Rule(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A fault and when it holds.

    Attributes:
        from_: begins here: venue seconds after the input's start, or an ISO moment with offset.
        until: ends before this moment, given likewise.
    """

    from_: Moment | None = None
    until: Moment | None = None

    def check(self, stage: Stage) -> None:
        """Check what a single value does not show.

        Raises:
            ValueError: naming the value and the way out.
        """
        start, end = self.span(stage.started_ms)
        if start >= end:
            raise ValueError(f"until {self.until} is not after from {self.from_}: it never holds")

    def span(self, started_ms: int) -> tuple[float, float]:
        """Return the venue's moments it holds from and until."""
        start = float("-inf") if self.from_ is None else _moment(self.from_, started_ms)
        return start, float("inf") if self.until is None else _moment(self.until, started_ms)


class CallRule(Rule, frozen=True, kw_only=True):
    """A fault of calls.

    Attributes:
        method: GET, POST, …; None for any.
        path: an operation's path below `/trade-api/v2` as the documents write it:
            `/markets/{ticker}`; None for any.
        operation: an operation's name as the documents give it: `CreateOrderV2`; None for any.
        times: how many calls it strikes; None for no end.
        share: how many of the calls it strikes, by chance; 1 for each of them.
        seed: of the chance: the same calls in the same order meet the same faults.
    """

    method: str | None = None
    path: str | None = None
    operation: str | None = None
    times: Annotated[int, Meta(ge=1)] | None = None
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    seed: int = 0

    def check(self, stage: Stage) -> None:
        """Refuse a rule that no call can ever meet."""
        super().check(stage)
        if any(self.is_on(endpoint) for endpoint in stage.operations):
            return
        asked = (("method", self.method), ("path", self.path), ("operation", self.operation))
        told = ", ".join(f"{name} {value!r}" for name, value in asked if value is not None)
        known = ", ".join(sorted(endpoint.operation for endpoint in stage.operations))
        raise ValueError(
            f"no operation has {told}: path is written like /markets/{{ticker}}, operation is one"
            f" of {known}"
        )

    def is_on(self, endpoint: Endpoint) -> bool:
        """Tell whether an operation's calls are meant."""
        return (
            self.method in (None, endpoint.method)
            and self.path in (None, endpoint.path, PREFIX + endpoint.path)
            and self.operation in (None, endpoint.operation)
        )

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Answer a call that is struck; awaiting `proceed` carries it out."""
        raise NotImplementedError


class SwitchRule(Rule, frozen=True, kw_only=True):
    """A fault that stands in the exchange's switches while it holds."""

    def switch(self, on: Interventions, markets: Collection[str]) -> None:
        """Turn it on."""
        raise NotImplementedError


class FeedRule(Rule, frozen=True, kw_only=True):
    """A fault of the market data feed, see `catalog`.

    Attributes:
        market: the ticker it is on; None for all.
    """

    market: str | None = None

    def check(self, stage: Stage) -> None:
        """Refuse a market that is not on the tape."""
        super().check(stage)
        check_market(self.market, stage)


def check_market(ticker: str | None, stage: Stage) -> None:
    """Refuse a market that is not on the tape."""
    if ticker is not None and ticker not in stage.markets:
        raise ValueError(
            f"market {ticker!r} is not on the tape: it has {', '.join(stage.markets)}; null is all"
        )


def _moment(moment: Moment, started_ms: int) -> float:
    if isinstance(moment, datetime):
        return to_ms(moment)
    return started_ms + moment * 1000
