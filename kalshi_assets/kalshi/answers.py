"""Answers near an order, where everything fails closed: one malformed row fails the whole call."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import httpx

from kalshi_assets.errors import PayloadError, TransportError
from kalshi_assets.kalshi.body import Body, Row
from kalshi_assets.kalshi.connection import is_success
from kalshi_assets.kalshi.schemas import Payload, read_payload
from kalshi_assets.kalshi.schemas_account import CancelledOrderPayload, CreatedOrderPayload
from kalshi_assets.kalshi.schemas_market import ExchangeStatusPayload

T = TypeVar("T")
S = TypeVar("S", bound=Payload)

# During maintenance the exchange states its status under these as well.
STATUS_OF_TROUBLE = frozenset({500, 503, 504})


def read_all(
    schema: type[S], rows: Iterable[Row], convert: Callable[[S], T], key: Callable[[T], Hashable]
) -> list[T]:
    """Return all rows of a list; a row that came twice and says the same counts once.

    Raises:
        PayloadError: a row is malformed, or two rows contradict each other.
    """
    found: dict[Hashable, T] = {}
    for row in rows:
        value = convert(read_payload(schema, row))
        if found.setdefault(key(value), value) != value:
            raise PayloadError(
                f"{row.source}: {key(value)} came twice and differs: read it again", payload=row.raw
            )
    return list(found.values())


def read_created(body: Body, client_order_id: str) -> CreatedOrderPayload:
    """Return the answer to the order of this client order id.

    Raises:
        TransportError: it cannot be read or is about another order: the outcome is unknown.
    """
    created = _read_outcome(CreatedOrderPayload, body)
    if created.client_order_id not in (None, client_order_id):
        raise _unknown_outcome(body, f"it is about order {created.client_order_id}")
    return created


def read_cancelled(body: Body, order_id: str) -> CancelledOrderPayload:
    """Return the answer to the cancel of this order.

    Raises:
        TransportError: it cannot be read or is about another order: the outcome is unknown.
    """
    cancelled = _read_outcome(CancelledOrderPayload, body)
    if cancelled.order_id != order_id:
        raise _unknown_outcome(body, f"it is about order {cancelled.order_id}")
    return cancelled


def states_status(response: httpx.Response) -> bool:
    """Tell whether an answer states the exchange's status: a success, or trouble that says so."""
    if is_success(response) or response.status_code not in STATUS_OF_TROUBLE:
        return is_success(response)
    try:
        read_payload(ExchangeStatusPayload, Body(response.content, "GET /exchange/status").whole)
    except PayloadError:
        return False
    return True


def _read_outcome(schema: type[S], body: Body) -> S:
    try:
        return read_payload(schema, body.whole)
    except PayloadError as exc:
        raise _unknown_outcome(body, str(exc)) from exc


def _unknown_outcome(body: Body, why: str) -> TransportError:
    return TransportError(
        f"{body.source}: a success that says something else ({why}); "
        "the outcome is unknown, look it up in the list of orders"
    )
