"""Stream and REST agree after anything: books, fills, orders and positions."""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER
from kalshi_assets_tests.local_exchange.stream.bench import (
    OTHER,
    Client,
    Stand,
    both_scales,
    stand,
)

prices = st.integers(40, 60).map(lambda cents: f"0.{cents}")
sizes = st.integers(1, 6).map(str)
accounts = st.sampled_from(["me", "you"])
sides = st.sampled_from(["bid", "ask"])
ways = st.sampled_from(["good_till_canceled", "immediate_or_cancel", "fill_or_kill"])
deeds = st.one_of(
    st.tuples(st.just("order"), accounts, sides, prices, sizes, ways, st.sampled_from([0, 0, 3])),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("quote"), st.lists(sizes, max_size=3), st.lists(sizes, max_size=3), prices),
    st.tuples(st.just("trade"), sides, prices, sizes),
    st.tuples(st.just("wait"), st.integers(1, 9)),
    st.tuples(st.just("ask again"), st.sampled_from(["get_snapshot", "anew"])),
)


class Doing:
    """Carries deeds out on a stand, and keeps what they need of each other."""

    def __init__(self) -> None:
        self.floor = stand(OTHER)
        self.orders: list[Any] = []
        self.yes, self.no = both_scales(self.floor)
        self.mine = {name: self.floor.client(name) for name in ("me", "you")}
        for client in self.mine.values():
            client.subscribe("fill", "user_orders", "market_positions")
        self._later = 0.0

    def do(self, kind: str, *details: Any) -> None:
        if kind == "order":
            account, side, at, size, way, expiry = details
            changes = {"time_in_force": way}
            if expiry and way == "good_till_canceled":
                changes["expiration_time"] = self.floor.clock.now_ms() // 1000 + expiry
            order = self.floor.place(account, side, at, size, **changes)
            self.orders += [order] if order else []
        elif kind == "cancel":
            self._cancel(*details)
        elif kind == "quote":
            self._quote(*details)
        elif kind == "trade":
            self.floor.tape.trade(*details, at=self._soon())
        elif kind == "wait":
            self.floor.wait(details[0])
        elif details[0] == "get_snapshot":
            self.yes.send("update_subscription", sid=1, action="get_snapshot", market_ticker=TICKER)
        else:
            self.no.send("unsubscribe", sids=[self.no.session.subscriptions[0].sid])
            self.no.books()

    def _cancel(self, index: int) -> None:
        if index < len(self.orders):
            found = self.floor.exchange.orders.by_id(self.orders[index].order_id)
            if found.status == "resting":
                self.floor.cancel(found)

    def _quote(self, bids: list[str], asks: list[str], middle: str) -> None:
        cents = int(middle[2:])
        self.floor.tape.quote(
            bids=[(f"0.{cents - 1 - i}", size) for i, size in enumerate(bids)],
            asks=[(f"0.{cents + 1 + i}", size) for i, size in enumerate(asks)],
            at=self._soon(),
        )

    def _soon(self) -> float:
        """A moment that is still to come, each after the last."""
        now = (self.floor.clock.now_ms() - NOON_MS) / 1000
        self._later = max(now, self._later) + 0.5
        return self._later


@settings(max_examples=60, deadline=None)
@given(st.lists(deeds, max_size=25))
def test_stream_and_rest_agree_after_anything(history: list[tuple[Any, ...]]) -> None:
    doing = Doing()
    for kind, *details in history:
        doing.do(kind, *details)
        assert doing.yes.book() == doing.no.book() == doing.floor.rest_book()
    doing.floor.wait(3600)
    assert doing.yes.book() == doing.no.book() == doing.floor.rest_book()
    for account, client in doing.mine.items():
        agrees_with_rest(doing.floor, account, client)
    for client in (doing.yes, doing.no, *doing.mine.values()):
        numbers_have_no_gap(client)


def agrees_with_rest(floor: Stand, account: str, client: Client) -> None:
    """The private channels tell of every fill, and end where orders and positions stand."""
    rows = floor.exchange.store.rows("select * from fills where account = ?", account)
    fills = [f["msg"] for f in client.of("fill")]
    assert sorted((f["trade_id"], f["fee_cost"], f["count_fp"]) for f in fills) == sorted(
        (r["trade_id"], f"{r['fee_micros'] / 1e6:.6f}", f"{r['count'] / 100:.2f}") for r in rows
    )
    position = floor.exchange.ledger.position(account, TICKER)
    for told in client.of("market_position")[-1:]:
        assert told["msg"]["position_fp"] == f"{position.position / 100:.2f}"
        assert told["msg"]["position_cost_dollars"] == f"{position.cost_micros / 1e6:.6f}"
        assert told["msg"]["fees_paid_dollars"] == f"{position.fees_micros / 1e6:.6f}"
    assert bool(rows) == bool(client.of("market_position"))
    told_orders = {f["msg"]["order_id"]: f["msg"] for f in client.of("user_order")}
    stored = floor.exchange.store.rows("select * from orders where account = ?", account)
    assert told_orders.keys() == {row["order_id"] for row in stored}
    for row in stored:
        told = told_orders[row["order_id"]]
        assert told["status"] == row["status"]
        assert told["fill_count_fp"] == f"{row['fill_count'] / 100:.2f}"
        assert told["remaining_count_fp"] == f"{row['remaining_count'] / 100:.2f}"


def numbers_have_no_gap(client: Client) -> None:
    numbered = sorted((frame["sid"], frame["seq"]) for frame in client.seen if "seq" in frame)
    for _, frames in itertools.groupby(numbered, key=lambda pair: pair[0]):
        numbers = [number for _, number in frames]
        assert numbers == list(range(1, len(numbers) + 1))
