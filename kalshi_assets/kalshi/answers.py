"""Answers near an order, where everything fails closed: one malformed row fails the whole call."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import httpx

from kalshi_assets.errors import ExchangeError, PayloadError, UnknownOutcome
from kalshi_assets.kalshi.body import Body, Row
from kalshi_assets.kalshi.connection import is_success
from kalshi_assets.kalshi.failures import leaves_outcome_open
from kalshi_assets.kalshi.schemas import Payload, read_payload
from kalshi_assets.kalshi.schemas_exchange import ExchangeStatusPayload
from kalshi_assets.kalshi.schemas_orders import OrderWritePayload

T = TypeVar("T")
S = TypeVar("S", bound=Payload)
W = TypeVar("W", bound=OrderWritePayload)

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


def read_outcome(
    schema: type[W], body: Body, *, order_id: str | None = None, client_order_id: str | None = None
) -> W:
    """Return the answer to a write about this order, as far as its ids are known.

    Raises:
        PayloadError: it cannot be read or is about another order.
    """
    answer = read_payload(schema, body.whole)
    if order_id not in (None, answer.order_id):
        raise PayloadError(f"it is about order {answer.order_id}", payload=body.content)
    if client_order_id is not None and answer.client_order_id not in (None, client_order_id):
        raise PayloadError(f"it is about order {answer.client_order_id}", payload=body.content)
    return answer


@contextmanager
def outcome_known(
    source: str, *, order_id: str | None = None, client_order_id: str | None = None
) -> Iterator[None]:
    """Turn what leaves a write's outcome open into `UnknownOutcome`; the rest passes.

    Raises:
        UnknownOutcome: the write was sent, and no answer told what became of it.
    """
    look_up = "the outcome is unknown, look it up in the list of orders"
    try:
        yield
    except PayloadError as exc:
        raise UnknownOutcome(
            f"{source}: a success that says something else ({exc}); {look_up}",
            client_order_id=client_order_id,
            order_id=order_id,
        ) from exc
    except ExchangeError as exc:
        if not leaves_outcome_open(exc):
            raise
        raise UnknownOutcome(
            f"{exc}; {look_up}", client_order_id=client_order_id, order_id=order_id, cause=exc
        ) from exc


def states_status(response: httpx.Response) -> bool:
    """Tell whether an answer states the exchange's status: a success, or trouble that says so."""
    if is_success(response) or response.status_code not in STATUS_OF_TROUBLE:
        return is_success(response)
    try:
        read_payload(ExchangeStatusPayload, Body(response.content, "GET /exchange/status").whole)
    except PayloadError:
        return False
    return True
