"""What holds of paper money and paper fills whatever happens, on a real Postgres."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kalshi_assets.domain.account import Fill, OrderRequest, Settlement, Side
from kalshi_assets.domain.clock import FixedClock
from kalshi_assets.domain.fees import maker_fee, taker_fee
from kalshi_assets.domain.market import (
    BookLevel,
    ExchangeStatus,
    Market,
    MarketSnapshot,
    OrderBook,
    Quote,
    Series,
)
from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.errors import Rejected
from kalshi_assets.execution.paper import PaperVenue
from kalshi_assets.execution.paper_account import account_of, price_bought
from kalshi_assets.execution.paper_matching import Liquidity, offers
from kalshi_assets.kalshi.batches import MarketBatch
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.markets import save_series
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.stand import DatabaseMaker

TICKER = "KXTEST-26OCT-T1"
NOON = datetime(2026, 10, 13, 16, tzinfo=UTC)
CENT = 10_000
START = 20_000_000
SIDES: tuple[Side, Side] = ("yes", "no")


@dataclass
class FakeExchange:
    """One market whose book and life a test sets."""

    book: OrderBook
    market: Market = field(
        default_factory=lambda: Market(
            ticker=TICKER,
            event_ticker="KXTEST-26OCT",
            title="A test",
            status="active",
            open_at=NOON - timedelta(days=1),
            close_at=NOON + timedelta(days=1),
            grid=PriceGrid((PriceRange(0, 1_000_000, CENT),)),
            result="",
        )
    )

    def exchange_status(self) -> ExchangeStatus:
        return ExchangeStatus(is_exchange_active=True, is_trading_active=True)

    def markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        quote = Quote(TICKER, self.market.status, 0, 0, 0, 0, 0, 0, 0, 0, NOON)
        return MarketBatch((MarketSnapshot(self.market, quote),))

    def orderbook(self, ticker: str) -> OrderBook:
        return self.book


@dataclass(frozen=True)
class Step:
    """A new book, some seconds, and an order."""

    book: OrderBook | None
    seconds: int
    side: Side
    price: int
    count: int


def ladder(draw: st.DrawFn, lowest: int, highest: int) -> tuple[BookLevel, ...]:
    sizes = draw(st.dictionaries(st.integers(lowest, highest), st.integers(1, 1_500), max_size=3))
    return tuple(BookLevel(cents * CENT, count) for cents, count in sorted(sizes.items()))


@st.composite
def books(draw: st.DrawFn) -> OrderBook:
    """Draw a book that is not crossed: a YES bid is below every offer of YES."""
    edge = draw(st.integers(30, 70))
    return OrderBook(TICKER, ladder(draw, edge - 8, edge), ladder(draw, 92 - edge, 99 - edge))


steps = st.builds(
    Step,
    book=st.none() | books(),
    seconds=st.sampled_from([0, 5, 100]),
    side=st.sampled_from(SIDES),
    price=st.integers(25, 75).map(lambda cents: cents * CENT),
    count=st.integers(1, 2_500),
)


@pytest.fixture(scope="module")
def database(make_database: DatabaseMaker) -> Iterator[Database]:
    made = Database(make_database())
    prepare(made, identity="paper", now=NOON)
    yield made
    made.dispose()


def start(database: Database, fee_type: str, multiplier: Decimal) -> None:
    series = Series("KXTEST", "A test", "Economics", fee_type, multiplier)
    with database.transaction() as connection:
        connection.execute(
            text(
                "TRUNCATE kalshi.paper_orders, kalshi.paper_fills, kalshi.paper_settlements, "
                "kalshi.paper_taken"
            )
        )
        save_series(connection, [series], seen_at=NOON)


def cash_by_hand(fills: Sequence[Fill], settlements: Sequence[Settlement]) -> int:
    """Return the cash by what a pair is worth, without following the position."""
    bought = Counter[str]()
    cash = START + sum(s.revenue_micros for s in settlements)
    for fill in fills:
        bought[fill.side] += fill.count
        cash -= fill.count * price_bought(fill) // 100 + fill.fee_micros
    return cash + min(bought["yes"], bought["no"]) * 10_000


def refuse_rosy(new: Sequence[Fill], book: OrderBook, limits: dict[str, int]) -> None:
    """Assert that fills of one moment are no better and no more than the book shows."""
    for side in SIDES:
        shown = {offer.price: offer.count for offer in offers(book, side)}
        mine = [fill for fill in new if fill.side == side]
        for fill in mine:
            assert price_bought(fill) <= limits[fill.order_id]
            if fill.is_taker:
                assert price_bought(fill) in shown
            else:
                assert price_bought(fill) == limits[fill.order_id]
                assert min(shown) <= limits[fill.order_id]
        if mine:
            reach = max(limits[fill.order_id] for fill in mine)
            available = sum(count for price, count in shown.items() if price <= reach)
            assert sum(fill.count for fill in mine) <= available


@settings(max_examples=30, deadline=None)
@given(
    first=books(),
    course=st.lists(steps, min_size=1, max_size=6),
    fee_type=st.sampled_from(["quadratic", "quadratic_with_maker_fees"]),
    multiplier=st.sampled_from([Decimal(1), Decimal("0.5"), Decimal(0)]),
    result=st.sampled_from(["yes", "no"]),
)
def test_money_is_conserved_and_no_fill_is_better_than_the_book(
    database: Database,
    first: OrderBook,
    course: list[Step],
    fee_type: str,
    multiplier: Decimal,
    result: str,
) -> None:
    start(database, fee_type, multiplier)
    exchange, now = FakeExchange(first), NOON
    limits: dict[str, int] = {}
    known: list[Fill] = []
    at_this_book = Counter[tuple[Side, int]]()

    def venue() -> PaperVenue:
        return PaperVenue(exchange, database, clock=FixedClock(now), starting_cash=START)

    def look() -> None:
        fills = venue().fills()
        new = fills[len(known) :]
        refuse_rosy(new, exchange.book, limits)
        at_this_book.update(
            {(side, 0): sum(f.count for f in new if f.side == side) for side in SIDES}
        )
        for side in SIDES:
            shown = sum(offer.count for offer in offers(exchange.book, side))
            assert at_this_book[side, 0] <= shown, "a book that stands still is sold once"
        known.extend(new)
        balance = venue().balance().cash_micros
        assert balance == cash_by_hand(fills, venue().settlements())
        assert balance >= 0
        assert balance % 100 == 0
        for order in venue().orders():
            assert order.fill_count == sum(f.count for f in fills if f.order_id == order.order_id)
            assert 0 <= order.fill_count + order.remaining_count <= order.initial_count

    for number, step in enumerate(course):
        if step.book is not None:
            exchange.book = step.book
            at_this_book.clear()
        now += timedelta(seconds=step.seconds)
        look()
        request = OrderRequest(
            client_order_id=str(number),
            market_ticker=TICKER,
            side=step.side,
            limit_price=step.price,
            count=step.count,
            expires_at=now + timedelta(seconds=180),
        )
        limits[f"paper-{number}"] = step.price
        with suppress(Rejected):  # the cash is small
            venue().create_order(request)
        look()

    held = sum(p.position for p in venue().positions())
    before = venue().balance().cash_micros
    exchange.market = replace(exchange.market, status="finalized", result=result)
    won = max(held if result == "yes" else -held, 0) * 10_000
    assert venue().balance().cash_micros == before + won
    assert venue().positions() == []
    look()


def test_a_status_older_than_the_closing_time_does_not_keep_a_market_open(
    database: Database,
) -> None:
    start(database, "quadratic", Decimal(1))
    exchange = FakeExchange(OrderBook(TICKER, (), (BookLevel(50 * CENT, 100),)))
    closes_at = exchange.market.close_at
    request = OrderRequest("late", TICKER, "yes", 50 * CENT, 100, closes_at + timedelta(minutes=1))
    venue = PaperVenue(exchange, database, clock=FixedClock(closes_at), starting_cash=START)
    with pytest.raises(Rejected) as refused:
        venue.create_order(request)
    assert refused.value.code == "MARKET_NOT_ACTIVE"


@given(
    trades=st.lists(
        st.tuples(st.sampled_from(SIDES), st.integers(1, 99), st.integers(1, 5_000)), max_size=12
    )
)
def test_cash_equals_start_and_gains_less_cost_and_fees(
    trades: list[tuple[Side, int, int]],
) -> None:
    fills = [
        Fill(str(n), "o", TICKER, side, count, cents * CENT, 100 * n, True, NOON)
        for n, (side, cents, count) in enumerate(trades)
    ]
    account = account_of(START, fills, [])
    held = account.holding(TICKER)
    assert account.cash_micros == cash_by_hand(fills, [])
    assert account.cash_micros == (
        START + held.realized_micros - held.cost_micros - held.fees_micros
    )
    assert held.position == sum(f.count if f.side == "yes" else -f.count for f in fills)
    assert held.position or not held.cost_micros, "nothing held has cost nothing"


@given(looks=st.lists(st.tuples(books(), st.sampled_from(SIDES), st.integers(1, 3_000))))
def test_what_was_taken_of_a_level_never_exceeds_what_it_shows(
    looks: list[tuple[OrderBook, Side, int]],
) -> None:
    taken: dict[tuple[Side, int], int] = {}
    for book, side, count in looks:
        liquidity = Liquidity(book, taken)
        parts = liquidity.take(side, limit=1_000_000, count=count)
        assert [p.price for p in parts] == sorted(p.price for p in parts), "cheapest first"
        assert sum(part.count for part in parts) <= count
        taken = liquidity.taken
        shown = {(s, o.price): o.count for s in SIDES for o in offers(book, s)}
        assert all(0 < taken[key] <= shown[key] for key in taken)


@pytest.mark.parametrize(
    ("fee_type", "count", "price", "fee"),
    [
        ("quadratic", 200, 670_000, 0),
        ("quadratic_with_maker_fees", 200, 670_000, 7_800),  # API.md section 10, as observed
        ("quadratic_with_combo_maker_fees", 200, 670_000, 15_500),
    ],
)
def test_maker_fees_by_the_series_type(fee_type: str, count: int, price: int, fee: int) -> None:
    assert maker_fee(count, price, fee_type=fee_type, multiplier=Decimal(1)) == fee


def test_a_maker_fee_of_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="flat"):
        maker_fee(100, 500_000, fee_type="flat", multiplier=Decimal(1))


def test_taker_fees_as_observed() -> None:
    assert taker_fee(100, 520_000, multiplier=Decimal(1)) == 17_500
    assert taker_fee(100, 990_000, multiplier=Decimal(1)) == 700
    assert taker_fee(300, 450_000, multiplier=Decimal(1)) == 52_000
