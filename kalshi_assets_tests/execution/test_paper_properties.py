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
from kalshi_assets.domain.market import (
    BookLevel,
    ExchangeStatus,
    Market,
    MarketSnapshot,
    OrderBook,
    Quote,
    Series,
    Trade,
)
from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.errors import Rejected
from kalshi_assets.execution.paper import PaperVenue
from kalshi_assets.execution.paper_account import account_of
from kalshi_assets.execution.paper_matching import Liquidity, offers
from kalshi_assets.kalshi.batches import Batch, MarketBatch
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
    trades: list[Trade] = field(default_factory=list)
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

    def trade_history(
        self, *, start: datetime, end: datetime, ticker: str | None = None
    ) -> Batch[Trade]:
        return Batch(tuple(t for t in self.trades if start <= t.created_at < end))


@dataclass(frozen=True)
class Step:
    """A new book, some seconds with trades, and an order."""

    book: OrderBook | None
    traded: list[tuple[Side, int, int, float]]
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


prices = st.integers(25, 75).map(lambda cents: cents * CENT)
# Taker's side, YES price, count, and when in the step it is made, as a share of its seconds.
traded = st.tuples(
    st.sampled_from(SIDES), prices, st.integers(1, 3_000), st.sampled_from([0.1, 0.5, 0.9])
)
steps = st.builds(
    Step,
    book=st.none() | books(),
    traded=st.lists(traded, max_size=3),
    seconds=st.sampled_from([0, 5, 100]),
    side=st.sampled_from(SIDES),
    price=prices,
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
                "kalshi.paper_taken, kalshi.paper_trades"
            )
        )
        save_series(connection, [series], seen_at=NOON)


def cash_by_hand(fills: Sequence[Fill], settlements: Sequence[Settlement]) -> int:
    """Return the cash by what a pair is worth, without following the position."""
    bought = Counter[str]()
    cash = START + sum(s.revenue_micros for s in settlements)
    for fill in fills:
        bought[fill.side] += fill.count
        cash -= fill.count * fill.price_bought // 100 + fill.fee_micros
    return cash + min(bought["yes"], bought["no"]) * 10_000


def made_in(step: Step, begun: datetime, number: int) -> list[Trade]:
    """Return a step's trades."""
    return [
        Trade(
            f"{number}-{nth}",
            TICKER,
            count,
            price,
            side,
            False,
            begun + timedelta(seconds=share * step.seconds),
        )
        for nth, (side, price, count, share) in enumerate(step.traded)
    ]


def refuse_rosy(taken: Sequence[Fill], book: OrderBook, limits: dict[str, int]) -> None:
    """Assert that what was taken at one moment is no better and no more than the book shows."""
    for side in SIDES:
        shown = {offer.price: offer.count for offer in offers(book, side)}
        mine = [fill for fill in taken if fill.side == side]
        assert all(fill.price_bought in shown for fill in mine)
        assert all(fill.price_bought <= limits[fill.order_id] for fill in mine)
        reach = max((limits[fill.order_id] for fill in mine), default=0)
        available = sum(count for price, count in shown.items() if price <= reach)
        assert sum(fill.count for fill in mine) <= available


def refuse_untraded(made: Sequence[Fill], trades: Sequence[Trade], limits: dict[str, int]) -> None:
    """Assert that fills of resting orders are parts of trades that came to their limits."""
    left = {trade.trade_id: trade.count for trade in trades}
    by_id = {trade.trade_id: trade for trade in trades}
    for fill in made:
        name = fill.fill_id.removeprefix(f"{fill.order_id}-")
        trade = by_id[name]
        left[name] -= fill.count
        assert trade.taker_side != fill.side
        assert fill.price_bought == limits[fill.order_id], "at our limit, as the maker"
        met = trade.yes_price if fill.side == "yes" else 1_000_000 - trade.yes_price
        assert met <= limits[fill.order_id]
        assert fill.filled_at == trade.created_at
    assert all(count >= 0 for count in left.values()), "no contract of a trade is given twice"


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
        new = [fill for fill in fills[len(known) :] if fill.is_taker]
        refuse_rosy(new, exchange.book, limits)
        refuse_untraded([f for f in fills if not f.is_taker], exchange.trades, limits)
        at_this_book.update(
            {(side, 0): sum(f.count for f in new if f.side == side) for side in SIDES}
        )
        for side in SIDES:
            shown = sum(offer.count for offer in offers(exchange.book, side))
            assert at_this_book[side, 0] <= shown, "a book that stands still is sold once"
        known.extend(fills[len(known) :])
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
        exchange.trades += made_in(step, now, number)
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


