"""The controls of an exchange, with the faults that hold from the beginning."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.local_exchange.faults.catalog import parse_faults
from kalshi_assets.local_exchange.faults.controls import Controls
from kalshi_assets.local_exchange.faults.vocabulary import read_fault_file
from kalshi_assets.local_exchange.gate import Endpoint, Interceptor

if TYPE_CHECKING:
    from kalshi_assets.local_exchange.exchange import Exchange


def open_controls(
    exchange: "Exchange",
    operations: Sequence[Endpoint],
    *,
    fault_file: Path | None,
    disconnect_all: Callable[[], object] = lambda: None,
) -> Controls:
    """Return the controls of an exchange; the input's faults are set, then the file's.

    Args:
        exchange: what it switches.
        operations: every operation it serves.
        fault_file: rules that are set from the beginning.
        disconnect_all: cuts all its WebSockets.

    Raises:
        LocalExchangeError: if a fault cannot hold.
    """
    controls = Controls(
        exchange.tape,
        exchange.interventions,
        operations=operations,
        now_ms=exchange.clock.now_ms,
        disconnect_all=disconnect_all,
    )
    asked = parse_faults(exchange.source.faults, exchange.tape.listings)
    controls.add([{"fault": one.name, "market": one.ticker} for one in asked], place="--fault")
    if fault_file is not None:
        controls.add(read_fault_file(fault_file), place=str(fault_file))
    return controls


def in_turn(first: Interceptor | None, then: Interceptor) -> Interceptor:
    """Return both as one; what the first one answers itself, the other never sees."""
    if first is None:
        return then

    async def both(
        request: Request, endpoint: Endpoint, proceed: Callable[[], Awaitable[Response]]
    ) -> Response:
        return await first(request, endpoint, partial(then, request, endpoint, proceed))

    return both
