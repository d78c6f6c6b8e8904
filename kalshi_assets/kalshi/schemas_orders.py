"""Payloads that answer order writes. They state no status, and may leave out what did not change.

Field names are the exchange's own; each schema turns itself into a value of `domain/`.
"""

from kalshi_assets.domain.account import AmendAck, CancelAck, DecreaseAck, OrderAck
from kalshi_assets.kalshi.schemas import Count, EpochMillis, Identifier, Payload, Text


class OrderWritePayload(Payload):
    """What all of them share; the client order id may be left out."""

    order_id: Identifier
    client_order_id: Text | None = None
    ts_ms: EpochMillis


class CreatedOrderPayload(OrderWritePayload):
    """Answer to a V2 order."""

    fill_count: Count
    remaining_count: Count

    def to_domain(self) -> OrderAck:
        """Return the acknowledgement."""
        return OrderAck(self.order_id, self.fill_count, self.remaining_count, self.ts_ms)


class AmendedOrderPayload(OrderWritePayload):
    """Answer to an amendment; the counts come where they changed."""

    fill_count: Count | None = None
    remaining_count: Count | None = None

    def to_domain(self) -> AmendAck:
        """Return the acknowledgement."""
        return AmendAck(self.order_id, self.fill_count, self.remaining_count, self.ts_ms)


class DecreasedOrderPayload(OrderWritePayload):
    """Answer to a decrease: how many contracts still rest."""

    remaining_count: Count

    def to_domain(self) -> DecreaseAck:
        """Return the acknowledgement."""
        return DecreaseAck(self.order_id, self.remaining_count, self.ts_ms)


class CancelledOrderPayload(OrderWritePayload):
    """Answer to a cancel: how many contracts it took off the book."""

    reduced_by: Count

    def to_domain(self) -> CancelAck:
        """Return the acknowledgement."""
        return CancelAck(self.order_id, self.reduced_by, self.ts_ms)
