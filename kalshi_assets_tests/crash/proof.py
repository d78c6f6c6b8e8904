"""What must be true once all is quiet: the exchange's own books against our ledger, row by row."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kalshi_assets.domain.order import client_order_id, is_of_our_scheme
from kalshi_assets.execution.books import compare
from kalshi_assets.local_exchange.store import Row
from kalshi_assets_tests.crash.stage import Stage
from kalshi_assets_tests.crash.work import LIMITS, desk_of

MICROS = 100  # in the exchange's $0.0001
MOST_COST = 100 * 1_000_000  # 2 % of the 5,000 dollars that the account begins with


@dataclass(frozen=True)
class Found:
    """The two sides: the exchange's rows of our account, and the ledger's."""

    theirs: list[Row]
    fills: list[Row]
    ours: dict[str, dict[str, Any]]

    @property
    def of_ours(self) -> list[Row]:
        """Return the exchange's orders of our scheme."""
        return [row for row in self.theirs if is_of_our_scheme(row["client_order_id"])]


def find(stage: Stage) -> Found:
    """Read both sides."""
    store = stage.exchange.store
    sql = "select * from {} where account = 'me' order by seq"
    return Found(
        theirs=store.rows(sql.format("orders")),
        fills=store.rows(sql.format("fills")),
        ours={str(r["client_order_id"]): r for r in stage.rows("SELECT * FROM kalshi.orders")},
    )


def check(stage: Stage) -> None:
    """Assert every invariant.

    Raises:
        AssertionError: naming what is not so.
    """
    found = find(stage)
    sent_once(stage)
    no_duplicate(found)
    one_live_entry(found)
    one_purchase_a_signal(found)
    no_order_is_lost(found)
    fills_are_the_same(stage, found)
    never_sold_short(found)
    only_what_is_ours_is_sold(found)
    money_is_conserved(stage)


def sent_once(stage: Stage) -> None:
    sent = stage.troubles.sent
    assert len(sent) == len(set(sent)), f"an order was sent twice: {sent}"


def no_duplicate(found: Found) -> None:
    ids = [row["client_order_id"] for row in found.theirs]
    assert len(ids) == len(set(ids)), f"an id twice at the exchange: {ids}"
    attempts = [(o["signal_id"], o["leg"], o["attempt"]) for o in found.ours.values()]
    assert len(attempts) == len(set(attempts)), f"an attempt twice: {attempts}"
    for client_id, (signal, leg, attempt) in zip(found.ours, attempts, strict=True):
        derived = client_order_id(signal, leg=leg, attempt=attempt)
        assert client_id == derived, f"a second host would send {derived}, not {client_id}"


def one_live_entry(found: Found) -> None:
    """At no moment did two entries rest, or could have, in one market."""
    lives = defaultdict(list)
    for row in found.of_ours:
        if row["time_in_force"] == "good_till_canceled":
            end = float("inf") if row["status"] == "resting" else row["updated_ms"]
            lives[row["ticker"]].append((row["created_ms"], end))
    for ticker, spans in lives.items():
        spans.sort()
        for (_, end), (start, _) in pairwise(spans):
            assert start >= end, f"two live entries in {ticker}: {spans}"


def one_purchase_a_signal(found: Found) -> None:
    bought = defaultdict(list)
    for row in found.of_ours:
        order = found.ours.get(row["client_order_id"])
        if row["time_in_force"] == "good_till_canceled" and row["fill_count"]:
            signal = order["signal_id"] if order else "nobody's"
            bought[signal].append(row)
    for signal, rows in bought.items():
        assert len(rows) == 1, f"signal {signal} bought {len(rows)} times"
        cost = rows[0]["initial_count"] * rows[0]["price"]
        assert cost <= MOST_COST, f"signal {signal} staked {cost} micros"
    for order in found.ours.values():
        is_one_of_few = order["leg"] == "exit" or order["attempt"] <= LIMITS.max_attempts
        assert is_one_of_few, f"attempt {order['attempt']} to buy"


def no_order_is_lost(found: Found) -> None:
    theirs = {row["client_order_id"]: row for row in found.of_ours}
    unknown = theirs.keys() - found.ours.keys()
    assert not unknown, f"orders at the exchange that no ledger has: {unknown}"
    for client_id, order in found.ours.items():
        row = theirs.get(client_id)
        status = order["status"]
        if row is None:
            assert status in ("rejected", "lapsed"), (
                f"{client_id} is {status}, the exchange has none"
            )
            continue
        filled = row["fill_count"]
        is_whole = row["status"] == "executed" or filled >= row["initial_count"]
        expected = "filled" if is_whole else row["status"]
        assert status == expected, f"{client_id} is {status}, at the exchange {expected}"
        assert order["fill_count"] == filled, f"{client_id}: {order['fill_count']} of {filled}"
        assert order["venue_order_id"] == row["order_id"]
        assert order["count"] == row["initial_count"]


def fills_are_the_same(stage: Stage, found: Found) -> None:
    recorded = stage.rows("SELECT fill_id, client_order_id, count FROM kalshi.fills")
    ids = {row["order_id"]: row["client_order_id"] for row in found.theirs}
    ours = sorted((r["client_order_id"], r["count"]) for r in recorded if r["client_order_id"])
    scheme = [(ids[row["order_id"]], row["count"]) for row in found.fills]
    theirs = sorted(pair for pair in scheme if is_of_our_scheme(pair[0]))
    assert ours == theirs, f"fills {ours} of the ledger, {theirs} at the exchange"
    assert len(recorded) == len(found.fills)


def only_what_is_ours_is_sold(found: Found) -> None:
    """What somebody else bought on the account is his."""
    bought: dict[str, int] = defaultdict(int)
    sold: dict[str, int] = defaultdict(int)
    for order in found.ours.values():
        legs = bought if order["leg"] == "entry" else sold
        legs[order["market_ticker"]] += order["fill_count"]
    for ticker, count in sold.items():
        assert count <= bought[ticker], f"{count} of {ticker} sold, {bought[ticker]} were ours"


def never_sold_short(found: Found) -> None:
    held: dict[str, int] = defaultdict(int)
    for row in found.fills:
        held[row["ticker"]] += row["count"] if row["side"] == "bid" else -row["count"]
        assert held[row["ticker"]] >= 0, f"more was sold of {row['ticker']} than was held"


def money_is_conserved(stage: Stage) -> None:
    total = stage.exchange.ledger.other_side.books().total
    assert total == stage.money, f"{total} micros at the exchange, {stage.money} at first"
    with desk_of(stage.place, stage.clock) as desk:
        found = compare(desk)
    assert found.is_equal, found.sentence
    stated = stage.exchange.ledger.cash_micros("me")
    assert found.cash_expected == stated == found.cash_stated
