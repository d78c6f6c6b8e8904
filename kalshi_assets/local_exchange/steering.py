"""The pages under /local that tell of the exchange itself, and steer it: its clock, money paid in.

`POST /local/clock {"venue_at": "2026-10-13T15:00:00Z", "speed": 1}` goes to a later moment at once;
what was due until then happens in its order, as if the time had passed. `POST /local/transfers
{"account": "…", "amount": "500.00"}` moves an account's money over the bank, as a person would.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kalshi_assets.local_exchange.auth import wall_ms
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import json_response
from kalshi_assets.local_exchange.shards import DEFAULT_SHARD
from kalshi_assets.local_exchange.stream import Hub
from kalshi_assets.local_exchange.units import BALANCE_STEP_MICROS, ONE_DOLLAR, iso, to_ms


class _Clock(msgspec.Struct, forbid_unknown_fields=True):
    venue_at: str | None = None
    speed: float | None = None


class _Transfer(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    amount: Decimal


def clock_view(exchange: Exchange) -> dict[str, object]:
    """Return what is played, and where both clocks stand."""
    now_ms = exchange.moment()
    return {
        "input": exchange.source.name,
        "venue_at": iso(now_ms),
        "wall_at": iso(wall_ms()),
        "speed": exchange.clock.speed,
    }


def local_routes(exchange: Exchange, hub: Hub) -> list[Route]:
    """Return the routes of these pages."""
    pages = SteeringPages(exchange, hub)
    return [
        Route("/local/clock", pages.clock),
        Route("/local/clock", pages.steer, methods=["POST"]),
        Route("/local/transfers", pages.transfer, methods=["POST"]),
        Route("/local/requests", pages.requests),
    ]


class SteeringPages:
    """The pages; what a change does is told to listeners at once."""

    def __init__(self, exchange: Exchange, hub: Hub) -> None:
        self._exchange = exchange
        self._hub = hub

    async def clock(self, request: Request) -> Response:
        """Answer where the clocks stand."""
        return json_response(clock_view(self._exchange), 200)

    async def requests(self, request: Request) -> Response:
        """Answer what was asked of the exchange so far."""
        return json_response(self._exchange.request_log.view(), 200)

    async def steer(self, request: Request) -> Response:
        """Go to a later moment, or run at another speed from now on; answer as `clock` does."""
        clock = self._exchange.clock
        try:
            wanted = msgspec.json.decode(await request.body(), type=_Clock)
            to_ms = None if wanted.venue_at is None else _ms(wanted.venue_at)
            clock.steer(to_ms, speed=clock.speed if wanted.speed is None else wanted.speed)
        except ValueError as exc:
            return _refused(exc)
        answer = clock_view(self._exchange)
        self._hub.advance()
        return json_response(answer, 200)

    async def transfer(self, request: Request) -> Response:
        """Pay money in, or out where it is negative; answer the cash there is now."""
        exchange = self._exchange
        now_ms = exchange.moment()
        try:
            wanted = msgspec.json.decode(await request.body(), type=_Transfer)
            steps = wanted.amount * ONE_DOLLAR
            if not steps or steps != steps.to_integral_value():
                raise ValueError(f"amount {wanted.amount} is no sum in steps of 0.0001 dollars")
            with exchange.store.transaction():
                micros = int(steps) * BALANCE_STEP_MICROS
                exchange.ledger.transfer(
                    wanted.account, DEFAULT_SHARD, micros=micros, now_ms=now_ms
                )
        except ValueError as exc:
            return _refused(exc)
        answer: dict[str, Any] = {"cash_micros": exchange.ledger.cash_micros(wanted.account)}
        self._hub.advance()
        return json_response(answer, 200)


def _ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"venue_at {text!r} has no offset from UTC: add Z")
    return to_ms(moment)


def _refused(exc: ValueError) -> Response:
    return json_response({"error": str(exc)}, 400)
