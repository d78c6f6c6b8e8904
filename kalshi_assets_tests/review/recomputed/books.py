"""Who bought what, and how it ended: fills and settlements followed contract by contract.

A holding is a queue of purchases, first in, first out; an exit of the bot's takes its own first.
Whole micros are split so that they add up: each share is the difference of cumulated, cut ones.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Any

from kalshi_assets_tests.review.recomputed import queries
from kalshi_assets_tests.review.recomputed.tables import Row, Tables

DOLLAR = 1_000_000


@dataclass
class Trip:
    """One signal's purchases, or one order's by hand, and what came of them."""

    kind: str
    source: str
    ticker: str
    side: str
    strategy: str | None
    opened_at: datetime
    count: int = 0
    cost: int = 0
    entry_fees: int = 0
    closed: int = 0
    proceeds: int = 0
    exit_fees: int = 0
    spent: int = 0
    last_at: datetime | None = None
    marks: int | None = 0
    weighed: dict[str, Fraction | None] = field(default_factory=dict)

    @property
    def closed_at(self) -> datetime | None:
        return self.last_at if self.closed == self.count else None

    @property
    def result(self) -> int | None:
        realized = self.proceeds - self.exit_fees - self.spent
        if self.closed == self.count:
            return realized
        left = self.cost + self.entry_fees - self.spent
        return None if self.marks is None else realized + self.marks - left

    @property
    def fees(self) -> int:
        return self.entry_fees + self.exit_fees

    def price(self, name: str) -> int | None:
        """Return mean, mid or limit, rounded to a micro, halves up."""
        total = self.weighed.get(name)
        return None if total is None else (2 * total / self.count + 1) // 2

    def weigh(self, name: str, value: Fraction | None, count: int) -> None:
        before = self.weighed.get(name, Fraction(0))
        is_known = value is not None and before is not None
        self.weighed[name] = (before or 0) + count * (value or Fraction(0)) if is_known else None


@dataclass
class Lot:
    trip: Trip
    count: int
    cost: int
    fee: int


@dataclass
class Told:
    """All trips and overrides up to a moment."""

    trips: list[Trip]
    overrides: list[Row]
    unassigned: int


class Books:
    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.trips: dict[tuple[str, str, str], Trip] = {}
        self.lots: dict[str, list[Lot]] = defaultdict(list)
        self.ends: list[Row] = []
        self.added: list[Row] = []
        self.unassigned = 0
        orders = tables.rows(queries.ORDERS)
        self.orders = {row["venue_order_id"]: row for row in orders if row["venue_order_id"]}
        self.all_orders = orders
        foreign = tables.rows("SELECT order_id, kind FROM kalshi.foreign_orders")
        self.foreign = {row["order_id"]: row["kind"] for row in foreign}

    def follow(self) -> Told:
        self._open_with_what_was_held()
        for event in sorted(self._events(), key=lambda e: e["key"]):
            (self._fill if "fill_id" in event else self._settle)(event)
        self._mark()
        return Told(list(self.trips.values()), [*self._overrides()], self.unassigned)

    def _open_with_what_was_held(self) -> None:
        opening = "SELECT * FROM kalshi.cash_movements WHERE kind = 'opening'"
        for row in self.tables.rows(opening):
            for ticker, (count, cost) in row["positions"].items():
                if count:
                    side = "yes" if count > 0 else "no"
                    order = {"fee": 0, "at": row["at"], "ticker": ticker, "side": side}
                    self._add(("opening", ticker), {**order, "count": abs(count), "cost": cost})

    def _events(self) -> list[Row]:
        fills = self.tables.rows(queries.FILLS)
        paid = self.tables.rows(queries.SETTLEMENTS)
        for row in fills:
            row["key"] = row["filled_at"], 0, row["fill_id"]
        for row in paid:
            row["key"] = row["settled_at"], 1, row["market_ticker"]
        return [*fills, *paid]

    def _fill(self, fill: Row) -> None:
        order = self.orders.get(fill["venue_order_id"])
        lots = self.lots[fill["market_ticker"]]
        price = fill["yes_price"] if fill["side"] == "yes" else DOLLAR - fill["yes_price"]
        held = [lot for lot in lots if lot.trip.side != fill["side"]]
        if order is not None and order["leg"] == "exit":
            held = [o for o in held if o.trip.kind == "bot"] + [
                o for o in held if o.trip.kind != "bot"
            ]
        taken, left = [], fill["count"]
        for lot in held:
            part = min(lot.count, left)
            if part:
                taken.append((lot, part))
                left -= part
        weights = [part for _, part in taken] + [left]
        costs = split(-(-fill["count"] * price // 100), weights)
        fees = split(fill["fee_micros"], weights)
        for (lot, part), cost, fee in zip(taken, costs[:-1], fees[:-1], strict=True):
            self._close(
                lot,
                part,
                proceeds=part * (DOLLAR // 100) - cost,
                fee=fee,
                at=fill["filled_at"],
                by=self._who(fill, order),
            )
        if left:
            own = {"count": left, "cost": costs[-1], "fee": fees[-1], "at": fill["filled_at"]}
            own |= {"ticker": fill["market_ticker"], "side": fill["side"], "order": order}
            self._add(self._who(fill, order), own)

    def _who(self, fill: Row, order: Row | None) -> tuple[str, str]:
        if order is not None:
            return ("exit" if order["leg"] == "exit" else "bot"), order["signal_id"]
        is_manual = self.foreign.get(fill["venue_order_id"]) == "manual"
        return ("manual" if is_manual else "unknown"), fill["venue_order_id"]

    def _add(self, who: tuple[str, str], own: Row) -> None:
        kind, source = ("bot" if who[0] == "exit" else who[0]), who[1]
        order, lots = own.get("order"), self.lots[own["ticker"]]
        beside = next((lot.trip for lot in lots if lot.trip.kind == "bot"), None)
        trip = self.trips.setdefault(
            (kind, source, own["side"]),
            Trip(
                *(kind, source, own["ticker"], own["side"]),
                None if order is None else order["strategy"],
                own["at"],
            ),
        )
        trip.count += own["count"]
        trip.cost += own["cost"]
        trip.entry_fees += own["fee"]
        for name, is_of_yes in (("mean", True), ("mid", True), ("limit_price", False)):
            value = None if order is None or order[name] is None else Fraction(order[name])
            if value is not None and is_of_yes and own["side"] == "no":
                value = DOLLAR - value
            trip.weigh(name, value, own["count"])
        lots.append(Lot(trip, own["count"], own["cost"], own["fee"]))
        if kind == "manual" and beside is not None:
            self.added.append({"trip": trip, "beside": beside, **own})

    def _close(
        self, lot: Lot, part: int, *, proceeds: int, fee: int, at: datetime, by: tuple[str, str]
    ) -> None:
        cost, rest_cost = split(lot.cost, [part, lot.count - part])
        paid, rest_fee = split(lot.fee, [part, lot.count - part])
        trip = lot.trip
        trip.closed += part
        trip.proceeds += proceeds
        trip.exit_fees += fee
        trip.spent += cost + paid
        trip.last_at = at
        lot.count, lot.cost, lot.fee = lot.count - part, rest_cost, rest_fee
        if not lot.count:
            self.lots[trip.ticker] = [one for one in self.lots[trip.ticker] if one is not lot]
        end = {"trip": trip, "count": part, "spent": cost + paid, "brought": proceeds - fee}
        self.ends.append({**end, "at": at, "by": by})

    def _settle(self, row: Row) -> None:
        winners = {"yes": row["yes_count"], "no": row["no_count"]}.get(row["result"])
        paid = row["revenue_micros"] if winners is None else winners * DOLLAR // 100
        lots = list(self.lots[row["market_ticker"]])
        if not lots:
            self.unassigned += paid
        for lot, share in zip(lots, split(paid, [lot.count for lot in lots]), strict=True):
            by = ("settlement", "")
            self._close(lot, lot.count, proceeds=share, fee=0, at=row["settled_at"], by=by)

    def _mark(self) -> None:
        prices = {
            row["market_ticker"]: row["sell_price"] for row in self.tables.rows(queries.MARKS)
        }
        for ticker, lots in self.lots.items():
            price, counts = prices.get(ticker), [lot.count for lot in lots]
            worth = (
                [None] * len(lots) if price is None else split(sum(counts) * price // 100, counts)
            )
            for lot, share in zip(lots, worth, strict=True):
                known = lot.trip.marks is not None and share is not None
                lot.trip.marks = lot.trip.marks + share if known else None  # type: ignore[operator]

    def _overrides(self) -> list[Row]:
        values = {row["ticker"]: row["yes"] for row in self.tables.rows(queries.YES_VALUES)}
        return [*self._cancelled(values), *self._closed_early(values), *self._doubled()]

    def _cancelled(self, values: dict[str, int]) -> list[Row]:
        found = []
        for row in self.tables.rows(queries.TAKEN_OFF):
            count, yes = row["count"] - row["fill_count"], values.get(row["market_ticker"])
            rule = None
            if yes is not None and row["multiplier"] is not None:
                fee = taker_fee(count, row["limit_price"], row["multiplier"])
                cost = -(-count * row["limit_price"] // 100)
                rule = worth(row["side"], count, yes) - cost - fee
            found.append({"kind": "cancelled", "at": row["at"], "came": 0, "rule": rule})
        return found

    def _closed_early(self, values: dict[str, int]) -> list[Row]:
        groups: dict[Any, list[Row]] = defaultdict(list)
        for end in self.ends:
            if end["by"][0] == "manual" and end["trip"].kind == "bot":
                groups[id(end["trip"]), end["by"][1]].append(end)
        exits = self.tables.rows(queries.RULE_EXITS)
        return [self._early(ends, values, exits) for ends in groups.values()]

    def _early(self, ends: list[Row], values: dict[str, int], exits: list[Row]) -> Row:
        trip, at, count = ends[0]["trip"], ends[0]["at"], sum(end["count"] for end in ends)
        spent = sum(end["spent"] for end in ends)
        later = [
            e
            for e in exits
            if (e["market_ticker"], e["side"]) == (trip.ticker, trip.side) and e["judged_at"] >= at
        ]
        order = next(o for o in self.all_orders if o["signal_id"] == trip.source)
        kept = None
        if later:
            quote = min(later, key=lambda e: e["judged_at"])["quote"]
            bid = int(quote["yes_bid"]) if quote["yes_bid_size"] > 0 else 0
            if trip.side == "no":
                bid = DOLLAR - int(quote["yes_ask"]) if quote["yes_ask_size"] > 0 else 0
            if order["multiplier"] is not None:
                kept = count * bid // 100 - taker_fee(count, bid, order["multiplier"])
        elif trip.ticker in values:
            kept = worth(trip.side, count, values[trip.ticker])
        came = sum(end["brought"] for end in ends) - spent
        rule = None if kept is None else kept - spent
        return {"kind": "closed_early", "at": at, "came": came, "rule": rule}

    def _doubled(self) -> list[Row]:
        groups: dict[Any, list[Row]] = defaultdict(list)
        for own in self.added:
            groups[id(own["beside"]), id(own["trip"])].append(own)
        found = []
        for owns in groups.values():
            trip, count = owns[0]["trip"], sum(own["count"] for own in owns)
            came = None if trip.result is None else trip.result * count // trip.count
            found.append({"kind": "doubled", "at": owns[0]["at"], "came": came, "rule": 0})
        return found


def split(amount: int, weights: list[int]) -> list[int]:
    total, done, before, parts = sum(weights), 0, 0, []
    for weight in weights:
        done += weight
        upto = amount * done // total if total else 0
        parts.append(upto - before)
        before = upto
    return parts


def worth(side: str, count: int, yes: int) -> int:
    return count * (yes if side == "yes" else DOLLAR - yes) // 100


def taker_fee(count: int, price: int, multiplier: Any) -> int:
    """7 % of price times what is missing to a dollar, up to the next $0.0001."""
    share = Decimal(price) / DOLLAR
    fee = Decimal("0.07") * Decimal(multiplier) * Decimal(count) / 100 * share * (1 - share)
    return int((fee * 10_000).to_integral_value(ROUND_CEILING)) * 100
