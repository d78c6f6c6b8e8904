"""`upgrade-check`: whether what runs here may be stopped for another version."""

from kalshi_assets.runtime.trading import at_work
from kalshi_assets.settings import Settings
from kalshi_assets.storage.dagster_record import unfinished_runs
from kalshi_assets.storage.ledger import live_orders
from kalshi_assets.storage.trading_state import current_state


def obstacles(given: Settings) -> list[str]:
    """Return what stands against an upgrade now, a sentence each; none where it may go on.

    Trading must be halted: else an order could follow between this answer and the end.

    Raises:
        KalshiAssetsError: nothing runs here, or its database gives no answer.
    """
    with at_work(given) as (_, database), database.transaction() as connection:
        state = current_state(connection)
        orders = live_orders(connection)
        runs = unfinished_runs(connection)
    said = [] if state == "halted" else [f"trading is {state}: run `kalshi-assets halt` first"]
    said += [
        f"order {one.client_order_id} in {one.market_ticker} is {one.status}: it is cancelled or "
        "settled by itself, ask again"
        for one in orders
    ]
    return said + [f"a run of {job} is under way: ask again when it has ended" for job in runs]
