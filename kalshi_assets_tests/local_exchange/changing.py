"""Changes of orders, and who stands where: shared by tests of both."""

from kalshi_assets_tests.local_exchange.bench import TICKER


def amend(caller, order_id, at, total, *, side="bid", **changes):
    body = {"ticker": TICKER, "side": side, "price": at, "count": total, **changes}
    return caller.change(order_id, "amend", **body)


def queue(venue, order_id):
    path = f"/portfolio/orders/{order_id}/queue_position"
    return venue.me.get(path)["queue_position_fp"]


def in_line(venue):
    """Two orders of mine at one price, of three contracts each."""
    return [venue.me.rest("bid", "0.48", "3") for _ in range(2)]
