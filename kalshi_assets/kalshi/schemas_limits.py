"""Payloads of what an account may ask of the exchange: its token buckets, the cost of calls.

Field names are the exchange's own; each schema turns itself into a value of `domain/`.
"""

from kalshi_assets.domain.exchange import (
    AccountLimits,
    EndpointCost,
    EndpointCosts,
    TokenBudget,
    UsageGrant,
)
from kalshi_assets.kalshi.schemas import EpochSeconds, Identifier, Payload, Text, Whole


class BudgetPayload(Payload):
    """One token bucket."""

    refill_rate: Whole
    bucket_capacity: Whole

    def to_domain(self) -> TokenBudget:
        """Return the bucket's size."""
        return TokenBudget(self.refill_rate, self.bucket_capacity)


class GrantPayload(Payload):
    """A usage level given to the account."""

    exchange_instance: Identifier
    level: Identifier
    source: Text
    expires_ts: EpochSeconds | None = None


class AccountLimitsPayload(Payload):
    """Answer of `GET /account/limits`."""

    usage_tier: Identifier
    read: BudgetPayload
    write: BudgetPayload
    grants: list[GrantPayload]

    def to_domain(self) -> AccountLimits:
        """Return the limits."""
        return AccountLimits(
            usage_tier=self.usage_tier,
            read=self.read.to_domain(),
            write=self.write.to_domain(),
            grants=tuple(
                UsageGrant(g.exchange_instance, g.level, g.source, g.expires_ts)
                for g in self.grants
            ),
        )


class EndpointCostPayload(Payload):
    """The cost of one kind of call."""

    method: Identifier
    path: Identifier
    cost: Whole


class EndpointCostsPayload(Payload):
    """Answer of `GET /account/endpoint_costs`."""

    default_cost: Whole
    endpoint_costs: list[EndpointCostPayload]

    def to_domain(self) -> EndpointCosts:
        """Return the costs."""
        listed = (EndpointCost(c.method, c.path, c.cost) for c in self.endpoint_costs)
        return EndpointCosts(self.default_cost, tuple(listed))
