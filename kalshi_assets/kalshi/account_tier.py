"""What the exchange says an account may spend and what calls cost. Asks nothing by itself."""

from kalshi_assets.errors import PayloadError
from kalshi_assets.kalshi.body import Body
from kalshi_assets.kalshi.rate_limit import BucketSize, Tier
from kalshi_assets.kalshi.schemas import read_payload
from kalshi_assets.kalshi.schemas_limits import AccountLimitsPayload, EndpointCostsPayload
from kalshi_assets.kalshi.wire import API_PREFIX

LIMITS, COSTS = "/account/limits", "/account/endpoint_costs"


def read_tier(limits: Body, costs: Body) -> Tier:
    """Return the tier that the answers of `LIMITS` and `COSTS` state.

    Raises:
        PayloadError: one of them cannot be read, or states a bucket that never fills.
    """
    sizes = read_payload(AccountLimitsPayload, limits.whole)
    listed = read_payload(EndpointCostsPayload, costs.whole)
    buckets = (sizes.read, sizes.write)
    if any(bucket.refill_rate <= 0 or bucket.bucket_capacity <= 0 for bucket in buckets):
        raise PayloadError(
            f"{limits.source}: a bucket of the account holds nothing or never fills",
            payload=limits.content,
        )
    read, write = (BucketSize(float(b.refill_rate), float(b.bucket_capacity)) for b in buckets)
    return Tier(
        read=read,
        write=write,
        default_cost=listed.default_cost,
        costs={
            f"{item.method} {item.path.removeprefix(API_PREFIX)}": item.cost
            for item in listed.endpoint_costs
        },
    )