@dataclass(frozen=True)
class Wish:
    """An order that comes to rest, and a trade some seconds after the one before it."""

    side: Side
    price: int
    count: int


wishes = st.builds(Wish, side=st.sampled_from(SIDES), price=prices, count=st.integers(1, 2_000))
tapes = st.lists(
    st.tuples(st.sampled_from(SIDES), prices, st.integers(1, 2_000), st.integers(1, 40)),
    min_size=1,
    max_size=12,
)


def trades_of(tape: Sequence[tuple[Side, int, int, int]]) -> list[Trade]:
    moment, made = NOON, list[Trade]()
    for number, (side, price, count, seconds) in enumerate(tape):
        moment += timedelta(seconds=seconds)
        made.append(Trade(f"t{number}", TICKER, count, price, side, False, moment))
    return made


@settings(max_examples=30, deadline=None)
@given(
    book=books(),
    wished=st.lists(wishes, min_size=1, max_size=3),
    tape=tapes,
    looks=st.sets(st.integers(1, 600), max_size=5),
)
def test_looking_often_or_seldom_or_after_a_restart_gives_the_same_fills(
    database: Database,
    book: OrderBook,
    wished: list[Wish],
    tape: list[tuple[Side, int, int, int]],
    looks: set[int],
) -> None:
    exchange = FakeExchange(book, trades_of(tape))
    seen = []
    for moments in ({600}, {*looks, 600}):
        start(database, "quadratic_with_maker_fees", Decimal(1))

        def venue(seconds: int) -> PaperVenue:
            clock = FixedClock(NOON + timedelta(seconds=seconds))
            return PaperVenue(exchange, database, clock=clock, starting_cash=10 * START)

        for number, wish in enumerate(wished):
            expires_at = NOON + timedelta(seconds=200 + 100 * number)
            with suppress(Rejected):
                venue(0).create_order(
                    OrderRequest(str(number), TICKER, wish.side, wish.price, wish.count, expires_at)
                )
        for seconds in sorted(moments):
            venue(seconds).orders()  # each venue is made anew: all it knows is in the database
        fills = [replace(fill, order_id="") for fill in venue(600).fills()]
        seen.append((fills, venue(600).orders(), venue(600).balance().cash_micros))
    assert seen[0] == seen[1]


@settings(max_examples=30, deadline=None)
@given(book=books(), wish=wishes, tape=tapes, looks=st.sets(st.integers(1, 500), max_size=4))
def test_what_is_filled_is_no_more_than_trades_leave_beyond_the_queue(
    database: Database,
    book: OrderBook,
    wish: Wish,
    tape: list[tuple[Side, int, int, int]],
    looks: set[int],
) -> None:
    start(database, "quadratic", Decimal(1))
    exchange = FakeExchange(book, trades_of(tape))
    request = OrderRequest(
        "one", TICKER, wish.side, wish.price, wish.count, NOON + timedelta(seconds=400)
    )

    def venue(seconds: int) -> PaperVenue:
        clock = FixedClock(NOON + timedelta(seconds=seconds))
        return PaperVenue(exchange, database, clock=clock, starting_cash=10 * START)

    ack = venue(0).create_order(request)
    for seconds in sorted(looks):
        venue(seconds).balance()
    met = [
        (t.yes_price if wish.side == "yes" else 1_000_000 - t.yes_price, t.count)
        for t in exchange.trades
        if t.taker_side != wish.side and t.created_at < request.expires_at
    ]
    own = book.yes_bids if wish.side == "yes" else book.no_bids
    ahead = sum(bid.count for bid in own if bid.price == wish.price)
    through = sum(count for price, count in met if price < wish.price)
    beyond = max(0, sum(count for price, count in met if price == wish.price) - ahead)
    [order] = venue(500).orders()
    traded = order.fill_count - ack.fill_count
    assert traded <= min(through + beyond, ack.remaining_count)
    if not through:
        assert traded == min(beyond, ack.remaining_count)


