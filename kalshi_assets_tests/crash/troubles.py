"""What goes wrong at the exchange in a trial, and processes that die while their request is there.

The interceptor of the exchange: a trouble strikes the writes of orders, an outage every call, and
reads may tell the state of a while ago.
"""

import asyncio
import json
import os
import signal
from dataclasses import dataclass, field
from typing import Literal, get_args

from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Endpoint
from kalshi_assets_tests.execution import faults
from kalshi_assets_tests.local_exchange.bench import ScriptedTape
from kalshi_assets_tests.stand import Proceed

Trouble = Literal[
    "none",
    "time-out before",
    "time-out after",
    "executed late",
    "503",
    "outage",
    "broken off",
    "duplicate",
    "reads 60 s old",
    "reads 10 min old",
]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
STALE_MS = {"reads 60 s old": 60_000, "reads 10 min old": 600_000}
# The silence before it is carried out after all ends here whatever a trial forgets.
LONGEST_SECONDS = 20.0


@dataclass
class Death:
    """The process that dies as soon as its request is here, carried out already or not yet."""

    operation: str
    is_carried_out: bool
    pid: int | None = None

    async def come(self) -> None:
        while self.pid is None:
            await asyncio.sleep(0.001)
        os.kill(self.pid, signal.SIGKILL)
        self.operation = ""  # once


@dataclass
class Troubles:
    """The interceptor of one trial's exchange.

    Attributes:
        present: what goes wrong now.
        ask_vanishes: the next order finds nobody selling at the price that was quoted.
        under_way: requests that are here.
        is_released: what was to be executed late is executed now.
        struck: how often a trouble struck.
        writes: every order write that came here, by its operation.
        sent: the client order id of every order that came here.
    """

    exchange: Exchange
    tape: ScriptedTape
    present: Trouble = "none"
    death: Death | None = None
    ask_vanishes: bool = False
    under_way: int = 0
    is_released: bool = False
    struck: int = 0
    writes: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def begin(self, trouble: Trouble) -> None:
        """Let it go wrong from now on."""
        self.present = trouble
        self.exchange.interventions.read_lag_ms = STALE_MS.get(trouble, 0)

    def end(self) -> None:
        """Let all be well."""
        self.begin("none")
        self.is_released = True

    async def __call__(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        self.under_way += 1
        try:
            return await self._meet(request, endpoint, proceed)
        finally:
            self.under_way -= 1

    async def _meet(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        death = self.death
        is_here = death is not None and death.operation == endpoint.operation
        if death and is_here and not death.is_carried_out:
            await death.come()
        if endpoint.is_order_write:
            self.writes.append(endpoint.operation)
        if endpoint.operation == faults.CREATE:
            self.sent.append(json.loads(await request.body())["client_order_id"])
        response = await self._answer(request, endpoint, proceed)
        if death and is_here and death.is_carried_out:
            await death.come()
        return response

    async def _answer(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        if endpoint.operation == faults.CREATE and self.ask_vanishes:
            self.ask_vanishes = False
            second = (self.exchange.clock.now_ms() - self.tape.started_ms) / 1000
            self.tape.quote(bids=[("0.50", "1000")], asks=[("0.58", "1000")], at=second)
        is_write = endpoint.is_order_write
        if self.present == "outage" or (is_write and self.present == "503"):
            self.struck += 1
            error: Response = await faults.answering(503)(request, proceed)
            return error
        if not is_write:
            return await proceed()
        return await self._write(request, proceed)

    async def _write(self, request: Request, proceed: Proceed) -> Response:
        self.struck += self.present != "none"
        if self.present == "time-out before":
            return await _silence(request, Response())
        if self.present == "time-out after":
            return await _silence(request, await proceed())
        if self.present == "executed late":
            await self._released()
            return await proceed()
        if self.present == "broken off":
            return await faults.broken_off_after_execution(request, proceed)
        if self.present == "duplicate":
            await proceed()
        return await proceed()

    async def _released(self) -> None:
        for _ in range(int(LONGEST_SECONDS / 0.005)):
            if self.is_released:
                return
            await asyncio.sleep(0.005)


async def _silence(request: Request, response: Response) -> Response:
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    return response
