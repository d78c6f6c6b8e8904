"""Steps that the tests of halting, resting and selling share, on a loaded stand."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from kalshi_assets.domain.account import OrderRequest, Side, VenueOrder
from kalshi_assets.execution import account, place
from kalshi_assets.execution.judge import judge_open_signals
from kalshi_assets.execution.place import place_approved
from kalshi_assets.execution.resting import Tended, tend
from kalshi_assets_tests.execution.faults import Row, altered_markets
from kalshi_assets_tests.stand import OVERREACTING, Stand

HELD = "KXCPIYOY-26OCT-T3.0"


def judge_and_place(stand: Stand) -> None:
    """Do what the order job does between its checks and its reports, a second later."""
    for module in (place, account):  # this clock stands still: nothing to await
        stand.patch.setattr(module, "READS_SECONDS", 0.0)
    stand.creep()
    stand.later(1)
    with stand.desk() as desk:
        judge_open_signals(desk)
        place_approved(desk)
        account.record_fills(desk)


def make_resting(stand: Stand) -> dict[str, Any]:
    """Order at a bid that has gone when the order arrives: it rests. Return it."""

    def better(row: Row) -> list[Row]:
        moved = {n: f"{float(row[n]) + 0.02:.4f}" for n in ("yes_bid_dollars", "yes_ask_dollars")}
        return [{**row, **moved}]

    stand.faults.fault = altered_markets(better)
    judge_and_place(stand)
    stand.faults.fault = None
    [order] = orders(stand)
    assert (order["status"], order["fill_count"]) == ("resting", 0)
    return order


def tend_once(stand: Stand, seconds: float = 60) -> Tended:
    """Let the order job look after what rests, a while later, its data as fresh as before."""
    stand.later(seconds)
    for table, column in (("signals", "last_seen_at"), ("verdicts", "as_of")):
        stand.execute(f"UPDATE kalshi.{table} SET {column} = :now", now=stand.now)  # noqa: S608
    with stand.desk() as desk:
        return tend(desk, judge_open_signals(desk))


def order_by_hand(
    stand: Stand, side: Side = "yes", *, ticker: str = HELD, cents: int = 2, contracts: int = 10
) -> str:
    """Order on the same account as another client would, and return the venue's id."""
    expires = stand.now + timedelta(hours=5)
    name = f"by hand {side} {ticker} {cents} {contracts}"
    with stand.desk() as desk:
        request = OrderRequest(name, ticker, side, cents * 10_000, contracts * 100, expires)
        return desk.venue.create_order(request).order_id


def orders(stand: Stand, leg: str = "entry") -> list[dict[str, Any]]:
    """Return our orders of a leg, by attempt."""
    query = "SELECT * FROM kalshi.orders WHERE leg = :leg ORDER BY attempt"
    return stand.rows(query, leg=leg)


def at_exchange(stand: Stand) -> dict[str, VenueOrder]:
    """Return all of the account's orders, by the venue's id."""
    with stand.desk() as desk:
        return {order.order_id: order for order in desk.venue.orders()}


def position(stand: Stand, ticker: str = OVERREACTING) -> int:
    """Return what the venue says is held of a market, centicontracts."""
    with stand.desk() as desk:
        return sum(p.position for p in desk.venue.positions() if p.market_ticker == ticker)


def states(stand: Stand) -> Sequence[tuple[str, str]]:
    """Return every change of the trading state, with its cause."""
    rows = stand.rows("SELECT state, cause FROM kalshi.trading_state ORDER BY state_id")
    return [(row["state"], row["cause"]) for row in rows]