def test_a_trade_that_is_told_late_counts_once_and_at_its_own_moment(database: Database) -> None:
    start(database, "quadratic", Decimal(1))
    exchange = FakeExchange(OrderBook(TICKER, (), ()))

    def venue(seconds: int) -> PaperVenue:
        clock = FixedClock(NOON + timedelta(seconds=seconds))
        return PaperVenue(exchange, database, clock=clock, starting_cash=START)

    expires_at = NOON + timedelta(seconds=180)
    venue(0).create_order(OrderRequest("one", TICKER, "yes", 50 * CENT, 500, expires_at))
    assert venue(30).fills() == []
    moment = NOON + timedelta(seconds=25)
    exchange.trades.append(Trade("late", TICKER, 200, 49 * CENT, "no", False, moment))
    for seconds in (40, 60, 90, 170):
        [fill] = venue(seconds).fills()
        assert (fill.count, fill.filled_at) == (200, moment)


def test_a_late_trade_is_not_counted_where_the_book_has_shown_it_already(
    database: Database,
) -> None:
    start(database, "quadratic", Decimal(1))
    exchange = FakeExchange(OrderBook(TICKER, (BookLevel(50 * CENT, 500),), ()))

    def venue(seconds: int) -> PaperVenue:
        clock = FixedClock(NOON + timedelta(seconds=seconds))
        return PaperVenue(exchange, database, clock=clock, starting_cash=START)

    expires_at = NOON + timedelta(seconds=180)
    venue(0).create_order(OrderRequest("one", TICKER, "yes", 50 * CENT, 500, expires_at))
    exchange.book = OrderBook(TICKER, (BookLevel(50 * CENT, 200),), ())
    venue(30).orders()
    moment = NOON + timedelta(seconds=25)
    exchange.trades.append(Trade("late", TICKER, 300, 50 * CENT, "no", False, moment))
    assert venue(40).fills() == [], "those 300 stood ahead of us, and 200 still do"
    soon = NOON + timedelta(seconds=45)
    exchange.trades.append(Trade("next", TICKER, 300, 50 * CENT, "no", False, soon))
    assert [fill.count for fill in venue(50).fills()] == [100]


def test_a_book_that_may_be_older_than_the_order_shortens_no_queue(database: Database) -> None:
    start(database, "quadratic", Decimal(1))
    exchange = FakeExchange(OrderBook(TICKER, (BookLevel(50 * CENT, 500),), ()))

    def venue(seconds: float) -> PaperVenue:
        clock = FixedClock(NOON + timedelta(seconds=seconds))
        return PaperVenue(exchange, database, clock=clock, starting_cash=START)

    expires_at = NOON + timedelta(seconds=180)
    venue(0).create_order(OrderRequest("one", TICKER, "yes", 50 * CENT, 500, expires_at))
    now = exchange.book
    exchange.book = OrderBook(TICKER, (), ())
    venue(14.9).orders()
    exchange.book = now
    moment = NOON + timedelta(seconds=20)
    exchange.trades.append(Trade("one", TICKER, 500, 50 * CENT, "no", False, moment))
    assert venue(30).fills() == []


def test_a_block_trade_fills_nothing(database: Database) -> None:
    start(database, "quadratic", Decimal(1))
    moment = NOON + timedelta(seconds=5)
    block = Trade("block", TICKER, 500, 40 * CENT, "no", True, moment)
    exchange = FakeExchange(OrderBook(TICKER, (), ()), [block])
    expires_at = NOON + timedelta(seconds=180)
    request = OrderRequest("one", TICKER, "yes", 50 * CENT, 500, expires_at)
    PaperVenue(exchange, database, clock=FixedClock(NOON), starting_cash=START).create_order(
        request
    )
    later = FixedClock(NOON + timedelta(seconds=30))
    assert PaperVenue(exchange, database, clock=later, starting_cash=START).fills() == []
