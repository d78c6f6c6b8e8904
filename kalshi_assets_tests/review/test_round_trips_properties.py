"""Whatever is traded, no micro and no contract is lost, and none is counted twice."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.account import Fill, Settlement, Side
from kalshi_assets.domain.journal import Books, RoundTrip
from kalshi_assets.execution.paper_account import Holding
from kalshi_assets.review.lots import shares
from kalshi_assets.review.round_trips import journal_of
from kalshi_assets_tests.review.journal_bench import OPENED, bot_order

MARKETS = ("KXA-1", "KXB-1")
SIDES: tuple[Side, Side] = ("yes", "no")
# By order: the kind of trip it makes, its leg, and what the trip is named by.
BUYERS = {
    f"{ticker}/{leg}{name}": (kind, leg, f"{ticker}/{name}")
    for ticker in MARKETS
    for kind, leg, name in [
        ("bot", "entry ", "S1"),
        ("bot", "entry ", "S2"),
        ("bot", "exit ", "S1"),
        ("bot", "exit ", "S2"),
        ("manual", "", "hand-1"),
        ("manual", "", "hand-2"),
        ("unknown", "", "elsewhere"),
    ]
}


@st.composite
def account_books(draw: st.DrawFn) -> Books:
    """Draw fills of bot and hands in two markets, some at one moment, and perhaps settlements."""
    fills = [draw_fill(draw, number) for number in range(draw(st.integers(0, 14)))]
    held = {
        ticker: (position, abs(position) * draw(st.integers(0, 9_999)) + draw(st.integers(0, 9)))
        for ticker in MARKETS
        if (position := draw(st.integers(-25, 25)))
    }
    books = Books(
        opened_at=OPENED,
        held_at_opening=held,
        fills=fills,
        settlements=[],
        orders=[
            replace(
                bot_order(0, side="yes", price="0.5", count="1", signal=name, leg=leg.strip()),
                client_order_id=f"ours {order_id}",
                venue_order_id=order_id,
            )
            for order_id, (kind, leg, name) in BUYERS.items()
            if kind == "bot"
        ],
        foreign_kinds={i: "manual" for i, (kind, _, _) in BUYERS.items() if kind == "manual"},
        yes_values={},
        rule_exits={},
    )
    settled = [s for t in MARKETS if (s := draw_settlement(draw, books, t)) is not None]
    return replace(books, settlements=settled)


def draw_fill(draw: st.DrawFn, number: int) -> Fill:
    order_id = draw(st.sampled_from(sorted(BUYERS)))
    return Fill(
        fill_id=f"fill-{number:02}",
        order_id=order_id,
        market_ticker=order_id.split("/")[0],
        side=draw(st.sampled_from(SIDES)),
        count=draw(st.integers(1, 30)),
        yes_price=draw(st.integers(1, 9_999)) * 100,
        fee_micros=draw(st.integers(0, 1_000)),
        is_taker=draw(st.booleans()),
        filled_at=OPENED + timedelta(seconds=draw(st.integers(0, 6))),
    )


def draw_settlement(draw: st.DrawFn, books: Books, ticker: str) -> Settlement | None:
    position = holdings(books)[ticker].position
    result = draw(st.sampled_from(["yes", "no", "scalar", None]))
    if result is None or not position:
        return None
    return Settlement(
        market_ticker=ticker,
        settled_at=OPENED + timedelta(seconds=6),
        result=result,
        yes_count=max(position, 0),
        no_count=max(-position, 0),
        revenue_micros=draw(st.integers(0, 30)) * 10_000,
        fee_micros=draw(st.integers(0, 1_000)),
    )


def ordered(fills: Sequence[Fill]) -> list[Fill]:
    return sorted(fills, key=lambda fill: (fill.filled_at, fill.fill_id))


def holdings(books: Books) -> dict[str, Holding]:
    """Book the fills as execution does, which knows no lots."""
    found = {}
    for ticker in MARKETS:
        held = Holding(*books.held_at_opening.get(ticker, (0, 0)))
        for fill in ordered([f for f in books.fills if f.market_ticker == ticker]):
            held = held.after(fill)
        found[ticker] = held
    return found


def trips_of(books: Books, prices: dict[str, int]) -> tuple[RoundTrip, ...]:
    return journal_of(books, sell_prices=prices).trips


PRICES = st.fixed_dictionaries({ticker: st.integers(0, 1_000_000) for ticker in MARKETS})


@given(account_books(), PRICES)
def test_results_are_the_change_of_the_account_to_the_micro(
    books: Books, prices: dict[str, int]
) -> None:
    held, settled = holdings(books), {s.market_ticker for s in books.settlements}
    cash = sum(h.cash_micros for h in held.values())
    cash += sum(s.payout_micros for s in books.settlements)
    marked = sum(
        abs(h.position) * prices[ticker] // 100
        for ticker, h in held.items()
        if ticker not in settled
    )
    cost_at_opening = sum(cost for _, cost in books.held_at_opening.values())
    results = [trip.result_micros for trip in trips_of(books, prices)]
    assert None not in results
    assert sum(r for r in results if r is not None) == cash + marked - cost_at_opening


@given(account_books(), PRICES)
def test_every_contract_is_opened_once_and_closed_at_most_once(
    books: Books, prices: dict[str, int]
) -> None:
    trips, settled = trips_of(books, prices), {s.market_ticker for s in books.settlements}
    assert len({trip.trip_id for trip in trips}) == len(trips)
    for ticker, held in holdings(books).items():
        left = {
            side: sum(
                t.count - t.closed_count
                for t in trips
                if (t.market_ticker, t.side) == (ticker, side)
            )
            for side in SIDES
        }
        position = 0 if ticker in settled else held.position
        assert left == {"yes": max(position, 0), "no": max(-position, 0)}
    assert all(0 <= trip.closed_count <= trip.count for trip in trips)
    assert all((t.closed_at is None) == (t.closed_count < t.count) for t in trips)


@given(account_books(), PRICES, st.randoms(use_true_random=False))
def test_the_order_in_which_the_books_are_told_is_of_no_matter(
    books: Books, prices: dict[str, int], mixer: random.Random
) -> None:
    def mixed(items: Sequence[Any]) -> list[Any]:
        return mixer.sample(list(items), len(items))

    told = replace(
        books,
        fills=mixed(books.fills),
        settlements=mixed(books.settlements),
        orders=mixed(books.orders),
        held_at_opening=dict(mixed(list(books.held_at_opening.items()))),
    )
    assert journal_of(told, sell_prices=prices) == journal_of(books, sell_prices=prices)


@given(account_books())
def test_a_trip_is_what_counting_single_contracts_finds(books: Books) -> None:
    trips = {trip.trip_id: trip for trip in trips_of(books, {})}
    counted = count_singly(books)
    assert trips.keys() == counted.keys()
    for trip_id, one_by_one in counted.items():
        trip = trips[trip_id]
        assert trip.count == one_by_one["count"]
        assert trip.closed_count == one_by_one["closed"]
        assert trip.opened_at == one_by_one["opened_at"]
        # Splitting a fill moves less than a micro a part.
        slack = 4 * (len(books.fills) + len(books.settlements) + 1)
        for name in ("entry_cost", "proceeds", "entry_fees", "exit_fees", "realized"):
            assert abs(getattr(trip, f"{name}_micros") - one_by_one[name]) < slack
        if not any(s.result == "scalar" for s in books.settlements):
            assert trip.proceeds_micros == one_by_one["proceeds"]
        if trip.kind != "opening":
            assert trip.entry_cost_micros == one_by_one["entry_cost"]


@dataclass(eq=False)
class One:
    """A hundredth of a contract that is held."""

    trip_id: str
    kind: str
    side: str
    paid: Fraction


Counted = dict[str, dict[str, Any]]


def count_singly(books: Books) -> Counted:
    """Match hundredths of contracts one by one, with fractions of a micro."""
    found: Counted = {}
    for ticker in MARKETS:
        queue: list[One] = []
        position, cost = books.held_at_opening.get(ticker, (0, 0))
        side = "yes" if position > 0 else "no"
        for _ in range(abs(position)):
            each = Fraction(cost, abs(position))
            open_one(found, queue, ("opening", ticker, side), each, Fraction(0), OPENED)
        for fill in ordered([f for f in books.fills if f.market_ticker == ticker]):
            trade_singly(found, queue, fill)
        for settlement in books.settlements:
            if settlement.market_ticker == ticker:
                for one in queue:
                    share = Fraction(settlement.payout_micros, len(queue))
                    close_one(found, one, share, Fraction(0))
    return found


def trade_singly(found: Counted, queue: list[One], fill: Fill) -> None:
    kind, leg, name = BUYERS[fill.order_id]
    price = fill.yes_price if fill.side == "yes" else 1_000_000 - fill.yes_price
    whose = (kind, name if kind == "bot" else fill.order_id, fill.side)
    fee = Fraction(fill.fee_micros, fill.count)
    for _ in range(fill.count):
        if not queue or queue[0].side == fill.side:
            open_one(found, queue, whose, Fraction(price, 100), fee, fill.filled_at)
            continue
        ours = [one for one in queue if one.kind == "bot"]
        taken = ours[0] if leg == "exit " and ours else queue[0]
        queue.remove(taken)
        close_one(found, taken, Fraction(1_000_000 - price, 100), fee)


def close_one(found: Counted, one: One, proceeds: Fraction, fee: Fraction) -> None:
    trip = found[one.trip_id]
    trip["closed"] += 1
    trip["proceeds"] += proceeds
    trip["exit_fees"] += fee
    trip["realized"] += proceeds - fee - one.paid


def open_one(
    found: Counted,
    queue: list[One],
    whose: tuple[str, str, str],
    cost: Fraction,
    fee: Fraction,
    at: datetime,
) -> None:
    trip_id = ":".join(whose)
    names = ("count", "closed", "entry_cost", "proceeds", "entry_fees", "exit_fees", "realized")
    trip = found.setdefault(trip_id, {**dict.fromkeys(names, 0), "opened_at": at})
    trip["count"] += 1
    trip["entry_cost"] += cost
    trip["entry_fees"] += fee
    queue.append(One(trip_id, whose[0], whose[2], cost + fee))


@given(st.integers(-1_000, 1_000), st.lists(st.integers(0, 50), min_size=1).filter(any))
def test_shares_add_up_and_are_within_a_micro_of_their_due(amount: int, weights: list[int]) -> None:
    parts = shares(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount * weight, sum(weights))) < 1
