"""The order's state machine and identity.

intent ──> resting ──> filled | canceled        intent: committed, perhaps not sent
   │  └──> filled | canceled | rejected | unknown
   └─────> lapsed                               lapsed: the venue never got it
unknown ─> resting | filled | canceled | lapsed unknown: sent, the answer did not come
"""

import hashlib
import uuid
from typing import Literal

from kalshi_assets.errors import KalshiAssetsError

OrderStatus = Literal["intent", "unknown", "resting", "filled", "canceled", "rejected", "lapsed"]
LIVE: frozenset[OrderStatus] = frozenset({"intent", "unknown", "resting"})
DEAD: frozenset[OrderStatus] = frozenset({"filled", "canceled", "rejected", "lapsed"})
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    "intent": frozenset({"unknown", "resting", "filled", "canceled", "rejected", "lapsed"}),
    "unknown": frozenset({"resting", "filled", "canceled", "lapsed"}),
    "resting": frozenset({"resting", "filled", "canceled"}),
    "filled": frozenset(),
    "canceled": frozenset(),
    "rejected": frozenset(),
    "lapsed": frozenset(),
}
Leg = Literal["entry", "exit"]
_NAMESPACE = uuid.UUID("5a1f9c1e-2a55-5d0e-8f0b-6f1f6b0a6a51").bytes
_DERIVED = 10  # the first bytes of an id; the rest proves that they are ours


class IllegalTransition(KalshiAssetsError):
    """An order was about to go where its state machine does not lead."""


def client_order_id(signal_id: str, *, leg: str, attempt: int) -> str:
    """Return the id a venue knows the order by: the same for the same signal, leg and attempt.

    A UUID that proves its origin: its last six bytes follow from the first ten, so that an order of
    this scheme is recognised wherever it comes from (see `is_of_our_scheme`).
    """
    text = f"{signal_id}|{leg}|{attempt}".encode()
    derived = bytearray(hashlib.sha256(_NAMESPACE + text).digest()[:_DERIVED])
    derived[6] = 0x80 | derived[6] & 0x0F  # version 8: made by a scheme of one's own
    derived[8] = 0x80 | derived[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(derived) + _proof(bytes(derived))))


def is_of_our_scheme(client_id: str) -> bool:
    """Tell whether `client_order_id` made an id: here, or on another host that runs this code."""
    try:
        made = uuid.UUID(client_id).bytes
    except ValueError:
        return False
    return made[_DERIVED:] == _proof(made[:_DERIVED])


def _proof(derived: bytes) -> bytes:
    return hashlib.sha256(_NAMESPACE + b"proof" + derived).digest()[: 16 - _DERIVED]


def require_transition(client_id: str, *, old: OrderStatus, new: OrderStatus) -> None:
    """Refuse a step that the state machine does not have.

    Raises:
        IllegalTransition: naming order and states.
    """
    if new not in TRANSITIONS[old]:
        raise IllegalTransition(f"order {client_id} cannot go from {old} to {new}")


def status_at_venue(venue_status: str, *, fill_count: int, initial_count: int) -> OrderStatus:
    """Return our status for the venue's `resting`, `executed` or `canceled`.

    One that somebody made smaller and that was then executed is `canceled` in its rest.

    Raises:
        ValueError: any other status; a guess could take a live order for dead.
    """
    if venue_status == "resting":
        return "resting"
    if venue_status not in ("executed", "canceled"):
        raise ValueError(f"{venue_status!r} is not an order status of the venue")
    return "filled" if fill_count >= initial_count else "canceled"
